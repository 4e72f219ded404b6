//! The store and the gateway with a stopwatch beside them.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use domain::{PaymentId, ShopName, Time};
use gateway_client::answer::{Failure, Received};
use gateway_client::request::Request;
use orchestrator::{Clock, Gateway};
use store::{
    Birth, Claim, DueNotice, Name, Notice, Opened, Outcome, Store, StoreError, Stored, Sweep, SweepClaim,
    UnmatchedPayment, Write,
};

use crate::metrics::Metrics;

/// Measures what is written in batches; everything else goes through.
pub(crate) struct MeteredStore {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) metrics: Arc<Metrics>,
}

impl MeteredStore {
    async fn measured<T>(&self, lane: &'static str, size: usize, work: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let done = work.await;
        self.metrics.committed(lane, size, begun.elapsed());
        done
    }
}

#[async_trait]
impl Store for MeteredStore {
    async fn open(&self, births: &[Birth]) -> Result<Vec<Opened>, StoreError> {
        self.measured("open", births.len(), self.store.open(births)).await
    }

    async fn load(&self, names: &[Name]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.store.load(names).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Vec<Outcome>, StoreError> {
        self.measured("commit", writes.len(), self.store.commit(writes)).await
    }

    async fn receive(&self, notices: &[Notice]) -> Result<Vec<store::Received>, StoreError> {
        self.measured("receive", notices.len(), self.store.receive(notices)).await
    }

    async fn claim_due(&self, claim: &Claim) -> Result<Vec<Stored>, StoreError> {
        self.store.claim_due(claim).await
    }

    async fn claim_notices(&self, claim: &Claim) -> Result<Vec<DueNotice>, StoreError> {
        self.store.claim_notices(claim).await
    }

    async fn kept_request(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.kept_request(payment).await
    }

    async fn forget_kept_requests(&self, before: Time) -> Result<u64, StoreError> {
        self.store.forget_kept_requests(before).await
    }

    async fn claim_sweep(&self, claim: &SweepClaim) -> Result<Option<Sweep>, StoreError> {
        self.store.claim_sweep(claim).await
    }

    async fn record_sweep(&self, sweep: &Sweep) -> Result<bool, StoreError> {
        self.store.record_sweep(sweep).await
    }

    async fn sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        self.store.sweeps().await
    }

    async fn oldest_open(&self, shop: &ShopName) -> Result<Option<Time>, StoreError> {
        self.store.oldest_open(shop).await
    }

    async fn file_unmatched(&self, unmatched: &[UnmatchedPayment]) -> Result<(), StoreError> {
        self.store.file_unmatched(unmatched).await
    }

    async fn due_unmatched(&self, shop: &ShopName, now: Time, limit: u32) -> Result<Vec<UnmatchedPayment>, StoreError> {
        self.store.due_unmatched(shop, now, limit).await
    }
}

/// Measures every exchange with the gateway.
pub(crate) struct MeteredGateway {
    pub(crate) gateway: Arc<dyn Gateway>,
    /// How long an exchange takes is told by the clock that everything else goes by.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
}

#[async_trait]
impl Gateway for MeteredGateway {
    async fn exchange(&self, shop: &ShopName, request: Request) -> Received {
        let (method, template) = (request.method.as_str(), request.template());
        let begun = self.clock.uptime();
        let received = self.gateway.exchange(shop, request).await;
        let (status, outcome) = class(&received);
        self.metrics.exchanged(method, template, status, outcome, self.clock.uptime().saturating_sub(begun));
        received
    }
}

/// The status of an answer, and what kind of answer it is.
pub(crate) fn class(received: &Received) -> (u16, &'static str) {
    match received {
        Ok(answer) => {
            let outcome = match answer.status {
                200..=299 => "answered",
                400 => "refused",
                401 | 403 => "key-refused",
                404 => "not-found",
                429 => "too-many",
                500..=599 => "gateway-error",
                _ => "other-answer",
            };
            (answer.status, outcome)
        }
        Err(Failure::NotSent(_)) => (0, "not-sent"),
        Err(Failure::Unknown(_)) => (0, "no-answer"),
    }
}
