use std::sync::Arc;
use std::time::Duration;

use domain::{InvalidAmount, NotAllowed, NotForcible, NotRefundable, PaymentId, ShopName, Switch, Time};
use store::StoreError;

/// Why a deed was not done. Workers meet these as well as callers, so they know nothing of HTTP.
#[derive(Debug, thiserror::Error)]
pub enum DeedError {
    /// The caller's reference names another request.
    #[error("the reference is taken by a payment that was ordered differently")]
    ReferenceTaken {
        /// The payment that has it.
        payment: PaymentId,
        /// JSON pointers (RFC 6901) of the fields that differ.
        differences: Vec<String>,
    },
    /// Something about the order is wrong that only a look at what we know can tell; nothing was taken.
    #[error("the order is not valid, nothing was taken")]
    InvalidOrder {
        /// JSON pointers (RFC 6901) of fields, and what is wrong with each. Never the value.
        errors: Vec<(String, String)>,
    },
    /// The caller's name for the request names another one.
    #[error("the Idempotency-Key came with another request before; what is asked for anew needs a new one")]
    RequestDiffers,
    /// The request is being done.
    #[error("the request with this Idempotency-Key is being done; ask again in a moment")]
    RequestInFlight,
    /// The payment that the order belongs to is not known to exist at the gateway yet; nothing was taken.
    #[error("the gateway has not confirmed the payment of parentPaymentId yet, nothing was taken; repeat it later")]
    ParentNotReady,
    /// There is no such shop in the settings.
    #[error("there is no shop named {0}")]
    UnknownShop(ShopName),
    /// No payment has this name.
    #[error("there is no such payment")]
    PaymentNotFound,
    /// The gateway does not know what was asked for.
    #[error("the gateway does not know it")]
    NotAtGateway,
    /// The command cannot be given to the payment as it is.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// The deposit cannot be refunded, or not by this much.
    #[error(transparent)]
    NotRefundable(#[from] NotRefundable),
    /// A person may not say that of the payment.
    #[error(transparent)]
    NotForcible(#[from] NotForcible),
    /// The payment is not what the person has seen any more.
    #[error("the payment has changed meanwhile, it has version {version} now; look again")]
    VersionChanged {
        /// The version that it has.
        version: u64,
    },
    /// It may be done, and not yet.
    #[error("it is not done before {not_before}: the gateway may still find what was sent")]
    TooEarly {
        /// From when on.
        not_before: Time,
    },
    /// What would have to be sent is not kept any more, or never was.
    #[error("the request is not kept any more; let it go, and order it anew under another reference")]
    RequestGone,
    /// Whoever asked cannot approve.
    #[error("whoever asked for it cannot approve it; another key must")]
    SamePerson,
    /// One thing at a time is asked for.
    #[error("something is asked for already that waits for a second person")]
    ProposalOpen,
    /// It was approved or declined before.
    #[error("it is decided already")]
    ProposalDecided,
    /// People have stopped it.
    #[error("{0} are stopped by hand; nothing was taken")]
    Stopped(Switch),
    /// The amount does not fit the currency of what it is a part of.
    #[error(transparent)]
    InvalidAmount(#[from] InvalidAmount),
    /// Whoever ordered a withdrawal does not approve it as well.
    #[error("whoever ordered a withdrawal cannot approve it; another key must")]
    MakerApproves,
    /// The gateway does not answer; nothing was taken.
    #[error("the gateway does not answer, nothing was taken")]
    GatewayUnavailable {
        /// When it is asked again.
        retry_after: Duration,
    },
    /// The gateway refuses our key; nothing was taken.
    #[error("the gateway refuses our key, nothing was taken")]
    GatewayMisconfigured {
        /// When it is asked again.
        retry_after: Duration,
    },
    /// The database does not do what it is asked. Shared, since a batch fails for all who are in it.
    #[error("the store failed")]
    Store(#[from] Arc<StoreError>),
    /// The database refuses this very payment.
    #[error("the database refuses to store it: {0}")]
    Poison(String),
    /// The payment changed faster than a decision could be recorded, again and again.
    #[error("the payment keeps changing, try again")]
    Contended,
    /// Something of ours that was kept encrypted cannot be read: another key, or damage.
    #[error("what was kept encrypted cannot be read with the present key")]
    Sealed,
}

impl DeedError {
    /// Whether something could not be reached or used: the same deed may be done later. All else is the answer to it.
    pub fn is_unavailability(&self) -> bool {
        matches!(
            self,
            Self::GatewayUnavailable { .. }
                | Self::GatewayMisconfigured { .. }
                | Self::Store(_)
                | Self::Poison(_)
                | Self::Contended
                | Self::Sealed
        )
    }

    pub(crate) fn invalid_order(pointer: &str, wrong: &str) -> Self {
        Self::InvalidOrder { errors: vec![(pointer.to_owned(), wrong.to_owned())] }
    }
}

impl From<StoreError> for DeedError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}
