use async_trait::async_trait;
use domain::Time;

use crate::{OwnerId, StoreError};

/// Streams of a messaging system that events are published to: how far, and by which process.
#[async_trait]
pub trait Streams: Send + Sync {
    /// Leases a stream; one that nobody has published to begins before the first event of all. None while another process
    /// is on it.
    async fn claim_stream(&self, claim: &StreamClaim) -> Result<Option<StreamPlace>, StoreError>;

    /// Records how far was published, and keeps the lease until then, or gives it up. False, and nothing is recorded, if
    /// the epoch is another one by now.
    async fn record_stream(&self, place: &StreamPlace, leased_until: Option<Time>) -> Result<bool, StoreError>;

    /// How many events lie behind the place of a stream; all of them behind that of one that nobody has published to.
    async fn unpublished_events(&self, name: &str) -> Result<u64, StoreError>;
}

/// A claim on a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamClaim {
    /// Which one.
    pub name: String,
    /// What time it is.
    pub now: Time,
    /// Who claims.
    pub owner: OwnerId,
    /// Until when others leave it alone.
    pub until: Time,
}

/// How far a stream was published to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPlace {
    /// Which one.
    pub name: String,
    /// The place in the feed of the last event that was published.
    pub position: u64,
    /// Raised with each lease.
    pub epoch: u64,
}
