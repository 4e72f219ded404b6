//! What people do with a payment beside commands: each is an entry of the ledger with who, why and from where.

use serde::{Deserialize, Serialize};

use super::{Kind, Payment, PaymentState, Sighting};
use crate::{Actor, Time};

/// Something that a person did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// What.
    pub deed: Deed,
    /// Who, why and from where.
    pub operator: Operator,
}

/// What a person may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Deed {
    /// Somebody looks after it, or nobody any more.
    Assign {
        /// Who.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// Something to know about it: the operator's reason is the note.
    Note,
    /// Nobody is told that it is stuck until then; none takes that back.
    Snooze {
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
    },
    /// A person has dealt with what it is flagged for.
    Settle,
    /// It is in this state, whatever was known of it.
    Force {
        /// Which.
        state: PaymentState,
        /// The gateway payment as a look has just shown it, if one exists.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sighting: Option<Box<Sighting>>,
    },
    /// The request whose outcome is not known made nothing, say two people: another one may be sent.
    Release,
}

/// Who did it, why and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operator {
    /// Whose key it was.
    pub by: Actor,
    /// The key of the second person, where two are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<Actor>,
    /// From where.
    pub via: Via,
    /// Why, in their own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where it is written up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// From where a person did something.
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
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Via {
    /// The REST interface.
    Api,
    /// The console.
    Console,
    /// The command line.
    CommandLine,
}

/// Why a state cannot be forced, or a request not be released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotForcible {
    /// It has this state.
    #[error("it is {0} already")]
    Already(PaymentState),
    /// Only the gateway can tell of such a state.
    #[error("{0} needs a gateway payment that a look has just shown in that state")]
    Unconfirmed(PaymentState),
    /// The gateway has just shown it in another one.
    #[error("the gateway shows it as {0}; accept that, or have the gateway put it right")]
    GatewaySays(PaymentState),
    /// Such a state says that the gateway has no payment for it, and it has one.
    #[error("a gateway payment is known for it, so it cannot be {}", PaymentState::Rejected)]
    GatewayHasIt,
    /// Such a state says that the gateway has a payment for it, and none is known.
    #[error("no gateway payment is known for it; only {} can be forced", PaymentState::Rejected)]
    GatewayHasItNot,
    /// The gateway payment that was shown is another one than ours.
    #[error("the gateway payment is not the one that belongs to it")]
    AnotherPayment,
    /// It can be set to no such state by a person.
    #[error("{0} cannot be forced")]
    NoEnd(PaymentState),
    /// A command may still have an effect.
    #[error("the outcome of a command is not known yet")]
    CommandOpen,
    /// Nothing is unknown.
    #[error("no request of it has an unknown outcome")]
    NothingUnknown,
}

impl Deed {
    /// The gateway payment that it rests on.
    pub fn sighting(&self) -> Option<&Sighting> {
        match self {
            Self::Force { sighting, .. } => sighting.as_deref(),
            Self::Assign { .. } | Self::Note | Self::Snooze { .. } | Self::Settle | Self::Release => None,
        }
    }

    pub(super) fn sighting_mut(&mut self) -> Option<&mut Sighting> {
        match self {
            Self::Force { sighting, .. } => sighting.as_deref_mut(),
            Self::Assign { .. } | Self::Note | Self::Snooze { .. } | Self::Settle | Self::Release => None,
        }
    }
}

impl Payment {
    /// Whether a person may say that it is in `state`, with what a look has just shown. What moved money or holds it is only
    /// believed to the gateway; `REJECTED` only where no gateway payment is known; and nothing is opened again.
    pub fn may_force(&self, state: PaymentState, sighting: Option<&Sighting>) -> Result<(), NotForcible> {
        let shown = sighting.and_then(Sighting::known_state).map(PaymentState::from);
        if state == self.state {
            return Err(NotForcible::Already(state));
        }
        if self.commands.open().is_some() && !state.is_final() {
            return Err(NotForcible::CommandOpen);
        }
        if let (Some(ours), Some(sighting)) = (&self.gateway_payment_id, sighting)
            && *ours != sighting.id
        {
            return Err(NotForcible::AnotherPayment);
        }
        match state {
            PaymentState::Submitted => Err(NotForcible::NoEnd(state)),
            PaymentState::Checkout
            | PaymentState::Pending
            | PaymentState::AwaitingApproval
            | PaymentState::Authorized
            | PaymentState::Completed => {
                if shown == Some(state) {
                    Ok(())
                } else {
                    Err(NotForcible::Unconfirmed(state))
                }
            }
            PaymentState::Declined | PaymentState::Cancelled => {
                if let Some(shown) = shown.filter(|shown| *shown != state) {
                    return Err(NotForcible::GatewaySays(shown));
                }
                if self.gateway_payment_id.is_some() || shown == Some(state) {
                    Ok(())
                } else {
                    Err(NotForcible::GatewayHasItNot)
                }
            }
            PaymentState::Rejected => {
                if self.gateway_payment_id.is_some() || sighting.is_some() {
                    Err(NotForcible::GatewayHasIt)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Whether two people may say that the request of unknown outcome made nothing.
    pub fn may_release(&self) -> Result<(), NotForcible> {
        let unknown = self.state == PaymentState::Submitted
            && self.gateway_payment_id.is_none()
            && self.opening.kind == Kind::Moving
            && self.submission.possibly_sent() > 0;
        if !unknown {
            Err(NotForcible::NothingUnknown)
        } else if self.others.is_empty() {
            Ok(())
        } else {
            Err(NotForcible::GatewayHasIt)
        }
    }
}
