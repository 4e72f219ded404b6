use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who had something done: one of the callers' keys. Its name is the owner's word for it, and no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The key's id.
    pub key: Uuid,
    /// The key's name.
    pub name: String,
}
