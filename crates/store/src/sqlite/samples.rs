use async_trait::async_trait;
use domain::{PaymentState, PaymentType, Time};
use serde_json::json;
use sqlx::SqliteConnection;
use strum::VariantArray as _;

use super::read_row::{get, some_time, time};
use super::transaction::{Deed, write};
use super::{SqliteStore, fault};
use crate::columns::Row;
use crate::{OpenCount, SampleClaim, Samples, StoreError};

pub(super) const SAMPLE: &str = "select taken_at, sample from samples where name = ?1 and taken_at is not null";

pub(super) const CLAIM_SAMPLE: &str = "
    insert into samples (name, leased_until) values (?1, ?4)
    on conflict (name) do update set leased_until = ?4
    where leased_until <= ?3 and (taken_at is null or taken_at < ?2)
    returning name";

pub(super) const RECORD_SAMPLE: &str = "
    insert into samples (name, taken_at, sample, leased_until) values (?1, ?2, ?3, ?2)
    on conflict (name) do update set taken_at = ?2, sample = ?3, leased_until = ?2";

/// From the index of what is open. Ids are made in the order of time, so the first one of a state is its oldest.
pub(super) const OPEN_COUNTS: &str = "
    select n.value as state,
           (select count(*) from payment_checks c where c.open_state = n.value) as payments,
           (select p.created_at from payments p where p.payment_id =
                (select c.payment_id from payment_checks c where c.open_state = n.value order by c.payment_id limit 1)
           ) as oldest
    from json_each(?1) n";

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

struct Claimed(SampleClaim);

#[async_trait]
impl Deed for Claimed {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let claim = &self.0;
        let row = sqlx::query(CLAIM_SAMPLE)
            .bind(claim.name)
            .bind(claim.fresh_since.unix_micros())
            .bind(claim.now.unix_micros())
            .bind(claim.until.unix_micros())
            .fetch_optional(connection)
            .await;
        Ok(row.map_err(fault::of_statement)?.is_some())
    }
}

struct Recorded {
    name: String,
    taken_at: Time,
    sample: String,
}

#[async_trait]
impl Deed for Recorded {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let bound = sqlx::query(RECORD_SAMPLE).bind(&self.name).bind(self.taken_at.unix_micros()).bind(&self.sample);
        bound.execute(connection).await.map(drop).map_err(fault::of_statement)
    }
}

#[async_trait]
impl Samples for SqliteStore {
    async fn sample(&self, name: &str) -> Result<Option<(Time, String)>, StoreError> {
        let row = sqlx::query(SAMPLE).bind(name).fetch_optional(&self.readers).await.map_err(fault::of_statement)?;
        row.as_ref().map(|row| Ok((time(row, "taken_at")?, get(row, "sample")?))).transpose()
    }

    async fn claim_sample(&self, claim: &SampleClaim) -> Result<bool, StoreError> {
        write(&self.writer, Claimed(claim.clone())).await
    }

    async fn record_sample(&self, name: &str, taken_at: Time, sample: &str) -> Result<(), StoreError> {
        write(&self.writer, Recorded { name: name.to_owned(), taken_at, sample: sample.to_owned() }).await
    }

    async fn open_counts(&self) -> Result<Vec<OpenCount>, StoreError> {
        let states: Vec<PaymentState> =
            PaymentState::VARIANTS.iter().copied().filter(|state| !state.is_final()).collect();
        let rows = sqlx::query(OPEN_COUNTS).bind(json!(states).to_string()).fetch_all(&self.readers).await;
        let mut counts = Vec::new();
        for row in &rows.map_err(fault::of_statement)? {
            let state: &str = get(row, "state")?;
            let columns = Row(state);
            if let Some(oldest) = some_time(row, "oldest")? {
                let payments = columns.unsigned("payments", get(row, "payments")?)?;
                counts.push(OpenCount { state: columns.parse("state", state)?, payments, oldest });
            }
        }
        Ok(counts)
    }

    async fn counts(&self) -> Result<Vec<(PaymentState, PaymentType, u64)>, StoreError> {
        let rows = sqlx::query(COUNTS).fetch_all(&self.readers).await.map_err(fault::of_statement)?;
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
        let row = sqlx::query(WAITING_NOTICES).fetch_one(&self.readers).await.map_err(fault::of_statement)?;
        Ok((Row("notices").unsigned("notices", get(&row, "notices")?)?, some_time(&row, "oldest")?))
    }

    async fn event_backlog(&self) -> Result<(u64, u64), StoreError> {
        let row = sqlx::query(EVENT_BACKLOG).fetch_one(&self.readers).await.map_err(fault::of_statement)?;
        let columns = Row("events");
        let unstamped = columns.unsigned("unstamped", get(&row, "unstamped")?)?;
        Ok((unstamped, columns.unsigned("behind", get(&row, "behind")?)?))
    }
}
