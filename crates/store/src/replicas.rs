use async_trait::async_trait;
use domain::Time;

use crate::{OwnerId, StoreError};

/// Processes that serve on one database.
#[async_trait]
pub trait Replicas: Send + Sync {
    /// Says that a process serves, and forgets those that were last seen before `forgotten_before`.
    async fn serve_as(&self, replica: &Replica, forgotten_before: Time) -> Result<(), StoreError>;

    /// All that are remembered, the one that began first first.
    async fn replicas(&self) -> Result<Vec<Replica>, StoreError>;
}

/// A process that serves, or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// The name that it made at its start.
    pub id: OwnerId,
    /// The version of the program.
    pub version: String,
    /// When it began.
    pub started_at: Time,
    /// When it said so last.
    pub seen_at: Time,
}
