use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{Actor, Currency, MovementKind, PaymentState, PaymentType, ShopName, Time, Total};
use uuid::Uuid;

use crate::{OwnerId, StoreError};

/// Files for finance, on order: who is to write which, how far it is, and what was written. What is to be written and how is
/// the caller's own word here.
#[async_trait]
pub trait Exports: Send + Sync {
    /// Orders one; one that has the id already will do. Answers the one that is there.
    async fn order_export(&self, export: &Export) -> Result<Export, StoreError>;

    /// Takes the one that was ordered first of those that nobody is on and that are due.
    async fn claim_export(&self, claim: &ExportClaim) -> Result<Option<Export>, StoreError>;

    /// Records where one stands, if the claim's epoch is still the latest; answers whether it is. `until` keeps the lease, none
    /// gives it up.
    async fn record_export(&self, export: &Export, until: Option<Time>) -> Result<bool, StoreError>;

    /// One of them.
    async fn export(&self, id: Uuid) -> Result<Option<Export>, StoreError>;

    /// The one that was ordered last first.
    async fn exports(&self, page: &ExportsPage) -> Result<Vec<Export>, StoreError>;

    /// Those that were completed before, whose files are still kept.
    async fn exports_completed_before(&self, time: Time, limit: u32) -> Result<Vec<Export>, StoreError>;

    /// Notes that somebody took the file.
    async fn record_download(&self, export: Uuid, download: &Download) -> Result<(), StoreError>;

    /// Who took the file, the last one first, at most 100.
    async fn downloads(&self, export: Uuid) -> Result<Vec<Download>, StoreError>;

    /// What the lines up to a place of the books add up to, of each shop, currency and kind of money; in this order.
    async fn balances(&self, through: u64) -> Result<Vec<Balance>, StoreError>;

    /// The payments that have not ended, added up by shop, type, state and currency; in this order.
    async fn open_amounts(&self) -> Result<Vec<OpenAmount>, StoreError>;
}

/// A file for finance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Its name.
    pub id: Uuid,
    /// What it tells.
    pub report: String,
    /// How it is written.
    pub format: String,
    /// The shops that it is about.
    pub shops: BTreeSet<ShopName>,
    /// What was posted, or seen, then or later is in it.
    pub from: Time,
    /// What was posted, or seen, then or later is not.
    pub to: Time,
    /// The zone of its business days, by its IANA name.
    pub zone: String,
    /// Who ordered it; none on the command line.
    pub ordered_by: Option<Actor>,
    /// When it was ordered.
    pub ordered_at: Time,
    /// How far it is.
    pub state: ExportState,
    /// Why it failed, or what it last met.
    pub failure: Option<String>,
    /// How often in a row it came to no end.
    pub failures: u32,
    /// Rows that were gone through.
    pub rows_done: u64,
    /// Rows that there are to go through, once that is known.
    pub rows_expected: Option<u64>,
    /// What it looks at, fixed when it is first taken up: JSON, the writer's own.
    pub snapshot: Option<String>,
    /// What was written: JSON, as it is given out.
    pub manifest: Option<String>,
    /// When it was first taken up.
    pub begun_at: Option<Time>,
    /// When it came to its end.
    pub finished_at: Option<Time>,
    /// When it is due.
    pub next_at: Time,
    /// Raised with each claim.
    pub epoch: u64,
}

/// How far an export is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::Display, strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum ExportState {
    /// Nobody has taken it up.
    Waiting,
    /// Somebody writes it, or will go on.
    Running,
    /// The file is there.
    Completed,
    /// There will be no file.
    Failed,
    /// The file was there, for as long as files are kept.
    Expired,
}

/// A claim on the next export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportClaim {
    /// What time it is.
    pub now: Time,
    /// Who claims.
    pub owner: OwnerId,
    /// Until when others leave it alone.
    pub until: Time,
}

/// A page of the exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportsPage {
    /// Only those about none but these shops; all if there is none.
    pub shops: BTreeSet<ShopName>,
    /// Only those that were ordered before, or at the same time under a smaller id.
    pub before: Option<(Time, Uuid)>,
    /// How many at most.
    pub limit: u32,
}

/// Somebody took a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Time,
}

/// What lines of the books add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Whose.
    pub shop: ShopName,
    /// The currency of the sum.
    pub currency: Currency,
    /// The kind of money.
    pub kind: MovementKind,
    /// The sum.
    pub sum: Total,
}

/// Payments that have not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAmount {
    /// Whose.
    pub shop: ShopName,
    /// Their type.
    pub payment_type: PaymentType,
    /// Where they stand.
    pub state: PaymentState,
    /// The currency that was asked for.
    pub currency: Currency,
    /// How many.
    pub payments: u64,
    /// What was asked for in them together.
    pub requested: Total,
}
