use async_trait::async_trait;
use domain::{PaymentId, Time};
use sqlx::SqliteConnection;

use super::SqliteStore;
use super::fault;
use super::transaction::{Deed, write};
use crate::{Means, StoreError};

pub(super) const KEEP_MEANS: &str = "
    insert into payment_means (payment_id, body, kept_at) values (?1, ?2, ?3)
    on conflict (payment_id) do update set body = excluded.body, kept_at = excluded.kept_at
    where payment_means.body <> excluded.body";

pub(super) const MEANS: &str = "select body from payment_means where payment_id = ?1";

#[async_trait]
impl Means for SqliteStore {
    async fn keep_means(&self, payment: PaymentId, sealed: &[u8], at: Time) -> Result<(), StoreError> {
        write(&self.writer, KeepMeans { payment, sealed: sealed.to_vec(), at }).await
    }

    async fn means(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError> {
        let body = sqlx::query_scalar(MEANS).bind(payment.to_string());
        body.fetch_optional(&self.readers).await.map_err(fault::of_statement)
    }
}

struct KeepMeans {
    payment: PaymentId,
    sealed: Vec<u8>,
    at: Time,
}

#[async_trait]
impl Deed for KeepMeans {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let statement = sqlx::query(KEEP_MEANS).bind(self.payment.to_string()).bind(self.sealed.as_slice());
        let kept = statement.bind(self.at.unix_micros()).execute(connection).await;
        kept.map(drop).map_err(fault::of_statement)
    }
}
