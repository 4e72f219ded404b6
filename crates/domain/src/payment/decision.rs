use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::news::News;
use super::{Attempt, Care, Flag, GatewayState, IssuedCommand, PaymentState, Refund, Seen, SeenState, Source};
use crate::{GatewayPaymentId, Money, PaymentMethod, Time};

/// What a piece of evidence means for a payment. What carries a [`Change`] becomes an entry of the ledger; what
/// carries none is only counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The payment is not what it was.
    Moves(Change),
    /// It is what we knew: an entry for the first time from each source, a count afterwards.
    Confirms(Option<Change>),
    /// Older than what we know.
    Stale,
    /// It cannot be true together with what we know: an entry the first time, a count afterwards.
    Contradicts(Option<Change>),
    /// It is about another gateway payment.
    Elsewhere(Elsewhere, Option<Change>),
}

/// Which other gateway payment evidence is about. The later ones rest on more facts than the earlier ones.
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
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Elsewhere {
    /// We have no gateway id yet, and this kind of evidence does not bind one: look up by reference.
    Unbound,
    /// A second gateway payment under our reference.
    Surplus,
    /// A retry that the gateway made of our payment on another terminal.
    Cascade,
    /// A refund or chargeback of our payment that we did not make.
    Foreign,
}

/// A [`Decision`] without its change, as it stands in the ledger and in the inbox.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Verdict {
    /// [`Decision::Moves`].
    Moves,
    /// [`Decision::Confirms`].
    Confirms,
    /// [`Decision::Stale`].
    Stale,
    /// [`Decision::Contradicts`].
    Contradicts,
    /// [`Decision::Elsewhere`].
    Elsewhere,
}

impl Decision {
    /// The decision's name.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Moves(_) => Verdict::Moves,
            Self::Confirms(_) => Verdict::Confirms,
            Self::Stale => Verdict::Stale,
            Self::Contradicts(_) => Verdict::Contradicts,
            Self::Elsewhere(..) => Verdict::Elsewhere,
        }
    }

    /// What it changes, if it is worth an entry.
    pub fn change(&self) -> Option<&Change> {
        match self {
            Self::Moves(change) => Some(change),
            Self::Confirms(change) | Self::Contradicts(change) | Self::Elsewhere(_, change) => change.as_ref(),
            Self::Stale => None,
        }
    }
}

/// What an entry of the ledger changes. Absent means: as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Change {
    /// The new state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<PaymentState>,
    /// The adopted gateway payment; set once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_payment_id: Option<GatewayPaymentId>,
    /// What became of a POST: its number, and how it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<(usize, Attempt)>,
    /// The checkout page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// What the customer must know to pay.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub external_refs: BTreeMap<String, String>,
    /// How the customer paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<PaymentMethod>,
    /// What moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<Money>,
    /// What the provider keeps for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<Money>,
    /// Why it is dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<PaymentError>,
    /// A source that tells the state that the payment then has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<Source>,
    /// A source that tells another final state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contradicted_by: Option<(GatewayState, Source)>,
    /// Another gateway payment, new or with news.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<OtherPayment>,
    /// A command, new or with what became of it: its number, and how it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<(usize, IssuedCommand)>,
    /// A refund of this deposit, new or with what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund>,
    /// What the deposit of this refund was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_parent: Option<PaymentState>,
    /// Flags raised.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub flags: BTreeSet<Flag>,
    /// What people have decided about it, all of it as it then is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub care: Option<Care>,
}

/// Why a payment is dead: the gateway's code and text (gateway contract, section 11), or ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentError {
    /// `4.01`, or one of ours: `gateway-refused`, `not-sent`.
    pub code: String,
    /// For a person; switch on the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The provider's raw code, or the reason of a rejected withdrawal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_result_code: Option<String>,
    /// What the gateway refused, field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
}

/// A gateway payment that is not ours, and has to do with ours (protocols, invariant I8: nothing hidden).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherPayment {
    /// The gateway's name for it.
    pub id: GatewayPaymentId,
    /// What it is to ours.
    pub relation: Elsewhere,
    /// Its type, in the gateway's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_type: Option<String>,
    /// Where it stands.
    pub state: SeenState,
    /// What it moves or moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// When the gateway made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Time>,
}

impl OtherPayment {
    /// Whether money moved or is held.
    pub fn is_paid(&self) -> bool {
        matches!(self.state, SeenState::Known(GatewayState::Completed | GatewayState::Authorized))
    }

    /// Whether it has ended and moved nothing.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, SeenState::Known(GatewayState::Declined | GatewayState::Cancelled))
    }

    /// What is known of it once `seen` is known too. It only ever grows, so that two sources that tell different halves
    /// of the truth do not take turns in the ledger.
    pub(super) fn joined_by(&self, seen: &OtherPayment) -> OtherPayment {
        let (ahead, behind) = if self.is_overtaken_by(seen) { (seen, self) } else { (self, seen) };
        OtherPayment {
            id: self.id.clone(),
            relation: self.relation.max(seen.relation),
            payment_type: self.payment_type.clone().or_else(|| seen.payment_type.clone()),
            state: ahead.state.clone(),
            money: ahead.money.or(behind.money),
            created: self.created.or(seen.created),
        }
    }

    /// Its state only moves forward here; of two ends the one where money moved is the one to show.
    fn is_overtaken_by(&self, seen: &OtherPayment) -> bool {
        match (&self.state, &seen.state) {
            (SeenState::Known(known), SeenState::Known(told)) => match News::of(PaymentState::from(*known), *told) {
                News::Forward => true,
                News::OtherFinal => *told == GatewayState::Completed,
                News::Same | News::Back | News::Late => false,
            },
            (SeenState::Unknown(_), SeenState::Known(_)) => true,
            (SeenState::Known(_) | SeenState::Unknown(_), SeenState::Unknown(_)) => false,
        }
    }
}

/// One line of a payment's ledger: what was seen, what was decided, and what it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Counted from 1 without gaps.
    pub sequence: u64,
    /// When it was seen.
    pub at: Time,
    /// Who saw it.
    pub source: Source,
    /// What was decided.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: Seen,
    /// What it changed.
    pub change: Change,
}
