use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Our name for a payment: a UUIDv7 (RFC 9562), so that newer payments sort behind older ones.
/// It is made at the edge and handed in, because nothing in the core is random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentId(Uuid);

impl PaymentId {
    /// The id as a UUID, for edges that speak it.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for PaymentId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl FromStr for PaymentId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
