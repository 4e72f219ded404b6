//! The gateway's enumerated words (gateway contract, section 4).

mod account_type;
mod balance_type;
mod card_brand;
mod chargeback_state;
mod document_type;
mod operation_type;
mod payment;
mod payment_method;
mod subscription;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use account_type::AccountType;
pub use balance_type::BalanceType;
pub use card_brand::CardBrand;
pub use chargeback_state::ChargebackState;
pub use document_type::DocumentType;
pub use operation_type::OperationType;
pub use payment::{PaymentState, PaymentType};
pub use payment_method::PaymentMethod;
pub use subscription::{CycleType, FrequencyUnit, SubscriptionState};

/// A word of an enumeration that may grow without notice: the engine has more states and types than
/// its contract admits, and any of them may leak out (gateway contract, sections 4 and 14). It is
/// carried unchanged in both directions, known or not.
///
/// ```
/// use gateway_client::vocabulary::{Open, PaymentState};
///
/// let known = Open::<PaymentState>::from("PENDING".to_owned());
/// assert_eq!(known, Open::Known(PaymentState::Pending));
///
/// let new = Open::<PaymentState>::from("AWAITING_RETURN".to_owned());
/// assert_eq!((new.known(), new.as_str()), (None, "AWAITING_RETURN"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Open<Word> {
    /// A word that we have a meaning for.
    Known(Word),
    /// A word that we keep and show, and that changes nothing.
    Unknown(String),
}

impl<Word> Open<Word> {
    /// The word, if it is one that we know.
    pub fn known(&self) -> Option<&Word> {
        match self {
            Self::Known(word) => Some(word),
            Self::Unknown(_) => None,
        }
    }
}

impl<Word: Copy + Into<&'static str>> Open<Word> {
    /// The word on the wire, known or not.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(word) => (*word).into(),
            Self::Unknown(text) => text,
        }
    }
}

impl<Word: FromStr> From<String> for Open<Word> {
    fn from(text: String) -> Self {
        text.parse().map_or(Self::Unknown(text), Self::Known)
    }
}

impl<Word: FromStr> From<&str> for Open<Word> {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl<Word: Copy + Into<&'static str>> fmt::Display for Open<Word> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl<Word: Copy + Into<&'static str>> Serialize for Open<Word> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, Word: FromStr> Deserialize<'de> for Open<Word> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
