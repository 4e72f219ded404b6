//! Reading what has changed at the gateway: one pass after the other over a shop's list, so that what is asked for
//! grows with the changes and not with the open payments (protocols, section 2, "Sweep").
//!
//! A pass reads everything whose `updated` lies at or after the cursor, and no upper bound: an item that changes while
//! the pass is under way stays in the list, and no neighbour moves into its place unread. Items that come in push others
//! to later pages, where they are met twice. What comes in behind the pass changed after it began, and the cursor of
//! the next one lies before that.

mod items;
mod local;

use std::time::Duration;

use domain::{ShopName, Switch, Time};
use gateway_client::answer::{Failure, ListOutcome, UnknownReason, read_list};
use gateway_client::request::{self, ListQuery};
use store::{Pass, Sweep, SweepClaim};

use crate::gateway::sighting;
use crate::{DeedError, Desk, Trouble};
pub(crate) use local::Sweeping;

/// How the list is swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepRules {
    /// From the end of a pass to the beginning of the next one.
    pub interval: Duration,
    /// Items on a page.
    pub page_items: u16,
    /// Pages of one turn, at most; the next turn goes on from there.
    pub pages_max: u32,
    /// How far the cursor stays behind the beginning of a pass: for what the list shows late.
    pub overlap: Duration,
    /// How old a payment may be whose changes are read, if no open one is older.
    pub created_back: Duration,
    /// No page lies deeper in the list than this; what is older is read as a list of its own. The contract's own bound
    /// is 1,000,000 (gateway contract, section 6.2).
    pub slice_items: u32,
}

impl Default for SweepRules {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
            page_items: 200,
            pages_max: 50,
            overlap: Duration::from_mins(15),
            created_back: Duration::from_hours(180 * 24),
            slice_items: 100_000,
        }
    }
}

/// What a turn of sweeping came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Pages that were read.
    pub pages: u64,
    /// Gateway payments on them, each counted once in a turn.
    pub items: u64,
    /// Passes that were completed.
    pub passes: u64,
    /// Turns that ended because the gateway could not be read.
    pub failed: u64,
}

/// A page of the list.
struct Read {
    sightings: Vec<domain::Sighting>,
    /// How many stood on it, readable or not.
    count: u32,
    unreadable: u32,
    has_more: bool,
    gateway_time: Option<Time>,
}

/// Why a turn reads no further.
enum Halt {
    /// Its time is over, or the bucket is empty: somebody goes on so much later.
    Pause(Duration),
    /// The gateway cannot be read.
    Trouble(Trouble),
    /// It refuses what it is asked for, in its own words.
    Refused,
    /// More was made in one second than a slice can hold.
    TooMany,
    /// What was read cannot be recorded.
    Failed(DeedError),
}

impl From<DeedError> for Halt {
    fn from(error: DeedError) -> Self {
        Self::Failed(error)
    }
}

impl Desk {
    /// Takes a turn at the sweep of each shop that is due and that nobody is on.
    pub async fn sweep_due(&self) -> Result<Swept, DeedError> {
        let mut all = Swept::default();
        let Some(rules) = self.rules.sweep.filter(|_| !self.stops.is_stopped(Switch::Polling)) else { return Ok(all) };
        let mut first_error = None;
        for shop in self.signing_keys.keys() {
            let now = self.clock.uptime();
            if !self.sweeping.is_due(shop, now) || self.breaker.check(shop, now).is_err() || self.throttle.is_empty() {
                continue;
            }
            match self.sweep_shop(shop, &rules).await {
                Ok(swept) => all.add(swept),
                // One shop's trouble is not the others'.
                Err(error) => {
                    self.sweeping.ask_again(shop, now.saturating_add(rules.interval));
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(all), Err)
    }

    async fn sweep_shop(&self, shop: &ShopName, rules: &SweepRules) -> Result<Swept, DeedError> {
        let (now, leased_at) = (self.now(), self.clock.uptime());
        let until = now.plus(self.rules.intervals.lease);
        let claim = SweepClaim { shop: shop.clone(), now, owner: self.owner, until };
        let Some(mut sweep) = self.store.store().claim_sweep(&claim).await? else {
            // Another process is on it, or was a moment ago.
            self.sweeping.ask_again(shop, leased_at.saturating_add(rules.interval / 6));
            return Ok(Swept::default());
        };
        let mut swept = Swept::default();
        let taken = self.take_turn(&mut sweep, &mut swept, rules, leased_at).await;
        let pause = match &taken {
            Err(Halt::Pause(pause)) => *pause,
            Ok(()) | Err(Halt::Trouble(_) | Halt::Refused | Halt::TooMany | Halt::Failed(_)) => rules.interval,
        };
        if matches!(taken, Err(Halt::TooMany)) {
            // It can go no further. The cursor has not moved, so a new one misses nothing.
            sweep.pass = None;
        }
        let is_failed = !matches!(taken, Ok(()) | Err(Halt::Pause(_)));
        swept.failed += u64::from(is_failed);
        sweep.next_at = self.now().plus(pause);
        self.sweeping.count(shop, swept, self.clock.uptime().saturating_add(pause));
        // Whoever overslept has read for nothing: the place and the cursor are the other one's to store.
        let recorded = self.store.store().record_sweep(&sweep).await;
        match taken {
            Ok(()) | Err(Halt::Pause(_)) => {}
            Err(Halt::Trouble(trouble)) => self.breaker.failed(shop, trouble, self.clock.uptime()),
            Err(Halt::Refused) => {
                self.breaker.succeeded(shop);
                tracing::error!(shop = shop.as_str(), "the gateway refuses the query of the sweep");
            }
            Err(Halt::TooMany) => {
                tracing::error!(shop = shop.as_str(), "the gateway made more payments in a second than can be read");
            }
            Err(Halt::Failed(error)) => return Err(error),
        }
        recorded?;
        Ok(swept)
    }

    /// Goes on with the pass, or begins one, until it is complete or the turn is over. `sweep` is where it stands once
    /// everything before is durable, at any moment.
    async fn take_turn(
        &self,
        sweep: &mut Sweep,
        swept: &mut Swept,
        rules: &SweepRules,
        leased_at: Duration,
    ) -> Result<(), Halt> {
        if sweep.pass.is_none() {
            self.match_again(&sweep.shop, rules).await?;
        }
        // How old what is read may be: as old as the oldest payment that is still open, whose end is waited for. The
        // first pass begins there; how late the gateway's clock is nobody knows yet.
        let oldest = self.oldest_open(&sweep.shop).await?.minus(self.rules.look_back);
        let created_from = oldest.min(self.now().minus(rules.created_back));
        let cursor = *sweep.cursor.get_or_insert(oldest);
        let mut limit = self.sweeping.limit(&sweep.shop).unwrap_or(rules.page_items);
        loop {
            // The lease must outlast the answer that is waited for.
            let is_late = self.clock.uptime().saturating_sub(leased_at) > self.rules.send_guard;
            if is_late || swept.pages >= u64::from(rules.pages_max) {
                return Err(Halt::Pause(Duration::ZERO));
            }
            let begun_at = self.now();
            let mut pass = sweep.pass.map_or(Ok(begin(begun_at)), |pass| within(pass, limit, rules))?;
            let query = ListQuery {
                offset: Some(pass.offset),
                limit: Some(limit),
                created_gte: Some(created_from.utc()),
                created_lt: pass.created_before.map(Time::utc),
                updated_gte: Some(cursor.utc()),
                ..ListQuery::default()
            };
            self.throttle.admit().map_err(Halt::Pause)?;
            let Some(read) = self.read_swept_page(&sweep.shop, &query).await? else {
                limit = (limit / 2).max(1);
                self.sweeping.set_limit(&sweep.shop, Some(limit));
                continue;
            };
            // Of all that stands there: what this process has met before, another one may not have.
            let oldest = read.sightings.iter().filter_map(|sighting| sighting.created).min();
            pass.reached = pass.reached.into_iter().chain(oldest).min();
            let fresh = self.sweeping.unmet(&sweep.shop, &pass, read.sightings);
            self.apply_page(&sweep.shop, &fresh).await?;
            self.sweeping.meet(&sweep.shop, &fresh);
            (swept.pages, swept.items) = (swept.pages + 1, swept.items + fresh.len() as u64);
            if sweep.pass.is_none() {
                // The earlier of the two clocks, so that one that runs ahead hides nothing.
                pass.next_cursor = read.gateway_time.map(|told| told.min(begun_at).minus(rules.overlap));
            }
            pass.offset = pass.offset.saturating_add(read.count);
            pass.unreadable = pass.unreadable.saturating_add(read.unreadable);
            if !read.has_more {
                self.complete(sweep, pass);
                swept.passes += 1;
                return Ok(());
            }
            sweep.pass = Some(pass);
        }
    }

    /// Only now does the cursor move.
    fn complete(&self, sweep: &mut Sweep, pass: Pass) {
        sweep.pass = None;
        sweep.cursor = pass.next_cursor.or(sweep.cursor);
        sweep.completed_at = Some(self.now());
        self.sweeping.set_limit(&sweep.shop, None);
        if pass.unreadable == 0 {
            sweep.swept_at = Some(pass.begun_at);
        } else {
            // Nobody can say whose they are, and they would stand in the way for ever. Whose they are is asked for by id.
            tracing::warn!(
                shop = sweep.shop.as_str(),
                items = pass.unreadable,
                "items of the gateway's list are unreadable"
            );
        }
    }

    /// `None` if the answer is larger than is ever read, and fewer items must be asked for.
    async fn read_swept_page(&self, shop: &ShopName, query: &ListQuery) -> Result<Option<Read>, Halt> {
        let request = request::list_payments(query).map_err(|_| Halt::Refused)?;
        match read_list(self.gateway.exchange(shop, request).await) {
            // Nothing, and more of it: whoever says so does not know its own list.
            ListOutcome::Page { payments, unreadable: 0, has_more: true, .. } if payments.is_empty() => {
                Err(Halt::Trouble(Trouble::Unavailable))
            }
            ListOutcome::Page { payments, unreadable, has_more, gateway_time } => {
                self.breaker.succeeded(shop);
                let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
                let sightings: Vec<_> = payments.iter().filter_map(sighting).collect();
                Ok(Some(Read {
                    count: count(payments.len() + unreadable),
                    unreadable: count(payments.len() + unreadable - sightings.len()),
                    sightings,
                    has_more,
                    gateway_time: gateway_time.map(Time::new),
                }))
            }
            ListOutcome::Unavailable(Failure::Unknown(UnknownReason::AnswerTooLarge)) if query.limit > Some(1) => {
                Ok(None)
            }
            ListOutcome::Misconfigured(_) => Err(Halt::Trouble(Trouble::Misconfigured)),
            ListOutcome::Refused(_) => Err(Halt::Refused),
            ListOutcome::Unavailable(_) => Err(Halt::Trouble(Trouble::Unavailable)),
        }
    }

    /// What was the oldest yesterday bounds what is open today as well, so that this is asked for once a day.
    async fn oldest_open(&self, shop: &ShopName) -> Result<Time, DeedError> {
        let uptime = self.clock.uptime();
        if let Some(known) = self.sweeping.oldest(shop, uptime) {
            return Ok(known);
        }
        let oldest = self.store.store().oldest_open(shop).await?.unwrap_or_else(|| self.now());
        self.sweeping.set_oldest(shop, uptime, oldest);
        Ok(oldest)
    }

    /// How far the list of each shop has been read, by whichever process.
    pub async fn sweeps(&self) -> Result<Vec<Sweep>, DeedError> {
        Ok(self.store.store().sweeps().await?)
    }

    /// What the sweeps of this process came to so far, shop by shop.
    pub fn swept(&self) -> Vec<(ShopName, Swept)> {
        self.sweeping.counts()
    }
}

impl Swept {
    fn add(&mut self, other: Self) {
        self.pages += other.pages;
        self.items += other.items;
        self.passes += other.passes;
        self.failed += other.failed;
    }
}

fn begin(begun_at: Time) -> Pass {
    Pass { begun_at, next_cursor: None, offset: 0, created_before: None, reached: None, unreadable: 0 }
}

/// The pass, and where its slice would become too long, at the beginning of the next one. Slices by the time of creation
/// do not shift. The second in which one ends belongs to the next one too.
fn within(pass: Pass, limit: u16, rules: &SweepRules) -> Result<Pass, Halt> {
    if pass.offset.saturating_add(u32::from(limit)) <= rules.slice_items {
        return Ok(pass);
    }
    let created_before = pass.reached.map(|reached| reached.plus(Duration::from_secs(1)));
    if created_before.is_none() || pass.created_before.is_some_and(|before| created_before >= Some(before)) {
        return Err(Halt::TooMany);
    }
    Ok(Pass { offset: 0, created_before, ..pass })
}
