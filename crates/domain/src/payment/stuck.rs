//! Which payments need a person, since when and why: defined here, and nowhere else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Attempt, Elsewhere, Flag, Kind, OtherPayment, Payment, PaymentState, Progress};
use crate::{Flow, Money, PaymentType, Time};

/// Why something needs a person. Of two reasons that begin at the same moment the earlier one here is told.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum StuckReason {
    /// A request that may have moved money left, and nobody knows what came of it. It is never sent again by the machine.
    MovingOutcomeUnknown,
    /// Two things were told that cannot both be true.
    Contradiction,
    /// Another gateway payment stands under the reference, alive or paid.
    Surplus,
    /// The gateway does not find the payment that it gave us the id of.
    NotFoundAtGateway,
    /// A capture, void, approval, rejection or start left, and nobody knows what came of it.
    CommandOutcomeUnknown,
    /// A request for a deposit that waits for its customer left, and nobody knows what came of it.
    UnknownOutcome,
    /// Held money is about to be let go by the bank: it has to be captured or voided.
    AuthorizationLapsing,
    /// A withdrawal waits for our approval.
    AwaitingApproval,
    /// The gateway takes its time with a refund.
    RefundPending,
    /// The gateway takes its time with a withdrawal.
    WithdrawalPending,
    /// The gateway takes its time with a deposit.
    WaitingForGateway,
    /// The customer has not finished the checkout page within its life.
    WaitingForCustomer,
    /// Looking at it fails again and again.
    CheckFailing,
    /// A signed notice that no payment of ours matches.
    UnmatchedWebhook,
}

/// How a payment is stuck, or will be if nothing happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stuck {
    /// Why.
    pub reason: StuckReason,
    /// Since when that is so: what its age is counted from.
    pub since: Time,
    /// From when on a person is to know; later than now while there is still patience, or while it is snoozed.
    pub at: Time,
}

/// How long each thing may take before a person is to know. All from the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// For [`StuckReason::MovingOutcomeUnknown`], after the request left.
    pub moving_outcome: Duration,
    /// For [`StuckReason::UnknownOutcome`], after the request left.
    pub outcome: Duration,
    /// For [`StuckReason::CommandOutcomeUnknown`], after the request left.
    pub command_outcome: Duration,
    /// The life of the checkout page.
    pub customer: Duration,
    /// A deposit at the gateway.
    pub gateway: Duration,
    /// A refund at the gateway.
    pub refund: Duration,
    /// A withdrawal at the gateway.
    pub withdrawal: Duration,
    /// A withdrawal that we have to approve.
    pub approval: Duration,
    /// Held money, before the bank lets it go.
    pub authorization: Duration,
    /// Looks that failed in a row.
    pub failures: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            moving_outcome: Duration::from_mins(15),
            outcome: Duration::from_mins(15),
            command_outcome: Duration::from_mins(15),
            customer: Duration::from_hours(24),
            gateway: Duration::from_hours(1),
            refund: Duration::from_hours(72),
            withdrawal: Duration::from_hours(24),
            approval: Duration::from_hours(1),
            authorization: Duration::from_hours(6 * 24),
            failures: 5,
        }
    }
}

/// What a person does next about something that is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::IntoStaticStr, strum::Display, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum NextStep {
    /// Ask the gateway now.
    Check,
    /// Let the withdrawal go on, or refuse it.
    Approve,
    /// Take the held money, or let it go.
    Capture,
    /// Give back what was paid twice, then say that it is settled.
    ReturnSurplus,
    /// Decide which of the two is true, and say that it is settled.
    Settle,
    /// Run the stored notice again.
    Rerun,
    /// After a day, with a second person: send it again, or let it go.
    Redrive,
}

impl StuckReason {
    /// The section of the runbook that is about it: `docs/runbook.md#…`.
    pub fn anchor(self) -> &'static str {
        self.into()
    }

    /// What a person does next, first of all.
    pub fn next_step(self) -> NextStep {
        match self {
            Self::MovingOutcomeUnknown => NextStep::Redrive,
            Self::Contradiction => NextStep::Settle,
            Self::Surplus => NextStep::ReturnSurplus,
            Self::AuthorizationLapsing => NextStep::Capture,
            Self::AwaitingApproval => NextStep::Approve,
            Self::UnmatchedWebhook => NextStep::Rerun,
            Self::NotFoundAtGateway
            | Self::CommandOutcomeUnknown
            | Self::UnknownOutcome
            | Self::RefundPending
            | Self::WithdrawalPending
            | Self::WaitingForGateway
            | Self::WaitingForCustomer
            | Self::CheckFailing => NextStep::Check,
        }
    }
}

impl NextStep {
    /// The same in a sentence for a person.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Check => "ask the gateway now; if it says the same, ask its support",
            Self::Approve => "approve the withdrawal with another key than the one that ordered it, or reject it",
            Self::Capture => "capture the money, or void the payment, before the bank lets it go",
            Self::ReturnSurplus => "void or refund the other gateway payment there, then settle this one",
            Self::Settle => "compare with the gateway's own console, accept its state or force one, then settle",
            Self::Rerun => "run the stored notice again; if nothing matches it, it is not about a payment of ours",
            Self::Redrive => {
                "ask the gateway's support whether it has the payment; after a day two people may send it again or let it go"
            }
        }
    }
}

impl Stuck {
    /// Whether a person is to know by now.
    pub fn is_due(&self, now: Time) -> bool {
        self.at <= now
    }
}

impl Payment {
    /// How this payment is stuck, or will be if nothing happens to it; none if it never will be. Of several reasons the one
    /// that comes first. What is seen from its flags or its failed looks is so since the moment at which it was noticed,
    /// which is carried on from one `progress` to the next.
    pub fn stuck(&self, progress: &Progress, now: Time, patience: &Patience) -> Option<Stuck> {
        let known_since = |reason| progress.stuck.filter(|known| known.reason == reason).map(|known| known.since);
        let noticed = |reason| {
            let since = known_since(reason).unwrap_or(now);
            Stuck { reason, since, at: since }
        };
        let fails = progress.failures >= patience.failures && progress.next_check_at.is_some();
        let at_once = self.noticed().into_iter().chain(fails.then_some(StuckReason::CheckFailing)).map(noticed);
        let first = at_once.chain(self.waits(patience)).min_by_key(|stuck| (stuck.at, stuck.reason))?;
        Some(Stuck { at: self.care.snoozed_until.map_or(first.at, |until| first.at.max(until)), ..first })
    }

    /// The money that is at stake: that of the other payment if it is surplus, else what moved or should move.
    pub fn at_risk(&self, reason: StuckReason) -> Money {
        let surplus = || self.surplus().find_map(|other| other.money);
        let own = self.settled.unwrap_or_else(|| self.asked_for());
        if reason == StuckReason::Surplus { surplus().unwrap_or(own) } else { own }
    }

    /// Reasons that need no patience.
    fn noticed(&self) -> Vec<StuckReason> {
        let open = |flag: &Flag| !self.care.settled.contains(flag);
        let reasons = self.flags.iter().filter(|flag| open(flag)).filter_map(|flag| match flag {
            Flag::Contradiction
            | Flag::AmountContradicts
            | Flag::TypeDiffers
            | Flag::UndecidedCandidates
            | Flag::IdClaimedElsewhere
            | Flag::OverRefunded => Some(StuckReason::Contradiction),
            Flag::Surplus | Flag::PaidElsewhere => self.surplus().next().map(|_| StuckReason::Surplus),
            Flag::NotFoundAtGateway => Some(StuckReason::NotFoundAtGateway),
            // An unknown outcome is told by the request itself, as long as nobody knows what came of it; the others are worth
            // knowing, and nothing that a person must do something about.
            Flag::UnknownOutcome
            | Flag::AmountDiffers
            | Flag::Converted
            | Flag::ReferenceDiffers
            | Flag::NotInert
            | Flag::AmountMissing
            | Flag::UnknownState
            | Flag::GatewayCorrection => None,
        });
        reasons.collect()
    }

    /// What takes its time.
    fn waits(&self, patience: &Patience) -> Vec<Stuck> {
        let after = |reason, since: Time, patience| Stuck { reason, since, at: since.plus(patience) };
        let command = self
            .commands
            .open()
            .map(|(_, open)| after(StuckReason::CommandOutcomeUnknown, open.issued_at, patience.command_outcome));
        let state = match self.state {
            PaymentState::Submitted if self.gateway_payment_id.is_none() => {
                let left = self.submission.last_unaccounted().map_or(self.created_at, Attempt::sent_at);
                Some(match self.opening.kind {
                    Kind::Moving => after(StuckReason::MovingOutcomeUnknown, left, patience.moving_outcome),
                    Kind::Inert => after(StuckReason::UnknownOutcome, left, patience.outcome),
                })
            }
            PaymentState::Submitted | PaymentState::Checkout | PaymentState::Pending => {
                let (reason, patience) = match self.opening.payment_type {
                    PaymentType::Refund => (StuckReason::RefundPending, patience.refund),
                    PaymentType::Withdrawal => (StuckReason::WithdrawalPending, patience.withdrawal),
                    PaymentType::Deposit if self.is_at_the_checkout_page() => {
                        (StuckReason::WaitingForCustomer, patience.customer)
                    }
                    PaymentType::Deposit => (StuckReason::WaitingForGateway, patience.gateway),
                };
                Some(after(reason, self.state_at, patience))
            }
            PaymentState::AwaitingApproval => {
                Some(after(StuckReason::AwaitingApproval, self.state_at, patience.approval))
            }
            PaymentState::Authorized => {
                Some(after(StuckReason::AuthorizationLapsing, self.state_at, patience.authorization))
            }
            PaymentState::Completed | PaymentState::Declined | PaymentState::Cancelled | PaymentState::Rejected => None,
        };
        command.into_iter().chain(state).collect()
    }

    fn is_at_the_checkout_page(&self) -> bool {
        self.state == PaymentState::Checkout && (self.opening.flow == Flow::Redirect || self.falls_back_to_redirect())
    }

    /// Other gateway payments under the reference that are not dead.
    fn surplus(&self) -> impl Iterator<Item = &OtherPayment> {
        self.others.iter().filter(|other| other.relation == Elsewhere::Surplus && !other.is_dead())
    }
}
