//! The embedded database: one file, one process that serves.
//!
//! One connection writes, in transactions that begin as writers (`BEGIN IMMEDIATE`), each on a task of its own that a
//! caller who goes away does not interrupt; the others read beside it.
//!
//! What a batch writes to a table is one statement with one JSON parameter: a statement for each row costs six to
//! fifteen times as much. Its objects are made rows of first (`given … as materialized`), in SQLite's binary form:
//! `json_each` would write an object out as text again for each column that is taken from it.

mod books;
mod breaks;
mod bulk_actions;
mod claim;
mod commit;
mod endpoints;
mod events;
mod exports;
mod fault;
mod file;
mod health;
mod inbox;
mod keys;
mod ledger;
mod list;
mod load;
mod means;
mod named_requests;
mod open;
#[cfg(test)]
mod plans;
mod proposals;
mod read_row;
mod reads;
mod receive;
mod reconciliations;
mod replicas;
mod samples;
mod serving_lock;
mod sessions;
mod settlements;
mod streams;
mod stuck;
mod sweep;
mod switches;
mod transaction;
mod unmatched;
mod write_row;

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use domain::{PaymentId, ShopName, Time};
use sqlx::SqlitePool;
use sqlx::migrate::Migrator;

pub use serving_lock::{ServingLock, lock_for_serving};

use crate::schema::migrator;
use crate::{
    Birth, Claim, DueNotice, Name, Notice, Opened, Outcome, Received, Store, StoreError, Stored, Sweep, SweepClaim,
    UnmatchedPayment, Write,
};
use transaction::{write, write_batch};

/// Part of the program, so that a file can be brought up to date by the program alone.
static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| migrator(sqlx::migrate!("../../migrations/sqlite")));

/// A [`Store`], [`Reads`](crate::Reads) and [`Keys`](crate::Keys) in one file. Clones share its connections.
#[derive(Debug, Clone)]
pub(crate) struct SqliteStore {
    /// One connection, since SQLite has one writer at a time.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the file, and makes it and its folder if they are not there. Another process that writes is waited for at
    /// most `patience` long, each time. The schema is left as it is.
    pub(crate) async fn connect(path: &Path, readers: u32, patience: Duration) -> Result<Self, StoreError> {
        let (writer, readers) = file::open(path, readers, patience).await?;
        Ok(Self { writer, readers })
    }

    /// Brings the schema up to date.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        MIGRATOR.run(&self.writer).await.map_err(StoreError::Migration)
    }

    /// Closes all connections, and waits for what they are doing.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn open(&self, births: &[Birth]) -> Result<Vec<Opened>, StoreError> {
        write_batch(&self.writer, open::Births::of(births)).await
    }

    async fn load(&self, names: &[Name]) -> Result<Vec<Option<Stored>>, StoreError> {
        load::load(&self.readers, names).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Vec<Outcome>, StoreError> {
        write_batch(&self.writer, commit::Commit::of(writes)).await
    }

    async fn receive(&self, notices: &[Notice]) -> Result<Vec<Received>, StoreError> {
        write(&self.writer, receive::Receipt::of(notices)).await
    }

    async fn claim_due(&self, claim: &Claim) -> Result<Vec<Stored>, StoreError> {
        write(&self.writer, claim::ClaimDue(*claim)).await
    }

    async fn claim_notices(&self, claim: &Claim) -> Result<Vec<DueNotice>, StoreError> {
        write(&self.writer, claim::ClaimNotices(*claim)).await
    }

    async fn kept_request(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError> {
        load::kept_request(&self.readers, payment).await
    }

    async fn forget_kept_requests(&self, before: Time) -> Result<u64, StoreError> {
        write(&self.writer, claim::ForgetKeptRequests { before }).await
    }

    async fn claim_sweep(&self, claim: &SweepClaim) -> Result<Option<Sweep>, StoreError> {
        write(&self.writer, sweep::ClaimSweep(claim.clone())).await
    }

    async fn record_sweep(&self, sweep: &Sweep) -> Result<bool, StoreError> {
        write(&self.writer, sweep::RecordSweep(sweep.clone())).await
    }

    async fn sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        sweep::sweeps(&self.readers).await
    }

    async fn oldest_open(&self, shop: &ShopName) -> Result<Option<Time>, StoreError> {
        sweep::oldest_open(&self.readers, shop).await
    }

    async fn file_unmatched(&self, unmatched: &[UnmatchedPayment]) -> Result<(), StoreError> {
        write(&self.writer, unmatched::FileUnmatched::of(unmatched)?).await
    }

    async fn due_unmatched(&self, shop: &ShopName, now: Time, limit: u32) -> Result<Vec<UnmatchedPayment>, StoreError> {
        unmatched::due(&self.readers, shop, now, limit).await
    }
}
