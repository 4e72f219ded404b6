//! Reconciliation: our payments of a window, held against the gateway's list.
//!
//! A run reads the list of what was made in its window to the end, asks by id for what the list lacks or tells
//! otherwise, goes through the notices that nothing matched, and closes what it no longer finds. Whatever it sees goes
//! through the same door as everything else before it is compared. Where it stands is recorded with what it found, step
//! by step, so that another process can go on with it; it ends as completed only if it saw everything.

mod list;
mod ours;
mod schedule;
mod settlement;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::{BreakKind, Finding, Payment, ShopName, Sighting, Time};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use store::{Against, Met, Reconciled, Reconciliations, Run, RunClaim, RunState, RunStep, Settlements, Step};
use uuid::Uuid;

use crate::{DeedError, Desk, Trouble};
pub use settlement::{KeptSettlement, SettlementFile};

/// How our records are held against the gateway's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconciliationRules {
    /// How often the last day is compared; none if it is not.
    pub day_interval: Option<Duration>,
    /// How often the last week is.
    pub week_interval: Option<Duration>,
    /// How long after that the latter is begun: nightly, and not at midnight.
    pub week_offset: Duration,
    /// How far the list is read beyond the window: the gateway's clock is not ours, and lists show late. A scheduled run
    /// begins only when that much time has gone.
    pub margin: Duration,
    /// Items on a page.
    pub page_items: u16,
    /// Steps of one turn, at most; the next turn goes on from there.
    pub steps_max: u32,
    /// No page lies deeper in the list than this; what is older is read as a list of its own.
    pub slice_items: u32,
    /// How often in a row it may come no further before it has failed.
    pub failures_max: u32,
    /// The first pause before it is tried again; each one is twice as long as the one before.
    pub retry_pause: Duration,
    /// How long after it was made a payment that was paid is in some settlement file.
    pub settlement_lag: Duration,
}

impl Default for ReconciliationRules {
    fn default() -> Self {
        Self {
            day_interval: Some(Duration::from_hours(1)),
            week_interval: Some(Duration::from_hours(24)),
            week_offset: Duration::from_hours(2),
            margin: Duration::from_mins(15),
            page_items: 100,
            steps_max: 50,
            slice_items: 100_000,
            failures_max: 8,
            retry_pause: Duration::from_secs(10),
            settlement_lag: Duration::from_hours(3 * 24),
        }
    }
}

/// Where runs are carried out.
pub struct Reconciler {
    desk: Arc<Desk>,
    records: Arc<dyn Reconciliations>,
    settlements: Arc<dyn Settlements>,
    rules: ReconciliationRules,
    /// The schedules' latest windows that are known to be ordered.
    ordered: Mutex<BTreeMap<(ShopName, &'static str), Time>>,
}

/// What a step brought, on its way into the store.
#[derive(Default)]
struct Brought {
    met: Vec<Met>,
    /// Each kind and subject once.
    findings: BTreeMap<(BreakKind, String), Finding>,
    reconciled: Vec<Reconciled>,
    closed: Vec<(Uuid, String)>,
}

/// Why a turn goes no further.
enum Halt {
    /// Its time is over, or the bucket is empty: somebody goes on so much later.
    Pause(Duration),
    /// The gateway cannot be read; what it did is said in words.
    Trouble(Trouble, &'static str),
    /// What it says makes no sense, however well it can be read.
    Nonsense(&'static str),
    /// Somebody else has the run by now.
    Overslept,
    /// What was seen cannot be recorded.
    Failed(DeedError),
}

impl<E: Into<DeedError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// How many of what a run has met are forgotten at once.
const FORGET_ITEMS: u32 = 5_000;

/// A pause between two tries is never longer.
const RETRY_PAUSE_MAX: Duration = Duration::from_mins(10);

impl Reconciler {
    /// Over a desk, the records of runs and breaks, and settlement files.
    pub fn new(
        desk: Arc<Desk>,
        records: Arc<dyn Reconciliations>,
        settlements: Arc<dyn Settlements>,
        rules: ReconciliationRules,
    ) -> Self {
        Self { desk, records, settlements, rules, ordered: Mutex::default() }
    }

    /// The records of runs and breaks.
    pub fn records(&self) -> &Arc<dyn Reconciliations> {
        &self.records
    }

    /// The settings.
    pub fn rules(&self) -> &ReconciliationRules {
        &self.rules
    }

    /// Orders what the schedules say, and takes a turn at the run of each shop whose turn it is. Answers whether there was
    /// anything to do.
    pub async fn reconcile_due(&self) -> Result<bool, DeedError> {
        self.order_scheduled().await?;
        let mut worked = false;
        for shop in self.desk.signing_keys.keys() {
            worked |= self.take_turn(shop).await?;
        }
        Ok(worked)
    }

    /// Takes a turn at the run of a shop, if there is one that is due and nobody is on it.
    pub async fn take_turn(&self, shop: &ShopName) -> Result<bool, DeedError> {
        let leased_at = self.desk.clock.uptime();
        if self.desk.breaker.check(shop, leased_at).is_err() || self.desk.throttle.is_empty() {
            return Ok(false);
        }
        let now = self.desk.now();
        let until = now.plus(self.desk.rules.intervals.lease);
        let claim = RunClaim { shop: shop.clone(), now, owner: self.desk.owner, until };
        let Some(mut run) = self.records.claim_run(&claim).await? else { return Ok(false) };
        match self.go_on(&mut run, leased_at).await {
            Ok(()) => {}
            Err(Halt::Overslept) => {
                tracing::warn!(run = %run.id, "somebody else goes on with the reconciliation");
            }
            Err(Halt::Failed(error)) => return Err(error),
            Err(Halt::Pause(pause)) => self.put_off(&mut run, pause).await?,
            Err(Halt::Trouble(trouble, why)) => {
                self.desk.breaker.failed(shop, trouble, self.desk.clock.uptime());
                self.stumble(&mut run, why).await?;
            }
            Err(Halt::Nonsense(why)) => self.stumble(&mut run, why).await?,
        }
        Ok(true)
    }

    /// Step by step, until the run has ended or the turn is over. `run` is where it stands once everything before is
    /// durable, at any moment.
    async fn go_on(&self, run: &mut Run, leased_at: Duration) -> Result<(), Halt> {
        for _ in 0..self.rules.steps_max {
            // The lease must outlast the answer that is waited for.
            if self.desk.clock.uptime().saturating_sub(leased_at) > self.desk.rules.send_guard {
                return Err(Halt::Pause(Duration::ZERO));
            }
            match (run.progress.step, run.against) {
                (RunStep::List, Against::List) => self.read_page(run).await?,
                (RunStep::List, Against::Settlement) => self.read_lines(run).await?,
                (RunStep::Payments, Against::List) => self.ask_for_ours(run, leased_at).await?,
                (RunStep::Payments, Against::Settlement) => self.look_for_unsettled(run).await?,
                (RunStep::Notices, _) => self.go_through_notices(run).await?,
                (RunStep::Breaks, _) => self.close_breaks(run).await?,
                (RunStep::Forget, _) => {
                    if self.records.forget_met(run.id, FORGET_ITEMS).await? == 0 {
                        return self.end(run).await;
                    }
                }
            }
        }
        Err(Halt::Pause(Duration::ZERO))
    }

    /// Records what a step brought together with where the run then stands.
    async fn record(&self, run: &mut Run, mut after: Run, brought: Brought) -> Result<(), Halt> {
        (after.failures, after.failure) = (0, None);
        let named = |finding: Finding| (break_id(run.id, &finding), finding);
        let step = Step {
            at: self.desk.now(),
            release: after.state.is_over(),
            met: brought.met,
            findings: brought.findings.into_values().map(named).collect(),
            reconciled: brought.reconciled,
            closed: brought.closed,
            run: after,
        };
        if !self.records.record_step(&step).await? {
            return Err(Halt::Overslept);
        }
        *run = step.run;
        Ok(())
    }

    /// It has seen everything, or everything that there was to see; only the former is a comparison.
    async fn end(&self, run: &mut Run) -> Result<(), Halt> {
        let mut after = run.clone();
        after.tally = Some(self.records.tally(run.id).await?);
        after.finished_at = Some(self.desk.now());
        let trouble = run.progress.trouble.clone();
        after.state = if trouble.is_some() { RunState::Failed } else { RunState::Completed };
        let step = self.bare(Run { failure: trouble, ..after }, true);
        if !self.records.record_step(&step).await? {
            return Err(Halt::Overslept);
        }
        *run = step.run;
        tracing::info!(run = %run.id, shop = run.shop.as_str(), state = %run.state, "reconciliation ended");
        Ok(())
    }

    /// Somebody goes on later, from where it stands.
    async fn put_off(&self, run: &mut Run, pause: Duration) -> Result<(), DeedError> {
        run.next_at = self.desk.now().plus(pause);
        self.records.record_step(&self.bare(run.clone(), true)).await?;
        Ok(())
    }

    /// It came no further. What it has seen stays seen; after too many of these in a row it fails, and says why.
    async fn stumble(&self, run: &mut Run, why: &str) -> Result<(), DeedError> {
        run.failures = run.failures.saturating_add(1);
        run.failure = Some(why.to_owned());
        tracing::warn!(run = %run.id, shop = run.shop.as_str(), failures = run.failures, why, "reconciliation stumbled");
        if run.failures >= self.rules.failures_max {
            run.progress.trouble = Some(why.to_owned());
            run.progress.step = RunStep::Forget;
            run.progress.after = None;
            return self.put_off(run, Duration::ZERO).await;
        }
        let pause = self.rules.retry_pause.saturating_mul(1 << (run.failures - 1).min(10));
        self.put_off(run, pause.min(RETRY_PAUSE_MAX)).await
    }

    fn bare(&self, run: Run, release: bool) -> Step {
        let (met, findings, reconciled, closed) = Default::default();
        Step { run, at: self.desk.now(), release, met, findings, reconciled, closed }
    }
}

impl Brought {
    fn find(&mut self, finding: Finding) {
        self.findings.insert((finding.kind, finding.subject.clone()), finding);
    }

    /// What is known of a payment that both records tell alike.
    fn agree(&mut self, payment: &Payment, told: &Sighting) {
        for remark in payment.remarks(told) {
            self.find(remark);
        }
    }

    fn prove(&mut self, run: Uuid, payment: &Payment, told: &Sighting, at: Time) {
        if payment.is_proven_by(told) {
            let money = payment.settled;
            self.reconciled.push(Reconciled { payment: payment.id(), at, run, state: payment.state, money });
        }
    }

    fn meet(&mut self, told: &Sighting, agrees: bool) {
        self.met.push(Met { id: told.id.clone(), said: said(told), agrees });
    }
}

/// A gateway payment in words, as evidence.
fn said(told: &Sighting) -> String {
    let state = match &told.state {
        domain::SeenState::Known(state) => state.to_string(),
        domain::SeenState::Unknown(word) => format!("the unknown state {word:?}"),
    };
    told.money.map_or_else(|| state.clone(), |money| format!("{state} {money}"))
}

/// The same finding of the same run is the same break, however often its step is repeated.
fn break_id(run: Uuid, finding: &Finding) -> Uuid {
    name_from(&[run.as_bytes(), finding.kind.to_string().as_bytes(), finding.subject.as_bytes()])
}

/// A UUID of version 8 (RFC 9562) made of what it names, so that everyone makes the same one.
fn name_from(parts: &[&[u8]]) -> Uuid {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
