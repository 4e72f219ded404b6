use serde::{Deserialize, Serialize};

/// Where one of our payments stands.
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
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentState {
    /// A request is about to leave for the gateway, or has left and its outcome is not known.
    Submitted,
    /// The gateway has it; the customer has not finished the checkout page.
    Checkout,
    /// Being processed.
    Pending,
    /// A withdrawal that waits for the merchant.
    AwaitingApproval,
    /// The money is held; a capture takes it, a void lets it go.
    Authorized,
    /// The money moved.
    Completed,
    /// Refused, in the gateway's words.
    Declined,
    /// Called off by the customer, a timeout, a void or a rejection, in the gateway's words.
    Cancelled,
    /// No gateway payment exists for it: refused before one was made, or proven never to have been sent.
    Rejected,
}

impl PaymentState {
    /// Whether nothing but an audited correction can change it any more.
    pub fn is_final(self) -> bool {
        match self {
            Self::Submitted | Self::Checkout | Self::Pending | Self::AwaitingApproval | Self::Authorized => false,
            Self::Completed | Self::Declined | Self::Cancelled | Self::Rejected => true,
        }
    }

    /// Final, and no money moved.
    pub fn is_dead(self) -> bool {
        self.is_final() && self != Self::Completed
    }
}

/// Where one of the gateway's payments stands (gateway contract, section 8).
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
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum GatewayState {
    /// The customer has not finished the checkout page.
    Checkout,
    /// Being processed.
    Pending,
    /// A withdrawal waits for the merchant.
    AwaitingApproval,
    /// The money is held.
    Authorized,
    /// The money moved.
    Completed,
    /// Refused.
    Declined,
    /// Called off.
    Cancelled,
}

impl From<GatewayState> for PaymentState {
    fn from(state: GatewayState) -> Self {
        match state {
            GatewayState::Checkout => Self::Checkout,
            GatewayState::Pending => Self::Pending,
            GatewayState::AwaitingApproval => Self::AwaitingApproval,
            GatewayState::Authorized => Self::Authorized,
            GatewayState::Completed => Self::Completed,
            GatewayState::Declined => Self::Declined,
            GatewayState::Cancelled => Self::Cancelled,
        }
    }
}

/// A state as it stood in the gateway's bytes. Its engine knows working states that the contract does not
/// promise (gateway contract, section 4): they are kept and change nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SeenState {
    /// One of the contract's states.
    Known(GatewayState),
    /// Another word, or none (`""`).
    Unknown(String),
}
