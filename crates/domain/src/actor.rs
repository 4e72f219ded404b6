use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who had something done: one of the callers' keys, or a person who signed in at the console without one. Two deeds are one
/// and the same one's if the ids are, whatever the names say. A key's name is its owner's word for it, and no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The key's id, or the person's, which is the same whenever and however they sign in.
    pub key: Uuid,
    /// The key's name, or the person's.
    pub name: String,
}
