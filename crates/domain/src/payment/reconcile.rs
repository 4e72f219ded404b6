//! Our records held against the gateway's: where the two disagree, and when a payment is as good as proven.

use serde::{Deserialize, Serialize};

use super::{Elsewhere, Flag, GatewayState, OtherPayment, Payment, PaymentState, SeenState, Sighting, Source};
use crate::{GatewayPaymentId, Money, PaymentId, Time, Total};

/// A kind of disagreement between our records and the gateway's.
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
pub enum BreakKind {
    /// We have a gateway payment's id, and the gateway does not know it.
    MissingAtGateway,
    /// The gateway has a payment that no payment of ours is.
    MissingHere,
    /// Both have it, and one says that it has ended where the other says otherwise.
    StateDiffers,
    /// Other sums, in one currency: in the two records, or of what moved and what was asked for.
    AmountDiffers,
    /// Other currencies in the two records.
    CurrencyDiffers,
    /// A second gateway payment under the reference of ours.
    Surplus,
    /// Dead here, now or once, and paid there.
    LateSuccess,
    /// A signed notice about a gateway payment that neither we have nor the gateway's list shows.
    UnmatchedWebhook,
    /// Paid here, and in no settlement file although it should be by now.
    NotSettled,
    /// A settlement file tells of a payment that none of ours is.
    SettledUnknown,
    /// A settlement file tells another sum or currency, or of a payment that was not paid here.
    SettledDiffers,
    /// A settlement file tells another fee.
    FeeDiffers,
}

impl BreakKind {
    /// The kinds that are found in settlement files; all others are found in the gateway's records.
    pub const OF_SETTLEMENTS: [Self; 4] =
        [Self::NotSettled, Self::SettledUnknown, Self::SettledDiffers, Self::FeeDiffers];
}

/// What one of the two records says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Side {
    /// Where the payment stands, in the record's own word; none if it has no such payment.
    pub state: Option<String>,
    /// How much moves or moved.
    pub money: Option<Money>,
}

/// One disagreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Of which kind.
    pub kind: BreakKind,
    /// What it is about, as a name that stays the same from one comparison to the next: our payment's id, else the
    /// gateway's, else that of a notice.
    pub subject: String,
    /// When that was made: what decides whether a comparison covers it.
    pub subject_at: Time,
    /// Our payment.
    pub payment: Option<PaymentId>,
    /// The gateway's payment.
    pub gateway_payment: Option<GatewayPaymentId>,
    /// The reference that both carry, or one of the two.
    pub reference: Option<String>,
    /// What we say.
    pub ours: Side,
    /// What the gateway says.
    pub theirs: Side,
}

impl Finding {
    /// What the gateway's record has more than ours, negative if it has less; none if that is no one sum.
    pub fn difference(ours: &Side, theirs: &Side) -> Option<(Total, crate::Currency)> {
        let (less, more) = (ours.money, theirs.money);
        let currency = more.or(less)?.currency();
        if less.is_some_and(|less| less.currency() != currency) {
            return None;
        }
        let amount = |money: Option<Money>| money.map(|money| money.amount()).unwrap_or_default();
        let total = Total::ZERO.plus(amount(more)).and_then(|total| total.minus(amount(less))).ok()?;
        Some((total, currency))
    }

    /// The gateway has a payment that belongs to none of ours.
    pub fn missing_here(told: &Sighting, now: Time) -> Self {
        Self {
            kind: BreakKind::MissingHere,
            subject: told.id.to_string(),
            subject_at: told.created.unwrap_or(now),
            payment: None,
            gateway_payment: Some(told.id.clone()),
            reference: told.reference_id.clone(),
            ours: Side::default(),
            theirs: theirs(told),
        }
    }
}

impl Payment {
    /// Where our record and that of the gateway payment which is ours disagree. What only one of the two can know is no
    /// disagreement: two payments that are both under way are not held against each other, since they move.
    pub fn disagreement(&self, told: &Sighting) -> Option<Finding> {
        let state = told.known_state().map(PaymentState::from);
        if state != Some(self.state) {
            let is_paid = matches!(told.known_state(), Some(GatewayState::Completed | GatewayState::Authorized));
            let kind = if self.state.is_dead() && is_paid { BreakKind::LateSuccess } else { BreakKind::StateDiffers };
            let is_over = self.state.is_final() || state.is_some_and(PaymentState::is_final);
            return is_over.then(|| self.finding(kind, told));
        }
        if self.state != PaymentState::Completed {
            return None;
        }
        let (ours, theirs) = (self.settled?, told.money?);
        if ours.currency() != theirs.currency() {
            return Some(self.finding(BreakKind::CurrencyDiffers, told));
        }
        (ours != theirs).then(|| self.finding(BreakKind::AmountDiffers, told))
    }

    /// What finance must know although the two records agree: a payment that came to life after its end, and one of
    /// which more or less moved than was asked for. A conversion is no such thing: that is what was ordered.
    pub fn remarks(&self, told: &Sighting) -> Vec<Finding> {
        let mut remarks = Vec::new();
        if self.state != PaymentState::Completed {
            return remarks;
        }
        if self.flags.contains(&Flag::GatewayCorrection) {
            remarks.push(self.finding(BreakKind::LateSuccess, told));
        }
        let asked = self.asked_for();
        if self.settled.is_some_and(|moved| moved.currency() == asked.currency() && moved != asked) {
            let ours = Side { money: Some(asked), ..self.side() };
            remarks.push(Finding { ours, ..self.finding(BreakKind::AmountDiffers, told) });
        }
        remarks
    }

    /// What a gateway payment means to finance that stands beside ours.
    pub fn finding_beside(&self, told: &Sighting) -> Option<Finding> {
        let other = self.others.iter().find(|other| other.id == told.id)?;
        let kind = match other.relation {
            // Whose it is will be known in a moment.
            Elsewhere::Unbound => None,
            Elsewhere::Surplus if other.is_dead() => None,
            Elsewhere::Surplus if self.state == PaymentState::Rejected && other.is_paid() => {
                Some(BreakKind::LateSuccess)
            }
            Elsewhere::Surplus => Some(BreakKind::Surplus),
            // A retry on another terminal that was paid is the payment, unless ours has ended without it.
            Elsewhere::Cascade => (other.is_paid() && self.state.is_dead()).then_some(BreakKind::Surplus),
            Elsewhere::Foreign => (!other.is_dead()).then_some(BreakKind::MissingHere),
        };
        kind.map(|kind| self.finding_about(kind, other, told))
    }

    /// The gateway does not know the payment that it gave us the id of.
    pub fn missing_at_gateway(&self) -> Finding {
        Finding {
            kind: BreakKind::MissingAtGateway,
            subject: self.id().to_string(),
            subject_at: self.created_at,
            payment: Some(self.id()),
            gateway_payment: self.gateway_payment_id.clone(),
            reference: Some(self.opening.reference_id.to_string()),
            ours: self.side(),
            theirs: Side::default(),
        }
    }

    /// Whether this sighting in a list and a notice or a look of its own prove together what we say: it has ended, and
    /// its end and what moved are the same everywhere.
    pub fn is_proven_by(&self, told: &Sighting) -> bool {
        let has_a_second_source =
            self.confirmed_by.contains(&Source::Webhook) || self.confirmed_by.contains(&Source::Poll);
        let same_state = told.known_state().map(PaymentState::from) == Some(self.state);
        let same_money = self.state != PaymentState::Completed || self.settled.is_some() && self.settled == told.money;
        self.state.is_final() && has_a_second_source && same_state && same_money
    }

    fn finding(&self, kind: BreakKind, told: &Sighting) -> Finding {
        Finding { kind, theirs: theirs(told), ..self.missing_at_gateway() }
    }

    /// The subject is the gateway's payment, since ours may have several beside it.
    fn finding_about(&self, kind: BreakKind, other: &OtherPayment, told: &Sighting) -> Finding {
        Finding {
            subject: other.id.to_string(),
            subject_at: other.created.unwrap_or(self.created_at),
            gateway_payment: Some(other.id.clone()),
            ours: if kind == BreakKind::LateSuccess { self.side() } else { Side::default() },
            ..self.finding(kind, told)
        }
    }

    pub(super) fn side(&self) -> Side {
        Side { state: Some(self.state.to_string()), money: Some(self.settled.unwrap_or(self.opening.requested)) }
    }
}

fn theirs(told: &Sighting) -> Side {
    seen_as(&told.state, told.money)
}

pub(super) fn seen_as(state: &SeenState, money: Option<Money>) -> Side {
    let state = match state {
        SeenState::Known(state) => state.to_string(),
        SeenState::Unknown(word) => word.clone(),
    };
    Side { state: Some(state), money }
}
