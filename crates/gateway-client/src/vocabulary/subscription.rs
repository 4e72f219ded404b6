use strum::{EnumString, IntoStaticStr, VariantArray};

/// Where a subscription stands (gateway contract, section 6.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum SubscriptionState {
    /// Charges follow.
    Active,
    /// Ended by the merchant, or by a charge that failed.
    Cancelled,
    /// All cycles are done.
    Completed,
}

/// What a frequency counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "units of time need no explanation")]
pub enum FrequencyUnit {
    /// For tests only.
    Minute,
    Day,
    Week,
    Month,
}

/// Why a charge of a subscription is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum CycleType {
    /// It is due.
    Regular,
    /// An earlier one failed.
    Retry,
}
