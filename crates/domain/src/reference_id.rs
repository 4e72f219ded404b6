use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The caller's own name for one payment: chosen once, stored before the first call, sent again on
/// every retry. The gateway does not de-duplicate by it (gateway contract, section 13): that is our work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReferenceId(String);

/// Why a text cannot be a [`ReferenceId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReferenceId {
    /// Empty, or longer than the gateway takes.
    #[error("must have 1 to {} characters, has {length}", ReferenceId::LENGTH_MAX)]
    Length {
        /// Its characters.
        length: usize,
    },
    /// A control character would not survive logs, headers and spreadsheets.
    #[error("must not hold the control character U+{:04X}", u32::from(*.0))]
    Character(char),
}

impl ReferenceId {
    /// In characters (gateway contract, section 6.1).
    pub const LENGTH_MAX: usize = 256;

    /// The text as the caller wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReferenceId {
    type Err = InvalidReferenceId;

    fn from_str(text: &str) -> Result<Self, InvalidReferenceId> {
        let length = text.chars().count();
        if length == 0 || Self::LENGTH_MAX < length {
            return Err(InvalidReferenceId::Length { length });
        }
        match text.chars().find(|c| c.is_control()) {
            Some(found) => Err(InvalidReferenceId::Character(found)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ReferenceId {
    type Error = InvalidReferenceId;

    fn try_from(text: String) -> Result<Self, InvalidReferenceId> {
        text.parse()
    }
}

impl From<ReferenceId> for String {
    fn from(id: ReferenceId) -> String {
        id.0
    }
}

impl fmt::Display for ReferenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_1_to_256_characters_and_no_control_characters() {
        assert!("order-1001; a=b ž".parse::<ReferenceId>().is_ok_and(|id| id.as_str() == "order-1001; a=b ž"));
        assert!("ž".repeat(256).parse::<ReferenceId>().is_ok_and(|id| id.as_str().chars().count() == 256));
        assert_eq!("".parse::<ReferenceId>(), Err(InvalidReferenceId::Length { length: 0 }));
        assert_eq!("a".repeat(257).parse::<ReferenceId>(), Err(InvalidReferenceId::Length { length: 257 }));
        assert_eq!("a\u{0}b".parse::<ReferenceId>(), Err(InvalidReferenceId::Character('\u{0}')));
    }
}
