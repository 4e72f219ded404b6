use async_trait::async_trait;
use domain::Time;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time};
use crate::{OwnerId, Replica, Replicas, StoreError};

pub(super) const SERVE_AS: &str = "
    insert into replicas (replica_id, version, started_at, seen_at)
    values ($1::uuid, $2::text, $3::timestamptz, $4::timestamptz)
    on conflict (replica_id) do update set seen_at = excluded.seen_at";

pub(super) const FORGET_REPLICAS: &str = "delete from replicas where seen_at < $1 returning replica_id";

pub(super) const REPLICAS: &str = "
    select replica_id, version, started_at, seen_at from replicas order by started_at, replica_id";

#[async_trait]
impl Replicas for PostgresStore {
    async fn serve_as(&self, replica: &Replica, forgotten_before: Time) -> Result<(), StoreError> {
        let statement = || {
            sqlx::query(SERVE_AS)
                .bind(replica.id.0)
                .bind(&replica.version)
                .bind(replica.started_at.utc())
                .bind(replica.seen_at.utc())
        };
        self.pools.workers.send(Effect::Writes, statement).await?;
        let silent = || sqlx::query(FORGET_REPLICAS).bind(forgotten_before.utc());
        self.pools.workers.send(Effect::Writes, silent).await?;
        Ok(())
    }

    async fn replicas(&self) -> Result<Vec<Replica>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(REPLICAS)).await?;
        let replica = |row| {
            Ok(Replica {
                id: OwnerId(get(row, "replica_id")?),
                version: get(row, "version")?,
                started_at: time(row, "started_at")?,
                seen_at: time(row, "seen_at")?,
            })
        };
        rows.iter().map(replica).collect()
    }
}
