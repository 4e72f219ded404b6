use async_trait::async_trait;
use domain::Time;
use sqlx::SqliteConnection;

use super::read_row::get;
use super::transaction::{Deed, write};
use super::{SqliteStore, fault};
use crate::columns::{Row, signed};
use crate::{StoreError, StreamClaim, StreamPlace, Streams};

pub(super) const CLAIM_STREAM: &str = "
    insert into event_streams (name, position, lease_owner, leased_until, epoch) values (?1, 0, ?2, ?4, 1)
    on conflict (name) do update set lease_owner = ?2, leased_until = ?4, epoch = epoch + 1
    where leased_until is null or leased_until <= ?3
    returning position, epoch";

pub(super) const RECORD_STREAM: &str = "
    update event_streams
    set position = ?3, leased_until = ?4, lease_owner = case when ?4 is null then null else lease_owner end
    where name = ?1 and epoch = ?2 and lease_owner is not null";

pub(super) const UNPUBLISHED_EVENTS: &str = "
    select last_position - coalesce((select position from event_streams where name = ?1), 0) as behind
    from event_feed where id = 1";

struct Claimed(StreamClaim);

#[async_trait]
impl Deed for Claimed {
    type Answer = Option<StreamPlace>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<StreamPlace>, StoreError> {
        let claim = &self.0;
        let row = sqlx::query(CLAIM_STREAM)
            .bind(&claim.name)
            .bind(claim.owner.0.to_string())
            .bind(claim.now.unix_micros())
            .bind(claim.until.unix_micros())
            .fetch_optional(connection)
            .await
            .map_err(fault::of_statement)?;
        let place = |row| {
            let columns = Row(&claim.name);
            let position = columns.unsigned("position", get(row, "position")?)?;
            let epoch = columns.unsigned("epoch", get(row, "epoch")?)?;
            Ok(StreamPlace { name: claim.name.clone(), position, epoch })
        };
        row.as_ref().map(place).transpose()
    }
}

struct Recorded {
    place: StreamPlace,
    leased_until: Option<Time>,
}

#[async_trait]
impl Deed for Recorded {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let recorded = sqlx::query(RECORD_STREAM)
            .bind(&self.place.name)
            .bind(signed(self.place.epoch))
            .bind(signed(self.place.position))
            .bind(self.leased_until.map(Time::unix_micros))
            .execute(connection)
            .await;
        Ok(recorded.map_err(fault::of_statement)?.rows_affected() > 0)
    }
}

#[async_trait]
impl Streams for SqliteStore {
    async fn claim_stream(&self, claim: &StreamClaim) -> Result<Option<StreamPlace>, StoreError> {
        write(&self.writer, Claimed(claim.clone())).await
    }

    async fn record_stream(&self, place: &StreamPlace, leased_until: Option<Time>) -> Result<bool, StoreError> {
        write(&self.writer, Recorded { place: place.clone(), leased_until }).await
    }

    async fn unpublished_events(&self, name: &str) -> Result<u64, StoreError> {
        let row = sqlx::query(UNPUBLISHED_EVENTS).bind(name).fetch_optional(&self.readers).await;
        let row = row.map_err(fault::of_statement)?;
        row.as_ref().map_or(Ok(0), |row| Row(name).unsigned("behind", get(row, "behind")?))
    }
}
