use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use domain::{Actor, PaymentId, ShopName, Time};
use gateway_client::answer::Received;
use gateway_client::request::{Method, Request};
use orchestrator::Gateway;
use store::{
    Balance, Birth, BulkAction, BulkActions, BulkActionsPage, BulkClaim, BulkRecorded, Claim, Claimed, Download,
    DueNotice, Export, ExportClaim, Exports, ExportsPage, Name, NamedRequests, Notice, OpenAmount, Opened, Outcome,
    RequestClaim, Store, StoreError, Stored, Sweep, SweepClaim, UnmatchedPayment, Write,
};
use uuid::Uuid;

/// The store, dying where `FAILPOINT` says.
pub(crate) fn around_store(store: Arc<dyn Store>) -> Arc<dyn Store> {
    match Failpoint::of_the_environment() {
        Some(point) => Arc::new(DyingStore { store, point }),
        None => store,
    }
}

/// The records of exports, dying where `FAILPOINT` says.
pub(crate) fn around_exports(exports: Arc<dyn Exports>) -> Arc<dyn Exports> {
    match Failpoint::of_the_environment() {
        Some(point) => Arc::new(DyingExports { exports, point }),
        None => exports,
    }
}

/// The records of bulk actions, dying where `FAILPOINT` says.
pub(crate) fn around_bulk_actions(actions: Arc<dyn BulkActions>) -> Arc<dyn BulkActions> {
    match Failpoint::of_the_environment() {
        Some(point) => Arc::new(DyingBulkActions { actions, point }),
        None => actions,
    }
}

/// The requests that have names, dying where `FAILPOINT` says.
pub(crate) fn around_named_requests(requests: Arc<dyn NamedRequests>) -> Arc<dyn NamedRequests> {
    match Failpoint::of_the_environment() {
        Some(point) => Arc::new(DyingNamedRequests { requests, point }),
        None => requests,
    }
}

/// The gateway, dying where `FAILPOINT` says.
pub(crate) fn around_gateway(gateway: Arc<dyn Gateway>) -> Arc<dyn Gateway> {
    match Failpoint::of_the_environment() {
        Some(point) => Arc::new(DyingGateway { gateway, point }),
        None => gateway,
    }
}

/// `CALL:before|after:COUNT`.
struct Failpoint {
    call: String,
    after: bool,
    count: u64,
    seen: AtomicU64,
}

impl Failpoint {
    fn of_the_environment() -> Option<Self> {
        std::env::var("FAILPOINT").ok()?.parse().ok()
    }

    async fn around<T>(&self, call: &str, work: impl Future<Output = T>) -> T {
        let here = self.call == call && self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.count;
        if here && !self.after {
            std::process::abort();
        }
        let done = work.await;
        if here {
            std::process::abort();
        }
        done
    }
}

impl FromStr for Failpoint {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(':');
        let (Some(call), Some(side), Some(count)) = (parts.next(), parts.next(), parts.next()) else { return Err(()) };
        let after = match side {
            "before" => false,
            "after" => true,
            _ => return Err(()),
        };
        let count = count.parse().map_err(|_| ())?;
        Ok(Self { call: call.to_owned(), after, count, seen: AtomicU64::new(0) })
    }
}

struct DyingStore {
    store: Arc<dyn Store>,
    point: Failpoint,
}

#[async_trait]
impl Store for DyingStore {
    async fn open(&self, births: &[Birth]) -> Result<Vec<Opened>, StoreError> {
        self.point.around("open", self.store.open(births)).await
    }

    async fn load(&self, names: &[Name]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.point.around("load", self.store.load(names)).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Vec<Outcome>, StoreError> {
        self.point.around("commit", self.store.commit(writes)).await
    }

    async fn receive(&self, notices: &[Notice]) -> Result<Vec<store::Received>, StoreError> {
        self.point.around("receive", self.store.receive(notices)).await
    }

    // A claim of nothing is no step of any deed, and which it is shows only behind it; so for claims there is no before.

    async fn claim_due(&self, claim: &Claim) -> Result<Vec<Stored>, StoreError> {
        let claimed = self.store.claim_due(claim).await?;
        if claimed.is_empty() { Ok(claimed) } else { self.point.around("claim", async { Ok(claimed) }).await }
    }

    async fn claim_notices(&self, claim: &Claim) -> Result<Vec<DueNotice>, StoreError> {
        let claimed = self.store.claim_notices(claim).await?;
        if claimed.is_empty() { Ok(claimed) } else { self.point.around("claim_notices", async { Ok(claimed) }).await }
    }

    async fn kept_request(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError> {
        self.point.around("kept_request", self.store.kept_request(payment)).await
    }

    async fn forget_kept_requests(&self, before: Time) -> Result<u64, StoreError> {
        self.store.forget_kept_requests(before).await
    }

    async fn claim_sweep(&self, claim: &SweepClaim) -> Result<Option<Sweep>, StoreError> {
        let claimed = self.store.claim_sweep(claim).await?;
        if claimed.is_none() { Ok(claimed) } else { self.point.around("claim_sweep", async { Ok(claimed) }).await }
    }

    async fn record_sweep(&self, sweep: &Sweep) -> Result<bool, StoreError> {
        self.point.around("record_sweep", self.store.record_sweep(sweep)).await
    }

    async fn sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        self.store.sweeps().await
    }

    async fn oldest_open(&self, shop: &ShopName) -> Result<Option<Time>, StoreError> {
        self.store.oldest_open(shop).await
    }

    async fn file_unmatched(&self, unmatched: &[UnmatchedPayment]) -> Result<(), StoreError> {
        self.point.around("file_unmatched", self.store.file_unmatched(unmatched)).await
    }

    async fn due_unmatched(&self, shop: &ShopName, now: Time, limit: u32) -> Result<Vec<UnmatchedPayment>, StoreError> {
        self.store.due_unmatched(shop, now, limit).await
    }
}

struct DyingExports {
    exports: Arc<dyn Exports>,
    point: Failpoint,
}

#[async_trait]
impl Exports for DyingExports {
    async fn order_export(&self, export: &Export) -> Result<Export, StoreError> {
        self.exports.order_export(export).await
    }

    async fn claim_export(&self, claim: &ExportClaim) -> Result<Option<Export>, StoreError> {
        let claimed = self.exports.claim_export(claim).await?;
        if claimed.is_none() { Ok(claimed) } else { self.point.around("claim_export", async { Ok(claimed) }).await }
    }

    async fn record_export(&self, export: &Export, until: Option<Time>) -> Result<bool, StoreError> {
        self.point.around("record_export", self.exports.record_export(export, until)).await
    }

    async fn export(&self, id: Uuid) -> Result<Option<Export>, StoreError> {
        self.exports.export(id).await
    }

    async fn exports(&self, page: &ExportsPage) -> Result<Vec<Export>, StoreError> {
        self.exports.exports(page).await
    }

    async fn exports_completed_before(&self, time: Time, limit: u32) -> Result<Vec<Export>, StoreError> {
        self.exports.exports_completed_before(time, limit).await
    }

    async fn record_download(&self, export: Uuid, download: &Download) -> Result<(), StoreError> {
        self.point.around("record_download", self.exports.record_download(export, download)).await
    }

    async fn downloads(&self, export: Uuid) -> Result<Vec<Download>, StoreError> {
        self.exports.downloads(export).await
    }

    async fn balances(&self, through: u64) -> Result<Vec<Balance>, StoreError> {
        self.point.around("balances", self.exports.balances(through)).await
    }

    async fn open_amounts(&self) -> Result<Vec<OpenAmount>, StoreError> {
        self.point.around("open_amounts", self.exports.open_amounts()).await
    }
}

struct DyingBulkActions {
    actions: Arc<dyn BulkActions>,
    point: Failpoint,
}

#[async_trait]
impl BulkActions for DyingBulkActions {
    async fn order_bulk_action(&self, action: &BulkAction) -> Result<BulkAction, StoreError> {
        self.actions.order_bulk_action(action).await
    }

    async fn claim_bulk_action(&self, claim: &BulkClaim) -> Result<Option<BulkAction>, StoreError> {
        let claimed = self.actions.claim_bulk_action(claim).await?;
        if claimed.is_none() {
            Ok(claimed)
        } else {
            self.point.around("claim_bulk_action", async { Ok(claimed) }).await
        }
    }

    async fn record_bulk_action(&self, action: &BulkAction, until: Option<Time>) -> Result<BulkRecorded, StoreError> {
        self.point.around("record_bulk_action", self.actions.record_bulk_action(action, until)).await
    }

    async fn stop_bulk_action(&self, id: Uuid, by: &Actor, now: Time) -> Result<bool, StoreError> {
        self.actions.stop_bulk_action(id, by, now).await
    }

    async fn bulk_action(&self, id: Uuid) -> Result<Option<BulkAction>, StoreError> {
        self.actions.bulk_action(id).await
    }

    async fn bulk_actions(&self, page: &BulkActionsPage) -> Result<Vec<BulkAction>, StoreError> {
        self.actions.bulk_actions(page).await
    }
}

struct DyingNamedRequests {
    requests: Arc<dyn NamedRequests>,
    point: Failpoint,
}

#[async_trait]
impl NamedRequests for DyingNamedRequests {
    async fn claim_request(&self, claim: &RequestClaim) -> Result<Claimed, StoreError> {
        self.point.around("claim_request", self.requests.claim_request(claim)).await
    }

    async fn keep_answer(&self, digest: &[u8], attempt: Uuid, answer: &[u8]) -> Result<bool, StoreError> {
        self.point.around("keep_answer", self.requests.keep_answer(digest, attempt, answer)).await
    }

    async fn release_request(&self, digest: &[u8], attempt: Uuid) -> Result<(), StoreError> {
        self.point.around("release_request", self.requests.release_request(digest, attempt)).await
    }

    async fn forget_requests(&self, before: Time) -> Result<u64, StoreError> {
        self.requests.forget_requests(before).await
    }
}

struct DyingGateway {
    gateway: Arc<dyn Gateway>,
    point: Failpoint,
}

#[async_trait]
impl Gateway for DyingGateway {
    async fn exchange(&self, shop: &ShopName, request: Request) -> Received {
        let call = match request.method {
            Method::Post => "post",
            Method::Get => "get",
            Method::Patch => "patch",
        };
        self.point.around(call, self.gateway.exchange(shop, request)).await
    }
}
