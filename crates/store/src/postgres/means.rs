use async_trait::async_trait;
use domain::{PaymentId, Time};

use super::PostgresStore;
use super::statement::Effect;
use super::stored::get;
use crate::{Means, StoreError};

pub(super) const KEEP_MEANS: &str = "
    insert into payment_means (payment_id, body, kept_at) values ($1::uuid, $2::bytea, $3::timestamptz)
    on conflict (payment_id) do update set body = excluded.body, kept_at = excluded.kept_at
    where payment_means.body <> excluded.body";

pub(super) const MEANS: &str = "select body from payment_means where payment_id = $1";

#[async_trait]
impl Means for PostgresStore {
    async fn keep_means(&self, payment: PaymentId, sealed: &[u8], at: Time) -> Result<(), StoreError> {
        let statement = || sqlx::query(KEEP_MEANS).bind(payment.uuid()).bind(sealed).bind(at.utc());
        self.pools.requests.send(Effect::Writes, statement).await?;
        Ok(())
    }

    async fn means(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError> {
        let statement = || sqlx::query(MEANS).bind(payment.uuid());
        let rows = self.pools.requests.send(Effect::Reads, statement).await?;
        Ok(rows.first().map(|row| get(row, "body")).transpose()?)
    }
}
