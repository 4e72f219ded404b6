use super::{GatewayState, PaymentState};

use GatewayState as G;
use PaymentState as S;

/// How what the gateway tells stands to what we have.
pub(super) enum News {
    /// Further on.
    Forward,
    /// What we have.
    Same,
    /// Further back, both open: true if the look is newer than our state.
    Back,
    /// Open, after the end.
    Late,
    /// Another end.
    OtherFinal,
}

impl News {
    pub(super) fn of(ours: S, told: G) -> Self {
        match (ours, told) {
            (
                S::Submitted,
                G::Checkout
                | G::Pending
                | G::AwaitingApproval
                | G::Authorized
                | G::Completed
                | G::Declined
                | G::Cancelled,
            )
            | (
                S::Checkout,
                G::Pending | G::AwaitingApproval | G::Authorized | G::Completed | G::Declined | G::Cancelled,
            )
            | (S::Pending, G::AwaitingApproval | G::Authorized | G::Completed | G::Declined | G::Cancelled)
            | (S::AwaitingApproval, G::Authorized | G::Completed | G::Declined | G::Cancelled)
            | (S::Authorized, G::Completed | G::Declined | G::Cancelled) => Self::Forward,

            (S::Checkout, G::Checkout)
            | (S::Pending, G::Pending)
            | (S::AwaitingApproval, G::AwaitingApproval)
            | (S::Authorized, G::Authorized)
            | (S::Completed, G::Completed)
            | (S::Declined, G::Declined)
            | (S::Cancelled, G::Cancelled) => Self::Same,

            (S::Pending, G::Checkout)
            | (S::AwaitingApproval, G::Checkout | G::Pending)
            | (S::Authorized, G::Checkout | G::Pending | G::AwaitingApproval) => Self::Back,

            (
                S::Completed | S::Declined | S::Cancelled | S::Rejected,
                G::Checkout | G::Pending | G::AwaitingApproval | G::Authorized,
            ) => Self::Late,

            (S::Completed, G::Declined | G::Cancelled)
            | (S::Declined, G::Completed | G::Cancelled)
            | (S::Cancelled, G::Completed | G::Declined)
            | (S::Rejected, G::Completed | G::Declined | G::Cancelled) => Self::OtherFinal,
        }
    }
}
