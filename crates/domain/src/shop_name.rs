use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which of the merchant's shops a payment belongs to. The gateway has one key pair per shop and no
/// shop field (gateway contract, section 1), so the name is ours, from the settings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShopName(String);

/// The text is not a name that fits into a path, a setting and an environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 lower-case letters, digits, '-' or '_'")]
pub struct InvalidShopName;

impl ShopName {
    /// The name as it stands in the settings.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ShopName {
    type Err = InvalidShopName;

    fn from_str(text: &str) -> Result<Self, InvalidShopName> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        if (1..=64).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidShopName)
        }
    }
}

impl TryFrom<String> for ShopName {
    type Error = InvalidShopName;

    fn try_from(text: String) -> Result<Self, InvalidShopName> {
        text.parse()
    }
}

impl From<ShopName> for String {
    fn from(name: ShopName) -> String {
        name.0
    }
}

impl fmt::Display for ShopName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
