use strum::{EnumString, IntoStaticStr, VariantArray};

/// The scheme that a card belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "brands are names")]
pub enum CardBrand {
    Amex,
    Diners,
    Discover,
    Jcb,
    Maestro,
    Mastercard,
    Mir,
    Rupay,
    Unionpay,
    Visa,
    Humo,
    Verve,
    Troy,
    Uzcard,
    /// The gateway's own word for a brand that it does not know.
    Unknown,
}
