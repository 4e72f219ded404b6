//! Batches of what arrives together.

mod cargo;
mod flight;
mod lane;

use std::sync::Arc;

pub use lane::LaneCounts;

use crate::{Birth, Notice, Opened, Outcome, Received, Store, StoreError, Write};
use lane::Lane;

/// Makes batches for a [`Store`]: whatever arrives while a batch is being committed goes into the next one. Nobody
/// waits for a timer, a lone request is committed at once, and a thousand concurrent ones share a few flushes.
///
/// It has no task of its own. A batch is a *flight*, driven by one of the callers in it; if that caller goes away, the
/// flight goes on under another one. So it runs on any executor, and one thread that polls in the same order gets the
/// same batches.
///
/// A batch holds at most one change of a payment, of a reference, of a gateway id, of a notice: a second one would
/// lose against the first. It waits for the next batch, and never overtakes what came before it.
///
/// An error of a batch is everybody's in it, and shared. A caller who goes away while waiting is left out; one who
/// goes away during the flight does not know what came of it, as after a lost answer.
pub struct Coalescer {
    store: Arc<dyn Store>,
    openings: Arc<Lane<Birth>>,
    commits: Arc<Lane<Write>>,
    receipts: Arc<Lane<Notice>>,
}

/// What went through a [`Coalescer`] since it was made, lane by lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoalescerCounts {
    /// Of [`Coalescer::open`].
    pub open: LaneCounts,
    /// Of [`Coalescer::commit`].
    pub commit: LaneCounts,
    /// Of [`Coalescer::receive`].
    pub receive: LaneCounts,
}

impl Coalescer {
    /// One batch of each kind at a time, of at most `batch_max`.
    pub fn new(store: Arc<dyn Store>, batch_max: usize) -> Self {
        Self::with_flights(store, batch_max, 1)
    }

    /// Up to `flights_max` batches of each kind at once, for a store whose commits overlap. They never hold the same
    /// payment.
    pub fn with_flights(store: Arc<dyn Store>, batch_max: usize, flights_max: usize) -> Self {
        Self {
            openings: Lane::new(Arc::clone(&store), batch_max, flights_max),
            commits: Lane::new(Arc::clone(&store), batch_max, flights_max),
            receipts: Lane::new(Arc::clone(&store), batch_max, flights_max),
            store,
        }
    }

    /// [`Store::open`] of one.
    pub async fn open(&self, birth: Birth) -> Result<Opened, Arc<StoreError>> {
        self.openings.carry(birth).await
    }

    /// [`Store::commit`] of one.
    pub async fn commit(&self, write: Write) -> Result<Outcome, Arc<StoreError>> {
        self.commits.carry(write).await
    }

    /// [`Store::receive`] of one.
    pub async fn receive(&self, notice: Notice) -> Result<Received, Arc<StoreError>> {
        self.receipts.carry(notice).await
    }

    /// The store behind it, for everything else.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Batches and their sizes so far, for metrics.
    pub fn counts(&self) -> CoalescerCounts {
        CoalescerCounts { open: self.openings.counts(), commit: self.commits.counts(), receive: self.receipts.counts() }
    }
}
