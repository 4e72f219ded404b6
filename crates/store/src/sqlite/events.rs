use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{PaymentId, Time};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::endpoints::{AddEndpoint, ChangeEndpoint, ClaimEndpoint, RemoveEndpoint};
use super::read_row::{absurd, amount, get, some_time, time, uuid};
use super::transaction::{Deed, write};
use super::{SqliteStore, fault};
use crate::columns::{EventColumns, Row, json_text, signed};
use crate::{DeliveriesPage, Delivery, Endpoint, EndpointClaim, Event, Events, EventsPage, StoreError};

/// Inside of the writing transaction, so that nobody else stamps meanwhile.
pub(super) const STAMP: &str = "
    with waiting as materialized (
        select payment_id, sequence, row_number() over (order by payment_id, sequence) as turn
        from outbox
        where position is null
        order by payment_id, sequence
        limit ?1
    )
    update outbox set position = (select last_position from event_feed where id = 1) + waiting.turn
    from waiting
    where outbox.payment_id = waiting.payment_id and outbox.sequence = waiting.sequence";

pub(super) const END_FEED: &str = "update event_feed set last_position = last_position + ?1 where id = 1";

pub(super) const EVENTS_WAIT: &str = "select exists (select 1 from outbox where position is null)";

pub(super) const FEED_END: &str = "select last_position from event_feed where id = 1";

/// What a statement selects of `outbox o` and `payments p`, for [`event`].
macro_rules! event_columns {
    () => {
        "o.position, o.payment_id, o.sequence, o.version, o.state as event_state, o.occurred_at, p.shop, p.reference_id, \
         p.payment_type, p.amount_whole, p.amount_nano, p.amount_atto, p.currency, p.trace"
    };
}

const EVENTS: &str = concat!(
    "select ",
    event_columns!(),
    " from outbox o cross join payments p on p.payment_id = o.payment_id where o.position is not null"
);

pub(super) const EVENT: &str = concat!(
    "select ",
    event_columns!(),
    " from outbox o cross join payments p on p.payment_id = o.payment_id
    where o.payment_id = ?1 and o.sequence = ?2 and o.position is not null"
);

/// What a statement selects of `webhook_deliveries d`, beside its event, for [`delivery`].
macro_rules! delivery_columns {
    () => {
        "d.state, d.attempts, d.parked_at, d.next_at, d.last_attempt_at, d.last_failure, d.finished_at"
    };
}

pub(super) const DUE_DELIVERIES: &str = concat!(
    "select ",
    delivery_columns!(),
    ", ",
    event_columns!(),
    " from (select distinct payment_id from (
          select payment_id from webhook_deliveries
          where endpoint_id = ?1 and next_at <= ?2 order by next_at limit ?3) next) due
    cross join webhook_deliveries d on d.endpoint_id = ?1 and d.payment_id = due.payment_id
    cross join outbox o on o.payment_id = d.payment_id and o.sequence = d.sequence
    cross join payments p on p.payment_id = d.payment_id
    where d.state = 'waiting'
    order by d.payment_id, d.sequence"
);

pub(super) const WAITING_EVENTS: &str = "
    select d.payment_id, d.sequence
    from json_each(?2) given cross join webhook_deliveries d on d.endpoint_id = ?1 and d.payment_id = given.value
    where d.state = 'waiting'";

pub(super) const RECORD_ENDPOINT: &str = "
    update webhook_endpoints
    set state = ?3, reason = ?4, position = ?5, failures = ?6, failing_since = ?7, last_failure = ?8, delivered_at = ?9,
        next_at = ?10, lease_owner = null, leased_until = null
    where endpoint_id = ?1 and epoch = ?2";

pub(super) const RECORD_DELIVERY: &str = "
    insert into webhook_deliveries (endpoint_id, payment_id, sequence, state, attempts, parked_at, next_at,
                                    last_attempt_at, last_failure, finished_at)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
    on conflict (endpoint_id, payment_id, sequence) do update
    set state = excluded.state, attempts = excluded.attempts, next_at = excluded.next_at,
        last_attempt_at = excluded.last_attempt_at, last_failure = excluded.last_failure,
        finished_at = excluded.finished_at";

const DELIVERIES: &str = concat!(
    "select ",
    delivery_columns!(),
    ", ",
    event_columns!(),
    " from webhook_deliveries d
    cross join outbox o on o.payment_id = d.payment_id and o.sequence = d.sequence
    cross join payments p on p.payment_id = d.payment_id
    where d.endpoint_id = "
);

pub(super) const RESEND: &str = "
    insert into webhook_deliveries (endpoint_id, payment_id, sequence, state, attempts, parked_at, next_at)
    values (?1, ?2, ?3, 'waiting', 0, ?4, ?4)
    on conflict (endpoint_id, payment_id, sequence) do update
    set state = 'waiting', finished_at = null, parked_at = excluded.parked_at, next_at = excluded.next_at";

pub(super) const FORGET_DELIVERIES: &str = "
    delete from webhook_deliveries where (endpoint_id, payment_id, sequence) in (
        select endpoint_id, payment_id, sequence from webhook_deliveries
        where finished_at < ?1 order by finished_at limit ?2)";

#[async_trait]
impl Events for SqliteStore {
    async fn stamp(&self, limit: u32) -> Result<u64, StoreError> {
        // Asked before the only writer is taken: mostly there is nothing to stamp.
        let wait: bool = sqlx::query_scalar(EVENTS_WAIT).fetch_one(&self.readers).await.map_err(fault::of_statement)?;
        if wait { write(&self.writer, Stamp(limit)).await } else { Ok(0) }
    }

    async fn feed_end(&self) -> Result<u64, StoreError> {
        let row = sqlx::query(FEED_END).fetch_one(&self.readers).await.map_err(fault::of_statement)?;
        Row("event_feed").unsigned("last_position", get(&row, "last_position")?)
    }

    async fn events(&self, page: &EventsPage) -> Result<Vec<Event>, StoreError> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(EVENTS);
        query.push(" and o.position > ").push_bind(signed(page.after));
        query.push(" and o.position <= ").push_bind(signed(page.through));
        if !page.shops.is_empty() {
            query.push(" and p.shop in (select value from json_each(").push_bind(json_text(&page.shops)?).push("))");
        }
        match page.payment {
            Some(payment) => {
                query.push(" and o.payment_id = ").push_bind(payment.to_string()).push(" order by o.sequence")
            }
            None => query.push(" order by o.position"),
        };
        query.push(" limit ").push_bind(page.limit);
        let rows = query.build().fetch_all(&self.readers).await.map_err(fault::of_statement)?;
        rows.iter().map(event).collect()
    }

    async fn event(&self, payment: PaymentId, sequence: u64) -> Result<Option<Event>, StoreError> {
        let row = sqlx::query(EVENT).bind(payment.to_string()).bind(signed(sequence)).fetch_optional(&self.readers);
        row.await.map_err(fault::of_statement)?.as_ref().map(event).transpose()
    }

    async fn add_endpoint(&self, endpoint: &Endpoint, most: u32) -> Result<bool, StoreError> {
        write(&self.writer, AddEndpoint { endpoint: endpoint.clone(), most }).await
    }

    async fn endpoint(&self, id: Uuid) -> Result<Option<Endpoint>, StoreError> {
        self.read_endpoint(id).await
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        self.read_endpoints().await
    }

    async fn change_endpoint(&self, endpoint: &Endpoint) -> Result<bool, StoreError> {
        write(&self.writer, ChangeEndpoint(endpoint.clone())).await
    }

    async fn remove_endpoint(&self, id: Uuid) -> Result<bool, StoreError> {
        write(&self.writer, RemoveEndpoint(id)).await
    }

    async fn claim_endpoint(&self, claim: &EndpointClaim) -> Result<Option<Endpoint>, StoreError> {
        // Asked before the only writer is taken: mostly there is nothing to send.
        if !self.endpoint_waits(claim.now).await? {
            return Ok(None);
        }
        write(&self.writer, ClaimEndpoint(claim.clone())).await
    }

    async fn due_deliveries(&self, endpoint: Uuid, now: Time, payments: u32) -> Result<Vec<Delivery>, StoreError> {
        let rows = sqlx::query(DUE_DELIVERIES)
            .bind(endpoint.to_string())
            .bind(now.unix_micros())
            .bind(payments)
            .fetch_all(&self.readers)
            .await;
        rows.map_err(fault::of_statement)?.iter().map(delivery).collect()
    }

    async fn waiting_events(
        &self,
        endpoint: Uuid,
        payments: &[PaymentId],
    ) -> Result<BTreeSet<(PaymentId, u64)>, StoreError> {
        let rows = sqlx::query(WAITING_EVENTS).bind(endpoint.to_string()).bind(json_text(&payments)?);
        let rows = rows.fetch_all(&self.readers).await.map_err(fault::of_statement)?;
        let waiting = |row| {
            let payment = uuid(row, "payment_id")?;
            Ok((payment.into(), Row(payment).unsigned("sequence", get(row, "sequence")?)?))
        };
        rows.iter().map(waiting).collect()
    }

    async fn record_push(&self, endpoint: &Endpoint, deliveries: &[Delivery]) -> Result<bool, StoreError> {
        write(&self.writer, RecordPush { endpoint: endpoint.clone(), deliveries: deliveries.to_vec() }).await
    }

    async fn deliveries(&self, page: &DeliveriesPage) -> Result<Vec<Delivery>, StoreError> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(DELIVERIES);
        query.push_bind(page.endpoint.to_string());
        if let Some(state) = page.state {
            query.push(" and d.state = ").push_bind(state.to_string());
        }
        if let Some((at, payment, sequence)) = page.before {
            query.push(" and (d.parked_at, d.payment_id, d.sequence) < (").push_bind(at.unix_micros());
            query.push(", ").push_bind(payment.to_string());
            query.push(", ").push_bind(signed(sequence)).push(")");
        }
        query.push(" order by d.parked_at desc, d.payment_id desc, d.sequence desc limit ").push_bind(page.limit);
        let rows = query.build().fetch_all(&self.readers).await.map_err(fault::of_statement)?;
        rows.iter().map(delivery).collect()
    }

    async fn resend(&self, endpoint: Uuid, event: &Event, now: Time) -> Result<(), StoreError> {
        write(&self.writer, Resend { endpoint, event: event.clone(), now }).await
    }

    async fn forget_deliveries(&self, before: Time, limit: u32) -> Result<u64, StoreError> {
        write(&self.writer, ForgetDeliveries { before, limit }).await
    }
}

/// Stamps changes.
struct Stamp(u32);

#[async_trait]
impl Deed for Stamp {
    type Answer = u64;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<u64, StoreError> {
        let stamped = sqlx::query(STAMP).bind(self.0).execute(&mut *connection).await;
        let stamped = stamped.map_err(fault::of_statement)?.rows_affected();
        if stamped > 0 {
            let ended = sqlx::query(END_FEED).bind(signed(stamped)).execute(connection).await;
            ended.map_err(fault::of_statement)?;
        }
        Ok(stamped)
    }
}

/// Records how far an endpoint was told.
struct RecordPush {
    endpoint: Endpoint,
    deliveries: Vec<Delivery>,
}

#[async_trait]
impl Deed for RecordPush {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let endpoint = &self.endpoint;
        let held = sqlx::query(RECORD_ENDPOINT)
            .bind(endpoint.id.to_string())
            .bind(signed(endpoint.epoch))
            .bind(endpoint.state.to_string())
            .bind(&endpoint.reason)
            .bind(signed(endpoint.position))
            .bind(endpoint.failures)
            .bind(endpoint.failing_since.map(Time::unix_micros))
            .bind(&endpoint.last_failure)
            .bind(endpoint.delivered_at.map(Time::unix_micros))
            .bind(endpoint.next_at.unix_micros())
            .execute(&mut *connection)
            .await;
        if held.map_err(fault::of_statement)?.rows_affected() == 0 {
            return Ok(false);
        }
        for delivery in &self.deliveries {
            let recorded = sqlx::query(RECORD_DELIVERY)
                .bind(endpoint.id.to_string())
                .bind(delivery.event.payment.to_string())
                .bind(signed(delivery.event.sequence))
                .bind(delivery.state.to_string())
                .bind(delivery.attempts)
                .bind(delivery.parked_at.unix_micros())
                .bind(delivery.next_at.map(Time::unix_micros))
                .bind(delivery.last_attempt_at.map(Time::unix_micros))
                .bind(&delivery.last_failure)
                .bind(delivery.finished_at.map(Time::unix_micros))
                .execute(&mut *connection)
                .await;
            recorded.map_err(fault::of_statement)?;
        }
        Ok(true)
    }
}

/// Has an event sent again.
struct Resend {
    endpoint: Uuid,
    event: Event,
    now: Time,
}

#[async_trait]
impl Deed for Resend {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let resent = sqlx::query(RESEND)
            .bind(self.endpoint.to_string())
            .bind(self.event.payment.to_string())
            .bind(signed(self.event.sequence))
            .bind(self.now.unix_micros())
            .execute(connection)
            .await;
        resent.map(drop).map_err(fault::of_statement)
    }
}

/// Forgets deliveries that were finished.
struct ForgetDeliveries {
    before: Time,
    limit: u32,
}

#[async_trait]
impl Deed for ForgetDeliveries {
    type Answer = u64;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<u64, StoreError> {
        let statement = sqlx::query(FORGET_DELIVERIES).bind(self.before.unix_micros()).bind(self.limit);
        Ok(statement.execute(connection).await.map_err(fault::of_statement)?.rows_affected())
    }
}

fn event(row: &SqliteRow) -> Result<Event, StoreError> {
    EventColumns {
        position: get(row, "position")?,
        payment_id: uuid(row, "payment_id")?,
        sequence: get(row, "sequence")?,
        version: get(row, "version")?,
        state: get(row, "event_state")?,
        occurred_at: time(row, "occurred_at")?,
        shop: get(row, "shop")?,
        reference_id: get(row, "reference_id")?,
        payment_type: get(row, "payment_type")?,
        amount: amount(row, ["amount_whole", "amount_nano", "amount_atto"])?.ok_or_else(|| absurd("amount"))?,
        currency: get(row, "currency")?,
        trace: get(row, "trace")?,
    }
    .read()
}

fn delivery(row: &SqliteRow) -> Result<Delivery, StoreError> {
    let event = event(row)?;
    let columns = Row(event.payment);
    Ok(Delivery {
        state: columns.parse("state", get(row, "state")?)?,
        attempts: columns.unsigned("attempts", get(row, "attempts")?)?,
        parked_at: time(row, "parked_at")?,
        next_at: some_time(row, "next_at")?,
        last_attempt_at: some_time(row, "last_attempt_at")?,
        last_failure: get(row, "last_failure")?,
        finished_at: some_time(row, "finished_at")?,
        event,
    })
}
