use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A text of 1 to `MAX` characters without control characters, line breaks excepted where they are harmless:
/// nowhere here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(String);

/// Why a text does not fit its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Empty, or too long.
    #[error("must have {min} to {max} characters, has {length}")]
    Length {
        /// The fewest characters.
        min: usize,
        /// The most characters.
        max: usize,
        /// What it has.
        length: usize,
    },
    /// A control character, U+0000 among them.
    #[error("must not hold the control character U+{:04X}", u32::from(*.0))]
    Character(char),
    /// The right length, but not of the form that its field has.
    #[error("must be {0}")]
    Form(&'static str),
}

impl<const MAX: usize> Text<MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The characters are counted, not the bytes, as the gateway does.
pub(crate) fn check_text(text: &str, min: usize, max: usize) -> Result<(), InvalidText> {
    let length = text.chars().count();
    if !(min..=max).contains(&length) {
        return Err(InvalidText::Length { min, max, length });
    }
    text.chars().find(|c| c.is_control()).map_or(Ok(()), |found| Err(InvalidText::Character(found)))
}

impl<const MAX: usize> FromStr for Text<MAX> {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        check_text(text, 1, MAX).map(|()| Self(text.to_owned()))
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = InvalidText;

    fn try_from(text: String) -> Result<Self, InvalidText> {
        text.parse()
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> String {
        text.0
    }
}

/// A [`Text`] about a person: it goes to the gateway, and is never shown by `Debug`, so that no log line or
/// error can hold it by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonalText<const MAX: usize>(String);

impl<const MAX: usize> PersonalText<MAX> {
    /// The text, for the request to the gateway.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> FromStr for PersonalText<MAX> {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        check_text(text, 1, MAX).map(|()| Self(text.to_owned()))
    }
}

impl<const MAX: usize> fmt::Debug for PersonalText<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

/// A [`PersonalText`] that can move somebody's money, or is a part of what can: a card's data, a token. It is wiped
/// from memory when it is dropped as well.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText<const MAX: usize>(Zeroizing<String>);

impl<const MAX: usize> SecretText<MAX> {
    /// The text, for the request to the gateway.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> FromStr for SecretText<MAX> {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        check_text(text, 1, MAX).map(|()| Self(Zeroizing::new(text.to_owned())))
    }
}

impl<const MAX: usize> fmt::Debug for SecretText<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
