use serde::{Deserialize, Serialize};

/// Something about a payment that a person may want to look at. Flags are raised by evidence, and stay.
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
pub enum Flag {
    /// The gateway's amount is not the requested one, in the same currency.
    AmountDiffers,
    /// The money moved in another currency than the requested one.
    Converted,
    /// The gateway's payment has another type than ours.
    TypeDiffers,
    /// The gateway's payment has another reference than ours.
    ReferenceDiffers,
    /// The answer to an inert POST was already beyond the checkout page.
    NotInert,
    /// COMPLETED without an amount: nothing is booked until it is read again.
    AmountMissing,
    /// Two looks at the same completed payment told different amounts.
    AmountContradicts,
    /// The gateway told a state that the contract does not know.
    UnknownState,
    /// Evidence tells two different final states, or a gateway payment for what was rejected.
    Contradiction,
    /// A dead payment became COMPLETED, seen by a webhook and by a look.
    GatewayCorrection,
    /// A look found nothing of a request that may have moved money, a quarter of an hour after it left.
    UnknownOutcome,
    /// The gateway does not find the payment that it gave us the id of.
    NotFoundAtGateway,
    /// Another gateway payment exists under the same reference.
    Surplus,
    /// A surplus payment was paid while ours is dead.
    PaidElsewhere,
    /// Several candidates stand under the reference and none fits: a person must choose.
    UndecidedCandidates,
    /// The gateway gave us an id that belongs to another payment already.
    IdClaimedElsewhere,
    /// More was refunded than was captured: the gateway let it happen, or a refund that was dead came to life.
    OverRefunded,
}
