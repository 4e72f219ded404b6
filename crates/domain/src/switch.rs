use serde::{Deserialize, Serialize};

/// Something that people can stop by hand.
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
pub enum Switch {
    /// Orders of any kind. What was taken before goes on, and is answered as ever.
    NewPayments,
    /// Withdrawals: none is taken, and none that the gateway holds is approved.
    Withdrawals,
    /// Everything that the machine asks the gateway by itself. What people and callers ask for goes on.
    Polling,
}
