use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// What a payment does with money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray, Serialize, Deserialize)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentType {
    /// From the customer to the merchant.
    Deposit,
    /// From the merchant to a customer.
    Withdrawal,
    /// Back to the customer, out of an earlier deposit.
    Refund,
}

/// Where the gateway says that a payment stands (gateway contract, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentState {
    /// The deposit exists, the customer has not finished the checkout page.
    Checkout,
    /// Being processed.
    Pending,
    /// A withdrawal that the merchant has yet to approve.
    AwaitingApproval,
    /// Money is held, and can be captured or voided.
    Authorized,
    /// Money moved.
    Completed,
    /// Refused; the error code says by whom.
    Declined,
    /// Ended by the customer, a timeout, a void or a rejection.
    Cancelled,
}
