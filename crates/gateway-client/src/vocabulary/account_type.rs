use strum::{EnumString, IntoStaticStr, VariantArray};

/// The kind of bank account that a payout goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountType {
    /// Savings.
    Savings,
    /// Current account.
    Checking,
}
