use async_trait::async_trait;
use domain::Time;
use sqlx::SqliteConnection;

use super::SqliteStore;
use super::fault;
use super::read_row::{get, time, uuid};
use super::transaction::{Deed, write};
use crate::{OwnerId, Replica, Replicas, StoreError};

pub(super) const SERVE_AS: &str = "
    insert into replicas (replica_id, version, started_at, seen_at) values (?1, ?2, ?3, ?4)
    on conflict (replica_id) do update set seen_at = excluded.seen_at";

pub(super) const FORGET_REPLICAS: &str = "delete from replicas where seen_at < ?1";

pub(super) const REPLICAS: &str = "
    select replica_id, version, started_at, seen_at from replicas order by started_at, replica_id";

#[async_trait]
impl Replicas for SqliteStore {
    async fn serve_as(&self, replica: &Replica, forgotten_before: Time) -> Result<(), StoreError> {
        write(&self.writer, ServeAs { replica: replica.clone(), forgotten_before }).await
    }

    async fn replicas(&self) -> Result<Vec<Replica>, StoreError> {
        let rows = sqlx::query(REPLICAS).fetch_all(&self.readers).await.map_err(fault::of_statement)?;
        let replica = |row| {
            Ok(Replica {
                id: OwnerId(uuid(row, "replica_id")?),
                version: get(row, "version")?,
                started_at: time(row, "started_at")?,
                seen_at: time(row, "seen_at")?,
            })
        };
        rows.iter().map(replica).collect()
    }
}

struct ServeAs {
    replica: Replica,
    forgotten_before: Time,
}

#[async_trait]
impl Deed for ServeAs {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let said = sqlx::query(SERVE_AS)
            .bind(self.replica.id.0.to_string())
            .bind(self.replica.version.as_str())
            .bind(self.replica.started_at.unix_micros())
            .bind(self.replica.seen_at.unix_micros());
        said.execute(&mut *connection).await.map_err(fault::of_statement)?;
        let silent = sqlx::query(FORGET_REPLICAS).bind(self.forgotten_before.unix_micros());
        silent.execute(connection).await.map(drop).map_err(fault::of_statement)
    }
}
