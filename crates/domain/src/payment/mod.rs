//! A payment: what is known of it, and how evidence changes it.

mod adopt;
mod apply;
mod care;
mod command;
mod decision;
mod evidence;
mod flag;
mod movement;
mod news;
mod operation;
mod reconcile;
mod refund;
mod schedule;
mod settle;
mod state;
mod stuck;
mod submission;
mod why;

use std::collections::{BTreeMap, BTreeSet};

pub use adopt::{LookUp, NotOurs, choose, never_adoptable};
pub use care::Care;
pub use command::{Command, CommandKind, CommandOutcome, Commands, IssuedCommand, NotAllowed};
pub use decision::{Change, Decision, Elsewhere, Entry, OtherPayment, PaymentError, Verdict};
pub use evidence::{Evidence, Rejection, Seen, Sighting, Source};
pub use flag::Flag;
pub use movement::{Movement, MovementKind};
pub use operation::{Deed, NotForcible, Operation, Operator, Via};
pub use reconcile::{BreakKind, Finding, Side};
pub use refund::{NotRefundable, Refund, RefundStanding, Refunds};
pub use schedule::{Intervals, Progress};
use serde::{Deserialize, Serialize};
pub use settle::SettlementLine;
pub use state::{GatewayState, PaymentState, SeenState};
pub use stuck::{NextStep, Patience, Stuck, StuckReason};
pub use submission::{Attempt, Kind, Submission};

use crate::{
    Actor, Fingerprint, Flow, GatewayPaymentId, Metadata, Money, PaymentId, PaymentMethod, PaymentType, ReferenceId,
    ShopName, Time, TraceParent,
};

/// What a payment is from its first moment on, and stays: the order without what is only passed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// Our name.
    pub id: PaymentId,
    /// Whose keys are used.
    pub shop: ShopName,
    /// The caller's name.
    pub reference_id: ReferenceId,
    /// Which way the money goes.
    pub payment_type: PaymentType,
    /// How much was asked for.
    pub requested: Money,
    /// The method that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<PaymentMethod>,
    /// How the customer gets to pay.
    pub flow: Flow,
    /// Whether its POST can move money by itself. Stored as `post`, since evidence in the ledger has a `kind` already.
    #[serde(rename = "post")]
    pub kind: Kind,
    /// Whether the money is only held.
    #[serde(default)]
    pub pre_auth: bool,
    /// Our name of the payment that this one belongs to: a refund's deposit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<PaymentId>,
    /// The caller's own pairs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
    /// The whole request as keyed digests.
    pub fingerprint: Fingerprint,
    /// Who ordered it; none for what was opened before this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered_by: Option<Actor>,
    /// Where it began, for whoever follows a trace; none if nobody does. On the heap, since every payment is carried about with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Box<TraceParent>>,
}

/// One payment: the fold of its ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// What it is from its first moment on.
    pub opening: Opening,
    /// Where it stands.
    pub state: PaymentState,
    /// Since when.
    pub state_at: Time,
    /// The POSTs that were made for it.
    pub submission: Submission,
    /// The gateway payment that is ours; set once, never replaced.
    pub gateway_payment_id: Option<GatewayPaymentId>,
    /// How the customer pays, once the gateway told; the requested method until then.
    pub payment_method: Option<PaymentMethod>,
    /// The checkout page.
    pub redirect_url: Option<String>,
    /// What the customer must know to pay (host-to-host).
    pub external_refs: BTreeMap<String, String>,
    /// What moved, in the gateway's words; may differ from what was asked for.
    pub settled: Option<Money>,
    /// What the provider keeps for it, where it tells.
    pub fee: Option<Money>,
    /// Why it is dead.
    pub error: Option<PaymentError>,
    /// Who told the state that it has.
    pub confirmed_by: BTreeSet<Source>,
    /// Who told another final state.
    pub contradicted_by: BTreeSet<(GatewayState, Source)>,
    /// Other gateway payments that have to do with it, in the order in which they were seen.
    pub others: Vec<OtherPayment>,
    /// What the merchant had the gateway do with it, in order.
    pub commands: Commands,
    /// What refunds hold of it, if it is a deposit.
    pub refunds: Refunds,
    /// The end that its deposit was told, if it is a refund.
    pub told_parent: Option<PaymentState>,
    /// What a person may want to look at.
    pub flags: BTreeSet<Flag>,
    /// What people have decided about it.
    pub care: Care,
    /// The number of its ledger entries.
    pub version: u64,
    /// When it was opened.
    pub created_at: Time,
    /// When the latest of what changed it was seen.
    pub updated_at: Time,
}

/// A ledger that does not begin with an opening, or has a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfoldableLedger {
    /// It is empty, or its first entry opens nothing.
    #[error("the ledger does not begin with an opening")]
    NoOpening,
    /// Sequences are counted from 1 without gaps.
    #[error("entry {expected} is missing, {found} stands in its place")]
    Gap {
        /// The sequence that should stand here.
        expected: u64,
        /// The one that does.
        found: u64,
    },
}

impl Payment {
    /// A new payment whose first request is about to leave, and the entry that says so.
    pub fn open(opening: Opening, at: Time) -> (Self, Entry) {
        let entry = Entry {
            sequence: 1,
            at,
            source: Source::Request,
            verdict: Verdict::Moves,
            seen: Seen::Opened(Box::new(opening.clone())),
            change: Change {
                state: Some(PaymentState::Submitted),
                attempt: Some((1, Attempt::InFlight { sent_at: at })),
                confirmed_by: Some(Source::Request),
                ..Change::default()
            },
        };
        (Self::opened(opening, &entry), entry)
    }

    fn opened(opening: Opening, entry: &Entry) -> Self {
        let mut payment = Self {
            state: PaymentState::Submitted,
            state_at: entry.at,
            submission: Submission::default(),
            gateway_payment_id: None,
            payment_method: opening.payment_method.clone(),
            redirect_url: None,
            external_refs: BTreeMap::new(),
            settled: None,
            fee: None,
            error: None,
            confirmed_by: BTreeSet::new(),
            contradicted_by: BTreeSet::new(),
            others: Vec::new(),
            commands: Commands::default(),
            refunds: Refunds::default(),
            told_parent: None,
            flags: BTreeSet::new(),
            care: Care::default(),
            version: 0,
            created_at: entry.at,
            updated_at: entry.at,
            opening,
        };
        payment.record(entry);
        payment
    }

    /// The payment and the entry that follow from a decision; `None` if the decision is worth no entry.
    pub fn after(&self, evidence: &Evidence, decision: &Decision) -> Option<(Self, Entry)> {
        let mut entry = Entry {
            sequence: self.version + 1,
            at: evidence.at,
            source: evidence.source,
            verdict: decision.verdict(),
            seen: evidence.seen.for_ledger(),
            change: decision.change()?.clone(),
        };
        let mut after = self.clone();
        after.record(&entry);
        // Whatever made it so: a refund that came back to life, one that was made elsewhere, a smaller sum than was told.
        if after.is_over_refunded() && after.flags.insert(Flag::OverRefunded) {
            entry.change.flags.insert(Flag::OverRefunded);
        }
        Some((after, entry))
    }

    /// The payment that a ledger tells of.
    pub fn fold(ledger: &[Entry]) -> Result<Self, UnfoldableLedger> {
        let (first, rest) = ledger.split_first().ok_or(UnfoldableLedger::NoOpening)?;
        let Seen::Opened(opening) = &first.seen else { return Err(UnfoldableLedger::NoOpening) };
        if first.sequence != 1 {
            return Err(UnfoldableLedger::Gap { expected: 1, found: first.sequence });
        }
        let mut payment = Self::opened((**opening).clone(), first);
        for entry in rest {
            payment.fold_in(entry)?;
        }
        Ok(payment)
    }

    fn fold_in(&mut self, entry: &Entry) -> Result<(), UnfoldableLedger> {
        let expected = self.version + 1;
        if entry.sequence != expected {
            return Err(UnfoldableLedger::Gap { expected, found: entry.sequence });
        }
        self.record(entry);
        Ok(())
    }

    /// The only way in which a payment changes: one entry, folded in.
    fn record(&mut self, entry: &Entry) {
        let Change {
            state,
            gateway_payment_id,
            attempt,
            redirect_url,
            external_refs,
            payment_method,
            settled,
            fee,
            error,
            confirmed_by,
            contradicted_by,
            other,
            command,
            refund,
            told_parent,
            flags,
            care,
        } = entry.change.clone();
        if let Some(state) = state {
            self.state = state;
            self.state_at = entry.at;
            self.error = None;
            self.confirmed_by.clear();
        }
        if let Some((number, attempt)) = attempt {
            self.submission.set(number, attempt);
        }
        if let Some((number, issued)) = command {
            self.commands.set(number, issued);
        }
        if let Some(refund) = refund {
            self.refunds.set(refund);
        }
        self.told_parent = told_parent.or(self.told_parent);
        if let Some(other) = other {
            match self.others.iter_mut().find(|known| known.id == other.id) {
                Some(known) => *known = other,
                None => self.others.push(other),
            }
        }
        if let Some(ours) = &gateway_payment_id {
            // A candidate that nobody could choose at first is no other payment any more.
            self.others.retain(|other| other.id != *ours);
        }
        self.gateway_payment_id = gateway_payment_id.or_else(|| self.gateway_payment_id.take());
        self.redirect_url = redirect_url.or_else(|| self.redirect_url.take());
        if !external_refs.is_empty() {
            self.external_refs = external_refs;
        }
        self.payment_method = payment_method.or_else(|| self.payment_method.take());
        self.settled = settled.or_else(|| self.settled.take());
        self.fee = fee.or(self.fee);
        self.error = error.or_else(|| self.error.take());
        self.confirmed_by.extend(confirmed_by);
        self.contradicted_by.extend(contradicted_by);
        self.care = care.unwrap_or_else(|| std::mem::take(&mut self.care));
        // What is raised anew needs somebody again.
        self.care.settled.retain(|settled| !flags.contains(settled));
        self.flags.extend(flags);
        self.version = entry.sequence;
        // A notice that waited in the inbox was seen before what was recorded meanwhile.
        self.updated_at = self.updated_at.max(entry.at);
    }

    /// Our name.
    pub fn id(&self) -> PaymentId {
        self.opening.id
    }
}
