//! Bulk actions: the same deed for everything that is stuck and fits a filter.
//!
//! One goes through the list in its order, one item after the other, and records where it stands behind each, so that another
//! process can go on with it, and somebody can stop it at any item. What needed a person only after it was ordered is left
//! alone, so it comes to an end. Each payment's ledger tells who ordered it, why, and under which name.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::{Actor, Deed, Operator, PaymentId, Seen, ShopName, StuckReason, Time, Via};
use serde::{Deserialize, Serialize};
use store::{
    BulkAction, BulkActions, BulkClaim, BulkRecorded, BulkState, BulkTrouble, EndpointState, Events, EventsPage, Inbox,
    NoticeDeed, NoticeDeedKind, NoticeId, Reads, StoreError, Stored, StuckItem, StuckPage,
};
use strum::VariantArray as _;
use uuid::Uuid;

use crate::event::{event_type, fits_any};
use crate::{DeedError, Desk};

/// What can be done to many at once: nothing of it moves money or forces a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum BulkDeed {
    /// The gateway is asked about each payment.
    Check,
    /// Each notice that nothing matched is run again.
    Rerun,
    /// Each payment is put off.
    Snooze {
        /// Until then.
        until: Time,
    },
    /// Somebody looks after each payment.
    Assign {
        /// Who; nobody any more without a name.
        #[serde(rename = "assignee")]
        to: Option<String>,
    },
    /// Every event of each payment is sent again to every endpoint that hears of it.
    ResendEvents,
}

/// What somebody orders.
#[derive(Debug, Clone)]
pub struct BulkOrder {
    /// Its name.
    pub id: Uuid,
    /// What is done to each.
    pub deed: BulkDeed,
    /// To what is stuck for one of these reasons, of those that it can be done for.
    pub reasons: BTreeSet<StuckReason>,
    /// And belongs to one of these shops; all if there is none.
    pub shops: BTreeSet<ShopName>,
    /// Why, in their own words.
    pub reason: String,
    /// Where it is written up.
    pub ticket: Option<String>,
    /// Who orders it.
    pub by: Actor,
    /// From where.
    pub via: Via,
}

/// Where bulk actions are ordered and carried out.
pub struct BulkWorker {
    desk: Arc<Desk>,
    records: Arc<dyn BulkActions>,
    reads: Arc<dyn Reads>,
    inbox: Arc<dyn Inbox>,
    events: Arc<dyn Events>,
    items_max: u32,
}

/// Why a turn goes no further.
enum Halt {
    /// The gateway is asked for too much, or does not answer: somebody goes on so much later.
    Pause(Duration),
    /// Somebody wants it to stop.
    ToBeStopped,
    /// Somebody else has it by now.
    Overslept,
    /// What was done cannot be recorded.
    Failed(DeedError),
}

impl<E: Into<DeedError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Items of one turn, at most: the program may be about to stop, and others wait for their turn.
const STEPS_MAX: u32 = 50;

/// Of how many failures it is told what they are about.
const TROUBLES_MAX: usize = 20;

/// Events of one payment, at most.
const EVENTS_MAX: u32 = 200;

/// Whether something was done under this name stands among as many of the last entries.
const ENTRIES_LOOKED_AT: u32 = 50;

impl BulkDeed {
    /// What it can be done for, of the reasons that are asked for; empty means all.
    pub fn reasons(&self, asked: &BTreeSet<StuckReason>) -> BTreeSet<StuckReason> {
        let is_for_notices = *self == Self::Rerun;
        let fits = |reason: &StuckReason| (*reason == StuckReason::UnmatchedWebhook) == is_for_notices;
        let asked = |reason: &StuckReason| asked.is_empty() || asked.contains(reason);
        StuckReason::VARIANTS.iter().copied().filter(|reason| fits(reason) && asked(reason)).collect()
    }
}

impl BulkWorker {
    /// Over a desk, the records of bulk actions, what is stuck, notices, and events; for no more items than the settings say.
    pub fn new(
        desk: Arc<Desk>,
        records: Arc<dyn BulkActions>,
        reads: Arc<dyn Reads>,
        inbox: Arc<dyn Inbox>,
        events: Arc<dyn Events>,
        items_max: u32,
    ) -> Self {
        Self { desk, records, reads, inbox, events, items_max }
    }

    /// The records of bulk actions.
    pub fn records(&self) -> &Arc<dyn BulkActions> {
        &self.records
    }

    /// The most items of one.
    pub fn items_max(&self) -> u32 {
        self.items_max
    }

    /// How many there are that something would be done to: no more are counted, by reason, than one more than one does.
    pub async fn count(&self, reasons: &BTreeSet<StuckReason>, shops: &BTreeSet<ShopName>) -> Result<u64, DeedError> {
        let tallies = self.reads.stuck_tallies(shops, self.desk.now(), self.items_max.saturating_add(1)).await?;
        Ok(tallies.iter().filter(|tally| reasons.contains(&tally.reason)).map(|tally| tally.items).sum())
    }

    /// Orders one. An order that is repeated under its name is one order.
    pub async fn order(&self, order: BulkOrder) -> Result<BulkAction, DeedError> {
        let reasons = order.deed.reasons(&order.reasons);
        let expected = self.count(&reasons, &order.shops).await?.min(self.items_max.into());
        let now = self.desk.now();
        let action = BulkAction {
            id: order.id,
            action: serde_json::to_string(&order.deed).unwrap_or_default(),
            reasons,
            shops: order.shops,
            items_max: self.items_max.into(),
            reason: order.reason,
            ticket: order.ticket,
            ordered_by: order.by,
            via: order.via,
            ordered_at: now,
            state: BulkState::Waiting,
            expected,
            done: 0,
            failed: 0,
            troubles: Vec::new(),
            place: None,
            stopped_by: None,
            begun_at: None,
            finished_at: None,
            next_at: now,
            epoch: 0,
        };
        Ok(self.records.order_bulk_action(&action).await?)
    }

    /// Has one stopped. False if it is over, or was stopped before.
    pub async fn stop(&self, id: Uuid, by: &Actor) -> Result<bool, DeedError> {
        Ok(self.records.stop_bulk_action(id, by, self.desk.now()).await?)
    }

    /// Takes a turn at the one whose turn it is, if there is one. Answers whether there was.
    pub async fn act_due(&self) -> Result<bool, DeedError> {
        let leased_at = self.desk.clock.uptime();
        let claim = BulkClaim { now: self.desk.now(), owner: self.desk.owner, until: self.lease() };
        let Some(mut action) = self.records.claim_bulk_action(&claim).await? else { return Ok(false) };
        let turn = match serde_json::from_str(&action.action) {
            _ if action.stopped_by.is_some() => Err(Halt::ToBeStopped),
            Ok(deed) => self.go_on(&mut action, &deed, leased_at).await,
            Err(_) => {
                tracing::error!(bulk_action = %action.id, "this version of the program does not know the bulk action");
                self.end(&mut action, BulkState::Failed).await.map_err(Halt::from)
            }
        };
        match turn {
            Ok(()) => {}
            Err(Halt::Pause(pause)) => {
                action.next_at = self.desk.now().plus(pause);
                self.records.record_bulk_action(&action, None).await?;
            }
            Err(Halt::ToBeStopped) => self.end(&mut action, BulkState::Stopped).await?,
            Err(Halt::Overslept) => {
                tracing::warn!(bulk_action = %action.id, "somebody else goes on with the bulk action");
            }
            Err(Halt::Failed(error)) => return Err(error),
        }
        Ok(true)
    }

    /// Item after item, until there is none left or the turn is over.
    async fn go_on(&self, action: &mut BulkAction, deed: &BulkDeed, leased_at: Duration) -> Result<(), Halt> {
        // Whoever had it before may have died between an item and its record.
        let mut may_be_done = action.epoch > 1;
        for _ in 0..STEPS_MAX {
            if self.desk.clock.uptime().saturating_sub(leased_at) > self.desk.rules.send_guard {
                return Err(Halt::Pause(Duration::ZERO));
            }
            let Some(item) = self.next(action).await? else { return Ok(self.end(action, BulkState::Completed).await?) };
            let is_done = may_be_done && self.is_done(action, &item).await?;
            if !is_done && let Err(error) = self.act(action, deed, &item).await? {
                action.failed += 1;
                if action.troubles.len() < TROUBLES_MAX {
                    action.troubles.push(BulkTrouble { of: name_of(&item), why: error.to_string() });
                }
            } else {
                action.done += 1;
            }
            may_be_done = false;
            action.place = item.place();
            match self.records.record_bulk_action(action, Some(self.lease())).await? {
                BulkRecorded::Kept => {}
                BulkRecorded::ToBeStopped => return Err(Halt::ToBeStopped),
                BulkRecorded::Lost => return Err(Halt::Overslept),
            }
        }
        Err(Halt::Pause(Duration::ZERO))
    }

    /// The first item behind those that were gone through, as it is now.
    async fn next(&self, action: &BulkAction) -> Result<Option<StuckItem>, DeedError> {
        if action.done + action.failed >= action.items_max {
            return Ok(None);
        }
        let page = StuckPage {
            reasons: action.reasons.clone(),
            shops: action.shops.clone(),
            now: action.ordered_at,
            snoozed: false,
            after: action.place,
            limit: 1,
        };
        Ok(self.reads.stuck(&page).await?.pop())
    }

    /// Does it to one of them. What stands against it is the item's own trouble; what stands in the way of all of them is not.
    async fn act(&self, action: &BulkAction, deed: &BulkDeed, item: &StuckItem) -> Result<Result<(), DeedError>, Halt> {
        let acted = match item {
            StuckItem::Notice(notice) => self.rerun(action, notice.record.id).await,
            StuckItem::Payment(stored) => {
                self.admit(deed, stored)?;
                self.act_on(action, deed, stored.payment.id()).await
            }
        };
        match acted {
            // Somebody else may be able to, a moment later.
            Err(DeedError::Store(error))
                if !matches!(*error, StoreError::Refused(_) | StoreError::Unreadable { .. }) =>
            {
                Err(Halt::Failed(DeedError::Store(error)))
            }
            acted => Ok(acted),
        }
    }

    /// Whether the gateway may be asked now: what is done to many waits for what is done for somebody.
    fn admit(&self, deed: &BulkDeed, stored: &Stored) -> Result<(), Halt> {
        if *deed != BulkDeed::Check {
            return Ok(());
        }
        let shop = &stored.payment.opening.shop;
        let closed = self.desk.breaker.check(shop, self.desk.clock.uptime());
        closed.map_err(|(_, retry_after)| Halt::Pause(retry_after))?;
        self.desk.throttle.admit().map_err(Halt::Pause)
    }

    async fn act_on(&self, action: &BulkAction, deed: &BulkDeed, payment: PaymentId) -> Result<(), DeedError> {
        // What can be done twice is done before it is noted, so that what is noted was done.
        let care = match deed {
            BulkDeed::Check => {
                self.desk.look_now(payment).await?;
                Deed::Note
            }
            BulkDeed::ResendEvents => {
                self.resend_events(payment).await?;
                Deed::Note
            }
            BulkDeed::Snooze { until } => Deed::Snooze { until: Some(*until) },
            BulkDeed::Assign { to } => Deed::Assign { to: to.clone() },
            BulkDeed::Rerun => return Ok(()),
        };
        let note = if care == Deed::Note { Some(deed) } else { None };
        let operator = Operator {
            by: action.ordered_by.clone(),
            approved_by: None,
            via: action.via,
            reason: Some(said(action, note)),
            ticket: action.ticket.clone(),
        };
        self.desk.care(payment, care, operator).await.map(drop)
    }

    async fn rerun(&self, action: &BulkAction, notice: NoticeId) -> Result<(), DeedError> {
        self.desk.rerun_notice(self.inbox.as_ref(), notice, &action.ordered_by.name).await?;
        let (at, by, reason) = (self.desk.now(), action.ordered_by.clone(), said(action, None));
        let deed = NoticeDeed { notice, kind: NoticeDeedKind::Rerun, at, by, via: action.via, reason };
        self.inbox.do_with_notice(&deed).await?;
        Ok(())
    }

    async fn resend_events(&self, payment: PaymentId) -> Result<(), DeedError> {
        let through = self.events.feed_end().await?;
        let page = EventsPage { after: 0, through, shops: [].into(), payment: Some(payment), limit: EVENTS_MAX };
        let events = self.events.events(&page).await?;
        let now = self.desk.now();
        for endpoint in self.events.endpoints().await?.iter().filter(|one| one.state == EndpointState::Enabled) {
            let hears = |shop: &ShopName| endpoint.shops.is_empty() || endpoint.shops.contains(shop);
            let types = || endpoint.event_types.iter().map(String::as_str);
            for event in events.iter().filter(|one| hears(&one.shop) && fits_any(types(), &event_type(one))) {
                self.events.resend(endpoint.id, event, now).await?;
            }
        }
        Ok(())
    }

    /// Whether something was done to an item under the action's name.
    async fn is_done(&self, action: &BulkAction, item: &StuckItem) -> Result<bool, DeedError> {
        let name = name_in_words(action.id);
        match item {
            StuckItem::Notice(notice) => {
                let deeds = self.inbox.notice_deeds(notice.record.id).await?;
                Ok(deeds.iter().any(|deed| deed.reason.contains(&name)))
            }
            StuckItem::Payment(stored) => {
                let after = stored.payment.version.saturating_sub(ENTRIES_LOOKED_AT.into());
                let entries = self.reads.ledger(stored.payment.id(), after, ENTRIES_LOOKED_AT).await?;
                Ok(entries.iter().any(|entry| match &entry.seen {
                    Seen::Operated { operation } => {
                        operation.operator.reason.as_ref().is_some_and(|reason| reason.contains(&name))
                    }
                    _ => false,
                }))
            }
        }
    }

    async fn end(&self, action: &mut BulkAction, state: BulkState) -> Result<(), DeedError> {
        action.state = state;
        action.finished_at = Some(self.desk.now());
        self.records.record_bulk_action(action, None).await?;
        let (done, failed) = (action.done, action.failed);
        tracing::info!(bulk_action = %action.id, by = action.ordered_by.name, %state, done, failed, "bulk action ended");
        Ok(())
    }

    fn lease(&self) -> Time {
        self.desk.now().plus(self.desk.rules.intervals.lease)
    }
}

/// Why something was done, and under which name.
fn said(action: &BulkAction, noted: Option<&BulkDeed>) -> String {
    let what = match noted {
        Some(BulkDeed::Check) => "checked: ",
        Some(BulkDeed::ResendEvents) => "events sent again: ",
        Some(BulkDeed::Rerun | BulkDeed::Snooze { .. } | BulkDeed::Assign { .. }) | None => "",
    };
    format!("{what}{} ({})", action.reason, name_in_words(action.id))
}

fn name_in_words(id: Uuid) -> String {
    format!("bulk action {id}")
}

fn name_of(item: &StuckItem) -> Uuid {
    match item {
        StuckItem::Payment(stored) => stored.payment.id().uuid(),
        StuckItem::Notice(notice) => notice.record.id,
    }
}
