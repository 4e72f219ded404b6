use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The gateway's name for one of its payments (gateway contract, section 3: at most 32 letters and digits).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GatewayPaymentId(String);

/// The text is not 1 to 32 ASCII letters and digits, so it can be no id of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 32 ASCII letters and digits")]
pub struct InvalidGatewayPaymentId;

impl GatewayPaymentId {
    /// The id as the gateway wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GatewayPaymentId {
    type Err = InvalidGatewayPaymentId;

    fn from_str(text: &str) -> Result<Self, InvalidGatewayPaymentId> {
        let fits = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidGatewayPaymentId) }
    }
}

impl TryFrom<String> for GatewayPaymentId {
    type Error = InvalidGatewayPaymentId;

    fn try_from(text: String) -> Result<Self, InvalidGatewayPaymentId> {
        text.parse()
    }
}

impl From<GatewayPaymentId> for String {
    fn from(id: GatewayPaymentId) -> String {
        id.0
    }
}

impl fmt::Display for GatewayPaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
