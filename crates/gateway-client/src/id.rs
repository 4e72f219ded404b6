use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The gateway's own id of a payment or a subscription: 1 to 32 letters and digits (gateway contract, section 3; every
/// sample is 32 lower-case hex digits). Holding one is the proof that it may stand in a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GatewayId(String);

/// Why a text is not a gateway id. The text itself is left out: it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGatewayId {
    /// Empty, or longer than [`GatewayId::LENGTH_MAX`].
    #[error("a gateway id has 1 to 32 characters, this one has {0}")]
    Length(usize),
    /// Something other than an ASCII letter or digit.
    #[error("a gateway id holds letters and digits only, this one holds {0:?}")]
    Character(char),
}

impl GatewayId {
    /// The longest id that the contract allows, in characters.
    pub const LENGTH_MAX: usize = 32;

    /// The id as the gateway wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GatewayId {
    type Err = InvalidGatewayId;

    fn from_str(text: &str) -> Result<Self, InvalidGatewayId> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for GatewayId {
    type Error = InvalidGatewayId;

    fn try_from(text: String) -> Result<Self, InvalidGatewayId> {
        if let Some(found) = text.chars().find(|c| !c.is_ascii_alphanumeric()) {
            return Err(InvalidGatewayId::Character(found));
        }
        if text.is_empty() || Self::LENGTH_MAX < text.len() {
            return Err(InvalidGatewayId::Length(text.len()));
        }
        Ok(Self(text))
    }
}

impl From<GatewayId> for String {
    fn from(id: GatewayId) -> Self {
        id.0
    }
}

impl fmt::Display for GatewayId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_to_thirty_two_letters_and_digits() {
        let longest = "a".repeat(32);
        assert!("7".parse::<GatewayId>().is_ok());
        assert_eq!(longest.parse::<GatewayId>().map(String::from), Ok(longest));
        assert_eq!("".parse::<GatewayId>(), Err(InvalidGatewayId::Length(0)));
        assert_eq!("a".repeat(33).parse::<GatewayId>(), Err(InvalidGatewayId::Length(33)));
    }

    #[test]
    fn an_id_cannot_change_the_path_it_stands_in() {
        for (text, found) in [("../x", '.'), ("a/b", '/'), ("a?b", '?'), ("a%2F", '%'), ("é", 'é'), ("a b", ' ')] {
            assert_eq!(text.parse::<GatewayId>(), Err(InvalidGatewayId::Character(found)));
        }
    }
}
