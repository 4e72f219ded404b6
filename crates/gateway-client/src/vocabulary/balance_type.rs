use strum::{EnumString, IntoStaticStr, VariantArray};

/// What the money of a balance is there for (gateway contract, section 6.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum BalanceType {
    /// Taken, and not yet the merchant's to use.
    Processing,
    /// The merchant's.
    Available,
    /// Set aside for payouts.
    Withdrawal,
}
