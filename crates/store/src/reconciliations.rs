use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::{Actor, BreakKind, Finding, GatewayPaymentId, Money, PaymentId, PaymentState, ShopName, Side, Time};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::flaw::without_nul;
use crate::{NoticeId, OwnerId, StoreError};

/// Comparisons of our payments with the gateway's list, what they proved, and the differences that they found.
#[async_trait]
pub trait Reconciliations: Send + Sync {
    /// Orders a run. Answers with the one that will do: this one, the one that has its id already, or, against the gateway's
    /// list, the unfinished one of the same shop and window.
    async fn order_run(&self, run: &Run) -> Result<Run, StoreError>;

    /// Leases the run whose turn it is in a shop, if it is due and nobody is on it: the one that was ordered first. The
    /// next one begins when that has ended, so that each can say what it found and what it no longer did.
    async fn claim_run(&self, claim: &RunClaim) -> Result<Option<Run>, StoreError>;

    /// A run by its id.
    async fn run(&self, id: Uuid) -> Result<Option<Run>, StoreError>;

    /// One page of runs, the one that was ordered last first.
    async fn runs(&self, page: &RunsPage) -> Result<Vec<Run>, StoreError>;

    /// Which of these gateway payments the run has met, in the order of the ids.
    async fn met(&self, run: Uuid, ids: &[GatewayPaymentId]) -> Result<Vec<bool>, StoreError>;

    /// Records what a step brought and how far its run has come, all of it or nothing; nothing, and false, if somebody
    /// else has claimed the run since.
    async fn record_step(&self, step: &Step) -> Result<bool, StoreError>;

    /// Our payments that the gateway has and that were made in the run's window, in the order of (created, id) from
    /// behind `after`, each with whether the run has nothing to ask about it.
    async fn covered_payments(
        &self,
        run: &Run,
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Covered>, StoreError>;

    /// Notices of the run's window that nothing matched, about gateway payments that neither belong to one of ours nor
    /// were met by the run, oldest first from behind `after`.
    async fn unmatched_notices(
        &self,
        run: &Run,
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<UnmatchedNotice>, StoreError>;

    /// Open breaks that a run against the gateway's list covers and has not found, in the order of (subject's time, id) from
    /// behind `after`. What was found in settlement files is none of its business.
    async fn unfound_breaks(
        &self,
        run: &Run,
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Unfound>, StoreError>;

    /// Forgets up to `limit` of what a run has met; answers how many.
    async fn forget_met(&self, run: Uuid, limit: u32) -> Result<u64, StoreError>;

    /// What became of the breaks that a run had to do with.
    async fn tally(&self, run: Uuid) -> Result<Tally, StoreError>;

    /// What is known of payments that were reconciled, in the order of their ids.
    async fn reconciled(&self, payments: &[PaymentId]) -> Result<Vec<Reconciled>, StoreError>;

    /// A break by its id.
    async fn one_break(&self, id: Uuid) -> Result<Option<Break>, StoreError>;

    /// One page of breaks, the one that was seen first last.
    async fn breaks(&self, page: &BreaksPage) -> Result<Vec<Break>, StoreError>;

    /// Gives an open break to somebody. None if there is none that is open.
    async fn assign_break(&self, id: Uuid, owner: &str) -> Result<Option<Break>, StoreError>;

    /// Ends an open break by a person's word. None if there is none that is open.
    async fn resolve_break(&self, id: Uuid, resolution: &Resolution) -> Result<Option<Break>, StoreError>;
}

/// One comparison of a shop's payments with the gateway's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Our name for it.
    pub id: Uuid,
    /// Whose payments are compared.
    pub shop: ShopName,
    /// What was made then or later is compared …
    pub from: Time,
    /// … and what was made before this.
    pub to: Time,
    /// Why it runs.
    pub cause: Cause,
    /// What our payments are held against.
    pub against: Against,
    /// Whose key ordered it; none for schedules and the command line.
    pub ordered_by: Option<Actor>,
    /// When it was ordered.
    pub ordered_at: Time,
    /// How it stands.
    pub state: RunState,
    /// Why it failed, or what it last met while it runs.
    pub failure: Option<String>,
    /// How often it came no further, in a row.
    pub failures: u32,
    /// Where it stands.
    pub progress: RunProgress,
    /// What it came to, once it has ended.
    pub tally: Option<Tally>,
    /// When it was first taken up.
    pub begun_at: Option<Time>,
    /// When it ended.
    pub finished_at: Option<Time>,
    /// When somebody goes on with it.
    pub next_at: Time,
    /// Raised with each lease, so that one who overslept loses.
    pub epoch: u64,
}

/// Why a run runs.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Cause {
    /// The schedule of the last day.
    LastDay,
    /// The schedule of the last week.
    LastWeek,
    /// A caller ordered it.
    Ordered,
    /// Somebody ran it by hand.
    CommandLine,
}

/// What a run holds our payments against.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Against {
    /// The gateway's list.
    #[default]
    List,
    /// The settlement file that has the run's name.
    Settlement,
}

/// How a run stands.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum RunState {
    /// Nobody has taken it up.
    Waiting,
    /// Somebody has.
    Running,
    /// Everything was compared.
    Completed,
    /// It could not be, and nobody goes on with it.
    Failed,
}

impl RunState {
    /// Whether nobody goes on with it.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// What a run is doing, in this order.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum RunStep {
    /// It reads the gateway's list.
    #[default]
    List,
    /// It asks for those of ours by id that the list lacked or told otherwise.
    Payments,
    /// It goes through the notices that nothing matched.
    Notices,
    /// It closes what it no longer found.
    Breaks,
    /// It forgets what it has met.
    Forget,
}

/// Where a run stands, and how much it has seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunProgress {
    /// What it is doing.
    pub step: RunStep,
    /// How many items of the present slice of the list were read.
    pub offset: u32,
    /// The present slice holds what was created before; none for the first slice.
    pub created_before: Option<Time>,
    /// The earliest creation that was met: where the next slice begins.
    pub reached: Option<Time>,
    /// The place in a walk through rows of ours.
    pub after: Option<(Time, Uuid)>,
    /// Pages of the list that were read.
    pub pages: u64,
    /// Pages in a row that brought nothing new.
    pub stale_pages: u32,
    /// Gateway payments that were met, each counted once.
    pub items: u64,
    /// Payments of ours that were gone through.
    pub payments: u64,
    /// Items of the list that could not be read.
    pub unreadable: u64,
    /// Why it will end as failed.
    pub trouble: Option<String>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Breaks that it found and that are open.
    pub open: BTreeMap<BreakKind, u64>,
    /// How many of them were not open before.
    pub opened: u64,
    /// Breaks that it found and that somebody has resolved.
    pub resolved: u64,
    /// Breaks that it no longer found and closed.
    pub closed: u64,
}

/// A claim on a shop's next run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunClaim {
    /// Whose.
    pub shop: ShopName,
    /// What is due by then.
    pub now: Time,
    /// Who claims.
    pub owner: OwnerId,
    /// Until when others pass it over.
    pub until: Time,
}

/// One page of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunsPage {
    /// Of any of these shops; empty means all.
    pub shops: std::collections::BTreeSet<ShopName>,
    /// How they stand; none means any.
    pub state: Option<RunState>,
    /// The last item of the page before: when it was ordered, and its id.
    pub before: Option<(Time, Uuid)>,
    /// No more than this many.
    pub limit: u32,
}

/// A gateway payment that a run has met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// The gateway's name for it.
    pub id: GatewayPaymentId,
    /// Its state and its sum there, in words.
    pub said: String,
    /// Whether nothing is left to be asked about it.
    pub agrees: bool,
}

/// A payment whose end and sum two independent sources told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// Which one.
    pub payment: PaymentId,
    /// Since when.
    pub at: Time,
    /// Which run found it.
    pub run: Uuid,
    /// The end that both told.
    pub state: PaymentState,
    /// What moved; none if nothing did.
    pub money: Option<Money>,
}

/// What a step of a run brought.
#[derive(Debug, Clone)]
pub struct Step {
    /// The run as it stands afterwards: its state, failure, failures, progress, tally, end and next time.
    pub run: Run,
    /// When.
    pub at: Time,
    /// Whether its lease is given up.
    pub release: bool,
    /// What it met.
    pub met: Vec<Met>,
    /// What it found, each with the id of the break that it becomes unless it is one already. Each kind and subject once.
    pub findings: Vec<(Uuid, Finding)>,
    /// What it proved.
    pub reconciled: Vec<Reconciled>,
    /// What it no longer found, each with what it saw instead.
    pub closed: Vec<(Uuid, String)>,
}

/// A payment of ours that a run covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    /// Which one.
    pub id: PaymentId,
    /// When it was opened.
    pub created_at: Time,
    /// Whether the list told the same.
    pub agrees: bool,
}

/// A notice that nothing matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmatchedNotice {
    /// Our name for it.
    pub id: NoticeId,
    /// When it came.
    pub received_at: Time,
    /// The gateway payment that it is about.
    pub gateway_payment_id: Option<GatewayPaymentId>,
    /// The reference that it carries.
    pub reference_id: Option<String>,
    /// The state that it tells.
    pub state: Option<String>,
}

/// A break that its run did not find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfound {
    /// The break.
    pub of: Break,
    /// What the run met of its gateway payment.
    pub said: Option<String>,
}

/// A difference between our records and the gateway's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// Our name for it.
    pub id: Uuid,
    /// Whose.
    pub shop: ShopName,
    /// What differs.
    pub finding: Finding,
    /// How it stands.
    pub state: BreakState,
    /// When it was found first.
    pub first_seen_at: Time,
    /// When it was found last.
    pub last_seen_at: Time,
    /// The run that found it first.
    pub first_run: Uuid,
    /// The run that found it last.
    pub last_run: Uuid,
    /// Who looks after it.
    pub owner: Option<String>,
    /// When it was resolved or closed.
    pub ended_at: Option<Time>,
    /// Why: a person's words, or what the run saw.
    pub reason: Option<String>,
    /// Who resolved it.
    pub resolved_by: Option<Actor>,
    /// The run that closed it.
    pub closed_run: Option<Uuid>,
}

/// How a break stands.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum BreakState {
    /// It is there.
    Open,
    /// A person has dealt with it.
    Resolved,
    /// A run no longer found it.
    Closed,
}

/// A person's word on a break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Why it is dealt with.
    pub reason: String,
    /// Who says so.
    pub by: Actor,
    /// When.
    pub at: Time,
}

/// One page of breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreaksPage {
    /// What must fit.
    pub filter: BreakFilter,
    /// The last item of the page before: when it was seen first, and its id.
    pub before: Option<(Time, Uuid)>,
    /// No more than this many.
    pub limit: u32,
}

/// What breaks must fit; absent fits all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BreakFilter {
    /// Of any of these shops; empty means all.
    pub shops: std::collections::BTreeSet<ShopName>,
    /// What differs.
    pub kind: Option<BreakKind>,
    /// How it stands.
    pub state: Option<BreakState>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Our payment.
    pub payment: Option<PaymentId>,
}

impl Break {
    /// As a run makes it of what it found.
    pub(crate) fn born(id: Uuid, finding: Finding, run: &Run, at: Time) -> Self {
        Self {
            id,
            shop: run.shop.clone(),
            finding,
            state: BreakState::Open,
            first_seen_at: at,
            last_seen_at: at,
            first_run: run.id,
            last_run: run.id,
            owner: None,
            ended_at: None,
            reason: None,
            resolved_by: None,
            closed_run: None,
        }
    }

    /// Whether a finding is what this break already says; then a person's word on it stands.
    pub(crate) fn says(&self, ours: &Side, theirs: &Side) -> bool {
        self.finding.ours == *ours && self.finding.theirs == *theirs
    }
}

impl Step {
    /// The same, its texts as every database takes them: what the gateway says is kept, whatever it holds.
    pub(crate) fn clean(&self) -> Self {
        let text = |text: &String| without_nul(text).into_owned();
        let side = |side: &Side| Side { state: side.state.as_ref().map(text), money: side.money };
        let finding = |finding: &Finding| Finding {
            subject: text(&finding.subject),
            reference: finding.reference.as_ref().map(text),
            ours: side(&finding.ours),
            theirs: side(&finding.theirs),
            ..finding.clone()
        };
        let run = Run {
            failure: self.run.failure.as_ref().map(text),
            progress: RunProgress {
                trouble: self.run.progress.trouble.as_ref().map(text),
                ..self.run.progress.clone()
            },
            ..self.run.clone()
        };
        Self {
            run,
            met: self.met.iter().map(|met| Met { said: text(&met.said), ..met.clone() }).collect(),
            findings: self.findings.iter().map(|(id, found)| (*id, finding(found))).collect(),
            closed: self.closed.iter().map(|(id, reason)| (*id, text(reason))).collect(),
            ..self.clone()
        }
    }
}

impl Tally {
    /// Counts breaks of a kind and a state; those that are closed were closed by the run.
    pub(crate) fn add(&mut self, kind: BreakKind, state: BreakState, opened: bool, breaks: u64) {
        match state {
            BreakState::Open => {
                *self.open.entry(kind).or_default() += breaks;
                self.opened += if opened { breaks } else { 0 };
            }
            BreakState::Resolved => self.resolved += breaks,
            BreakState::Closed => self.closed += breaks,
        }
    }
}
