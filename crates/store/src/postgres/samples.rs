use async_trait::async_trait;
use domain::{PaymentState, PaymentType, Time};
use strum::VariantArray as _;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use crate::columns::Row;
use crate::{OpenCount, SampleClaim, Samples, StoreError};

pub(super) const SAMPLE: &str =
    "select taken_at, sample::text as sample from samples where name = $1 and taken_at is not null";

pub(super) const CLAIM_SAMPLE: &str = "
    insert into samples as s (name, leased_until) values ($1, $4)
    on conflict (name) do update set leased_until = $4
    where s.leased_until <= $3 and (s.taken_at is null or s.taken_at < $2)
    returning name";

pub(super) const RECORD_SAMPLE: &str = "
    insert into samples (name, taken_at, sample, leased_until) values ($1, $2, $3::text::jsonb, $2)
    on conflict (name) do update set taken_at = $2, sample = $3::text::jsonb, leased_until = $2";

/// From the index of what is open. Ids are made in the order of time, so the first one of a state is its oldest.
pub(super) const OPEN_COUNTS: &str = "
    select s.state, counted.payments, p.created_at as oldest
    from unnest($1::text[]) as s(state)
    cross join lateral (select count(*) as payments from payment_checks c where c.open_state = s.state) as counted
    cross join lateral (
        select c.payment_id from payment_checks c where c.open_state = s.state order by c.payment_id limit 1
    ) as first
    join payments p on p.payment_id = first.payment_id";

pub(super) const COUNTS: &str = "
    select state, payment_type, count(*) as payments from payments group by state, payment_type
    order by state, payment_type";

/// What waits stands in an index of nothing else, and endpoints are few.
pub(super) const EVENT_BACKLOG: &str = "
    select (select count(*) from outbox where position is null) as unstamped,
           (select coalesce(max(f.last_position - e.position), 0)
            from event_feed f cross join webhook_endpoints e where e.state = 'enabled') as behind";

pub(super) const WAITING_NOTICES: &str =
    "select count(*) as notices, min(received_at) as oldest from webhook_notices where verdict is null";

#[async_trait]
impl Samples for PostgresStore {
    async fn sample(&self, name: &str) -> Result<Option<(Time, String)>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(SAMPLE).bind(name)).await?;
        rows.first().map(|row| Ok((time(row, "taken_at")?, get(row, "sample")?))).transpose()
    }

    async fn claim_sample(&self, claim: &SampleClaim) -> Result<bool, StoreError> {
        let statement = || {
            sqlx::query(CLAIM_SAMPLE)
                .bind(claim.name)
                .bind(claim.fresh_since.utc())
                .bind(claim.now.utc())
                .bind(claim.until.utc())
        };
        let rows = self.pools.workers.send(Effect::Writes, statement).await?;
        Ok(!rows.is_empty())
    }

    async fn record_sample(&self, name: &str, taken_at: Time, sample: &str) -> Result<(), StoreError> {
        let statement = || sqlx::query(RECORD_SAMPLE).bind(name).bind(taken_at.utc()).bind(sample);
        self.pools.workers.send(Effect::Writes, statement).await?;
        Ok(())
    }

    async fn open_counts(&self) -> Result<Vec<OpenCount>, StoreError> {
        let states: Vec<&'static str> =
            PaymentState::VARIANTS.iter().filter(|state| !state.is_final()).map(Into::into).collect();
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(OPEN_COUNTS).bind(&states)).await?;
        let count = |row| {
            let state: &str = get(row, "state")?;
            let columns = Row(state);
            let payments = columns.unsigned("payments", get(row, "payments")?)?;
            Ok(OpenCount { state: columns.parse("state", state)?, payments, oldest: time(row, "oldest")? })
        };
        rows.iter().map(count).collect()
    }

    async fn counts(&self) -> Result<Vec<(PaymentState, PaymentType, u64)>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(COUNTS)).await?;
        let count = |row| {
            let state: &str = get(row, "state")?;
            let columns = Row(state);
            let payment_type = columns.parse("payment_type", get(row, "payment_type")?)?;
            let payments = columns.unsigned("payments", get(row, "payments")?)?;
            Ok((columns.parse("state", state)?, payment_type, payments))
        };
        rows.iter().map(count).collect()
    }

    async fn waiting_notices(&self) -> Result<(u64, Option<Time>), StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(WAITING_NOTICES)).await?;
        let Some(row) = rows.first() else { return Ok((0, None)) };
        Ok((Row("notices").unsigned("notices", get(row, "notices")?)?, time_if_any(row, "oldest")?))
    }

    async fn event_backlog(&self) -> Result<(u64, u64), StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(EVENT_BACKLOG)).await?;
        let Some(row) = rows.first() else { return Ok((0, 0)) };
        let columns = Row("events");
        let unstamped = columns.unsigned("unstamped", get(row, "unstamped")?)?;
        Ok((unstamped, columns.unsigned("behind", get(row, "behind")?)?))
    }
}
