use serde::{Deserialize, Serialize};

/// Which way the money goes (gateway contract, section 4).
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
pub enum PaymentType {
    /// From a customer to the merchant.
    Deposit,
    /// From the merchant to a customer.
    Withdrawal,
    /// A deposit, or a part of it, back to its customer.
    Refund,
}
