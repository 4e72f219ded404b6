//! PostgreSQL: many processes, one database.
//!
//! Every call is one statement, and every statement one transaction: nothing is ever left open by a call that was
//! cancelled. What a batch holds goes in as arrays and comes out by ordinal.

mod batch;
mod books;
mod breaks;
mod bulk_actions;
mod claim;
mod commit;
mod endpoints;
mod events;
mod exports;
mod inbox;
mod keys;
mod list;
mod load;
mod means;
mod named_requests;
mod open;
mod pool;
mod proposals;
mod reads;
mod receive;
mod reconciliations;
mod replicas;
mod samples;
mod sessions;
mod settlements;
mod statement;
mod stored;
mod streams;
mod stuck;
mod sweep;
mod switches;
mod table;
#[cfg(test)]
mod tests;
mod unmatched;

use std::sync::LazyLock;

use async_trait::async_trait;
use domain::{PaymentId, ShopName, Time};
use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;

use crate::schema::migrator;
use crate::{
    Birth, Claim, DueNotice, Name, Notice, Opened, Outcome, PoolSettings, Received, Store, StoreError, Stored, Sweep,
    SweepClaim, UnmatchedPayment, Write,
};
use pool::{Pools, knock};

/// Part of the program, so that a database can be brought up to date by the program alone.
static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| migrator(sqlx::migrate!("../../migrations/postgres")));

/// A [`Store`], [`Reads`](crate::Reads) and [`Keys`](crate::Keys) in PostgreSQL. Clones share its connections.
#[derive(Debug, Clone)]
pub(crate) struct PostgresStore {
    pools: Pools,
}

impl PostgresStore {
    /// Fails if the server is not there or too old; once connected, it outlives the server's outages.
    pub(crate) async fn connect(server: &PgConnectOptions, settings: &PoolSettings) -> Result<Self, StoreError> {
        let knocked = knock(server).await?;
        // It was good for finding out; whether the server hears the good-bye does not matter.
        let _ = knocked.close().await;
        Ok(Self { pools: Pools::new(server, settings) })
    }

    /// Brings the schema up to date. Several processes may do so at the same time: one does, the others wait for it.
    pub(crate) async fn migrate(server: &PgConnectOptions) -> Result<(), StoreError> {
        let mut connection = knock(server).await?;
        MIGRATOR.run(&mut connection).await.map_err(StoreError::Migration)?;
        let _ = connection.close().await;
        Ok(())
    }

    /// Closes all connections, and waits for what they are doing.
    pub(crate) async fn close(&self) {
        self.pools.close().await;
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn open(&self, births: &[Birth]) -> Result<Vec<Opened>, StoreError> {
        self.open_all(births).await
    }

    async fn load(&self, names: &[Name]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.load_all(names).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Vec<Outcome>, StoreError> {
        self.commit_all(writes).await
    }

    async fn receive(&self, notices: &[Notice]) -> Result<Vec<Received>, StoreError> {
        self.receive_all(notices).await
    }

    async fn claim_due(&self, claim: &Claim) -> Result<Vec<Stored>, StoreError> {
        self.claim_due_payments(claim).await
    }

    async fn claim_notices(&self, claim: &Claim) -> Result<Vec<DueNotice>, StoreError> {
        self.claim_due_notices(claim).await
    }

    async fn kept_request(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_kept_request(payment).await
    }

    async fn forget_kept_requests(&self, before: Time) -> Result<u64, StoreError> {
        self.forget_requests_kept(before).await
    }

    async fn claim_sweep(&self, claim: &SweepClaim) -> Result<Option<Sweep>, StoreError> {
        self.claim_due_sweep(claim).await
    }

    async fn record_sweep(&self, sweep: &Sweep) -> Result<bool, StoreError> {
        self.record_claimed_sweep(sweep).await
    }

    async fn sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        self.all_sweeps().await
    }

    async fn oldest_open(&self, shop: &ShopName) -> Result<Option<Time>, StoreError> {
        self.oldest_open_payment(shop).await
    }

    async fn file_unmatched(&self, unmatched: &[UnmatchedPayment]) -> Result<(), StoreError> {
        self.file_all_unmatched(unmatched).await
    }

    async fn due_unmatched(&self, shop: &ShopName, now: Time, limit: u32) -> Result<Vec<UnmatchedPayment>, StoreError> {
        self.unmatched_due(shop, now, limit).await
    }
}
