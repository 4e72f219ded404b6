use async_trait::async_trait;
use domain::{PaymentState, PaymentType, Time};

use crate::StoreError;

/// What is counted for the metrics: by one process for all of them, so that counting costs the same with any number of
/// replicas.
#[async_trait]
pub trait Samples: Send + Sync {
    /// The latest sample of this name, as JSON, and when it was taken.
    async fn sample(&self, name: &str) -> Result<Option<(Time, String)>, StoreError>;

    /// Leases the taking of the next sample, if the latest is older than the claim wants and nobody is on it.
    async fn claim_sample(&self, claim: &SampleClaim) -> Result<bool, StoreError>;

    /// Records a sample for everybody.
    async fn record_sample(&self, name: &str, taken_at: Time, sample: &str) -> Result<(), StoreError>;

    /// How many payments stand in each open state, and when the oldest of them was made.
    async fn open_counts(&self) -> Result<Vec<OpenCount>, StoreError>;

    /// How many payments of each type stand in each state: a walk through all of them.
    async fn counts(&self) -> Result<Vec<(PaymentState, PaymentType, u64)>, StoreError>;

    /// How many notices wait to be filed, and when the oldest of them came.
    async fn waiting_notices(&self) -> Result<(u64, Option<Time>), StoreError>;

    /// How many changes have no place in the feed of events yet, and how far the endpoint is behind its end that is farthest.
    async fn event_backlog(&self) -> Result<(u64, u64), StoreError>;
}

/// A claim on the next sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleClaim {
    /// Which one.
    pub name: &'static str,
    /// One that was taken then or later is fresh enough.
    pub fresh_since: Time,
    /// What time it is.
    pub now: Time,
    /// Until when others leave it alone.
    pub until: Time,
}

/// What is open in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenCount {
    /// The state.
    pub state: PaymentState,
    /// How many payments.
    pub payments: u64,
    /// When the oldest of them was made.
    pub oldest: Time,
}
