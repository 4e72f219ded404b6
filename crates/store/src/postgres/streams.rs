use async_trait::async_trait;
use domain::Time;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::get;
use crate::columns::{Row, signed};
use crate::{StoreError, StreamClaim, StreamPlace, Streams};

pub(super) const CLAIM_STREAM: &str = "
    insert into event_streams as s (name, position, lease_owner, leased_until, epoch)
    values ($1::text, 0, $2::uuid, $4::timestamptz, 1)
    on conflict (name) do update set lease_owner = $2, leased_until = $4, epoch = s.epoch + 1
    where s.leased_until is null or s.leased_until <= $3::timestamptz
    returning s.position, s.epoch";

pub(super) const RECORD_STREAM: &str = "
    update event_streams
    set position = $3, leased_until = $4::timestamptz,
        lease_owner = case when $4::timestamptz is null then null else lease_owner end
    where name = $1 and epoch = $2 and lease_owner is not null
    returning name";

pub(super) const UNPUBLISHED_EVENTS: &str = "
    select last_position - coalesce((select position from event_streams where name = $1), 0) as behind
    from event_feed where id = 1";

#[async_trait]
impl Streams for PostgresStore {
    async fn claim_stream(&self, claim: &StreamClaim) -> Result<Option<StreamPlace>, StoreError> {
        let statement = || {
            sqlx::query(CLAIM_STREAM)
                .bind(&claim.name)
                .bind(claim.owner.0)
                .bind(claim.now.utc())
                .bind(claim.until.utc())
        };
        let rows = self.pools.workers.send(Effect::Writes, statement).await?;
        let place = |row| {
            let columns = Row(&claim.name);
            let position = columns.unsigned("position", get(row, "position")?)?;
            let epoch = columns.unsigned("epoch", get(row, "epoch")?)?;
            Ok(StreamPlace { name: claim.name.clone(), position, epoch })
        };
        rows.first().map(place).transpose()
    }

    async fn record_stream(&self, place: &StreamPlace, leased_until: Option<Time>) -> Result<bool, StoreError> {
        let statement = || {
            sqlx::query(RECORD_STREAM)
                .bind(&place.name)
                .bind(signed(place.epoch))
                .bind(signed(place.position))
                .bind(leased_until.map(Time::utc))
        };
        Ok(!self.pools.workers.send(Effect::Writes, statement).await?.is_empty())
    }

    async fn unpublished_events(&self, name: &str) -> Result<u64, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(UNPUBLISHED_EVENTS).bind(name)).await?;
        rows.first().map_or(Ok(0), |row| Row(name).unsigned("behind", get(row, "behind")?))
    }
}
