use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{PaymentId, Time};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use crate::columns::{EventColumns, Row, signed};
use crate::{DeliveriesPage, Delivery, Endpoint, EndpointClaim, Event, Events, EventsPage, StoreError};

/// Whoever stamps moves the end of the feed first, compared with where this statement saw it: another one that stamped
/// meanwhile has moved it, and then nothing is stamped here. The changes of one payment are seen together with those before
/// them, so that they get their places in their order.
pub(super) const STAMP: &str = "
    with waiting as materialized (
        select payment_id, sequence, row_number() over (order by payment_id, sequence) as turn
        from outbox
        where position is null
        order by payment_id, sequence
        limit $1
    ),
    ended as (
        update event_feed f
        set last_position = f.last_position + (select count(*) from waiting)
        from (select last_position from event_feed where id = 1) seen
        where f.id = 1 and f.last_position = seen.last_position and exists (select from waiting)
        returning seen.last_position as before
    ),
    stamped as (
        update outbox o
        set position = ended.before + w.turn
        from ended, waiting w
        where o.payment_id = w.payment_id and o.sequence = w.sequence and o.position is null
        returning o.payment_id
    )
    select count(*) as stamped from stamped";

pub(super) const FEED_END: &str = "select last_position from event_feed where id = 1";

/// What a statement selects of `outbox o` and `payments p`, for [`event`].
macro_rules! event_columns {
    () => {
        "o.position, o.payment_id, o.sequence, o.version, o.state as event_state, o.occurred_at, p.shop, p.reference_id, \
         p.payment_type, p.amount, p.currency, p.trace"
    };
}

pub(super) const EVENTS: &str = concat!(
    "select ",
    event_columns!(),
    " from outbox o join payments p on p.payment_id = o.payment_id
    where o.position > $1 and o.position <= $2 and ($3::text[] is null or p.shop = any($3))
    order by o.position limit $4"
);

pub(super) const EVENTS_OF: &str = concat!(
    "select ",
    event_columns!(),
    " from outbox o join payments p on p.payment_id = o.payment_id
    where o.payment_id = $1 and o.position > $2 and o.position <= $3 and ($4::text[] is null or p.shop = any($4))
    order by o.sequence limit $5"
);

pub(super) const EVENT: &str = concat!(
    "select ",
    event_columns!(),
    " from outbox o join payments p on p.payment_id = o.payment_id
    where o.payment_id = $1 and o.sequence = $2 and o.position is not null"
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
          where endpoint_id = $1 and next_at <= $2 order by next_at limit $3) next) due
    join webhook_deliveries d on d.endpoint_id = $1 and d.payment_id = due.payment_id and d.state = 'waiting'
    join outbox o on o.payment_id = d.payment_id and o.sequence = d.sequence
    join payments p on p.payment_id = d.payment_id
    order by d.payment_id, d.sequence"
);

pub(super) const WAITING_EVENTS: &str = "
    select payment_id, sequence from webhook_deliveries
    where endpoint_id = $1 and payment_id = any($2::uuid[]) and state = 'waiting'";

/// The lease is still ours, or nothing happens.
pub(super) const RECORD_PUSH: &str = "
    with held as (
        update webhook_endpoints
        set state = $3, reason = $4, position = $5, failures = $6, failing_since = $7, last_failure = $8,
            delivered_at = $9, next_at = $10, lease_owner = null, leased_until = null
        where endpoint_id = $1 and epoch = $2
        returning endpoint_id
    ),
    recorded as (
        insert into webhook_deliveries (endpoint_id, payment_id, sequence, state, attempts, parked_at, next_at,
                                        last_attempt_at, last_failure, finished_at)
        select h.endpoint_id, d.payment_id, d.sequence, d.state, d.attempts, d.parked_at, d.next_at, d.last_attempt_at,
               d.last_failure, d.finished_at
        from held h, unnest($11::uuid[], $12::bigint[], $13::text[], $14::bigint[], $15::timestamptz[],
                            $16::timestamptz[], $17::timestamptz[], $18::text[], $19::timestamptz[])
             as d (payment_id, sequence, state, attempts, parked_at, next_at, last_attempt_at, last_failure, finished_at)
        on conflict (endpoint_id, payment_id, sequence) do update
        set state = excluded.state, attempts = excluded.attempts, next_at = excluded.next_at,
            last_attempt_at = excluded.last_attempt_at, last_failure = excluded.last_failure,
            finished_at = excluded.finished_at
        returning 1
    )
    select endpoint_id from held";

pub(super) const DELIVERIES: &str = concat!(
    "select ",
    delivery_columns!(),
    ", ",
    event_columns!(),
    " from webhook_deliveries d
    join outbox o on o.payment_id = d.payment_id and o.sequence = d.sequence
    join payments p on p.payment_id = d.payment_id
    where d.endpoint_id = $1 and ($2::text is null or d.state = $2)
      and ($3::timestamptz is null or (d.parked_at, d.payment_id, d.sequence) < ($3, $4::uuid, $5::bigint))
    order by d.parked_at desc, d.payment_id desc, d.sequence desc limit $6"
);

pub(super) const RESEND: &str = "
    insert into webhook_deliveries (endpoint_id, payment_id, sequence, state, attempts, parked_at, next_at)
    values ($1, $2, $3, 'waiting', 0, $4, $4)
    on conflict (endpoint_id, payment_id, sequence) do update
    set state = 'waiting', finished_at = null, parked_at = excluded.parked_at, next_at = excluded.next_at";

pub(super) const FORGET_DELIVERIES: &str = "
    delete from webhook_deliveries where (endpoint_id, payment_id, sequence) in (
        select endpoint_id, payment_id, sequence from webhook_deliveries
        where finished_at < $1 order by finished_at limit $2)
    returning sequence";

#[async_trait]
impl Events for PostgresStore {
    async fn stamp(&self, limit: u32) -> Result<u64, StoreError> {
        let statement = || sqlx::query(STAMP).bind(i64::from(limit));
        let rows = self.pools.workers.send(Effect::Writes, statement).await?;
        rows.first().map_or(Ok(0), |row| Row("event_feed").unsigned("stamped", get(row, "stamped")?))
    }

    async fn feed_end(&self) -> Result<u64, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(FEED_END)).await?;
        let row = rows.first().ok_or(StoreError::Refused(sqlx::Error::RowNotFound))?;
        Row("event_feed").unsigned("last_position", get(row, "last_position")?)
    }

    async fn events(&self, page: &EventsPage) -> Result<Vec<Event>, StoreError> {
        let shops: Vec<String> = page.shops.iter().map(ToString::to_string).collect();
        let shops = (!shops.is_empty()).then_some(shops);
        let statement = || {
            let all = match page.payment {
                Some(payment) => sqlx::query(EVENTS_OF).bind(payment.uuid()),
                None => sqlx::query(EVENTS),
            };
            all.bind(signed(page.after)).bind(signed(page.through)).bind(&shops).bind(i64::from(page.limit))
        };
        self.pools.reads.send(Effect::Reads, statement).await?.iter().map(event).collect()
    }

    async fn event(&self, payment: PaymentId, sequence: u64) -> Result<Option<Event>, StoreError> {
        let statement = || sqlx::query(EVENT).bind(payment.uuid()).bind(signed(sequence));
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        rows.first().map(event).transpose()
    }

    async fn add_endpoint(&self, endpoint: &Endpoint, most: u32) -> Result<bool, StoreError> {
        self.insert_endpoint(endpoint, most).await
    }

    async fn endpoint(&self, id: Uuid) -> Result<Option<Endpoint>, StoreError> {
        self.read_endpoint(id).await
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        self.read_endpoints().await
    }

    async fn change_endpoint(&self, endpoint: &Endpoint) -> Result<bool, StoreError> {
        self.update_endpoint(endpoint).await
    }

    async fn remove_endpoint(&self, id: Uuid) -> Result<bool, StoreError> {
        self.delete_endpoint(id).await
    }

    async fn claim_endpoint(&self, claim: &EndpointClaim) -> Result<Option<Endpoint>, StoreError> {
        self.lease_endpoint(claim).await
    }

    async fn due_deliveries(&self, endpoint: Uuid, now: Time, payments: u32) -> Result<Vec<Delivery>, StoreError> {
        let statement = || sqlx::query(DUE_DELIVERIES).bind(endpoint).bind(now.utc()).bind(i64::from(payments));
        self.pools.workers.send(Effect::Reads, statement).await?.iter().map(delivery).collect()
    }

    async fn waiting_events(
        &self,
        endpoint: Uuid,
        payments: &[PaymentId],
    ) -> Result<BTreeSet<(PaymentId, u64)>, StoreError> {
        let payments: Vec<Uuid> = payments.iter().copied().map(PaymentId::uuid).collect();
        let statement = || sqlx::query(WAITING_EVENTS).bind(endpoint).bind(&payments);
        let rows = self.pools.workers.send(Effect::Reads, statement).await?;
        let waiting = |row| {
            let payment: Uuid = get(row, "payment_id")?;
            Ok((payment.into(), Row(payment).unsigned("sequence", get(row, "sequence")?)?))
        };
        rows.iter().map(waiting).collect()
    }

    async fn record_push(&self, endpoint: &Endpoint, deliveries: &[Delivery]) -> Result<bool, StoreError> {
        let of = |delivery: &Delivery| delivery.event.payment.uuid();
        let payments: Vec<Uuid> = deliveries.iter().map(of).collect();
        let sequences: Vec<i64> = deliveries.iter().map(|one| signed(one.event.sequence)).collect();
        let states: Vec<String> = deliveries.iter().map(|one| one.state.to_string()).collect();
        let attempts: Vec<i64> = deliveries.iter().map(|one| one.attempts.into()).collect();
        let times = |time: fn(&Delivery) -> Option<Time>| -> Vec<_> {
            deliveries.iter().map(|one| time(one).map(Time::utc)).collect()
        };
        let parked = times(|one| Some(one.parked_at));
        let (next, last) = (times(|one| one.next_at), times(|one| one.last_attempt_at));
        let failures: Vec<Option<&str>> = deliveries.iter().map(|one| one.last_failure.as_deref()).collect();
        let finished = times(|one| one.finished_at);
        let statement = || {
            sqlx::query(RECORD_PUSH)
                .bind(endpoint.id)
                .bind(signed(endpoint.epoch))
                .bind(endpoint.state.to_string())
                .bind(&endpoint.reason)
                .bind(signed(endpoint.position))
                .bind(i64::from(endpoint.failures))
                .bind(endpoint.failing_since.map(Time::utc))
                .bind(&endpoint.last_failure)
                .bind(endpoint.delivered_at.map(Time::utc))
                .bind(endpoint.next_at.utc())
                .bind(&payments)
                .bind(&sequences)
                .bind(&states)
                .bind(&attempts)
                .bind(&parked)
                .bind(&next)
                .bind(&last)
                .bind(&failures)
                .bind(&finished)
        };
        Ok(!self.pools.workers.send(Effect::Writes, statement).await?.is_empty())
    }

    async fn deliveries(&self, page: &DeliveriesPage) -> Result<Vec<Delivery>, StoreError> {
        let (at, payment, sequence) = page.before.map_or((None, None, None), |(at, payment, sequence)| {
            (Some(at.utc()), Some(payment.uuid()), Some(signed(sequence)))
        });
        let state = page.state.map(|state| state.to_string());
        let statement = || {
            sqlx::query(DELIVERIES)
                .bind(page.endpoint)
                .bind(&state)
                .bind(at)
                .bind(payment)
                .bind(sequence)
                .bind(i64::from(page.limit))
        };
        self.pools.reads.send(Effect::Reads, statement).await?.iter().map(delivery).collect()
    }

    async fn resend(&self, endpoint: Uuid, event: &Event, now: Time) -> Result<(), StoreError> {
        let statement = || {
            sqlx::query(RESEND).bind(endpoint).bind(event.payment.uuid()).bind(signed(event.sequence)).bind(now.utc())
        };
        self.pools.requests.send(Effect::Writes, statement).await?;
        Ok(())
    }

    async fn forget_deliveries(&self, before: Time, limit: u32) -> Result<u64, StoreError> {
        let statement = || sqlx::query(FORGET_DELIVERIES).bind(before.utc()).bind(i64::from(limit));
        let rows = self.pools.workers.send(Effect::Writes, statement).await?;
        Ok(rows.len() as u64)
    }
}

fn event(row: &PgRow) -> Result<Event, StoreError> {
    EventColumns {
        position: get(row, "position")?,
        payment_id: get(row, "payment_id")?,
        sequence: get(row, "sequence")?,
        version: get(row, "version")?,
        state: get(row, "event_state")?,
        occurred_at: time(row, "occurred_at")?,
        shop: get(row, "shop")?,
        reference_id: get(row, "reference_id")?,
        payment_type: get(row, "payment_type")?,
        amount: get(row, "amount")?,
        currency: get(row, "currency")?,
        trace: get(row, "trace")?,
    }
    .read()
}

fn delivery(row: &PgRow) -> Result<Delivery, StoreError> {
    let event = event(row)?;
    let columns = Row(event.payment);
    Ok(Delivery {
        state: columns.parse("state", get(row, "state")?)?,
        attempts: columns.unsigned("attempts", get(row, "attempts")?)?,
        parked_at: time(row, "parked_at")?,
        next_at: time_if_any(row, "next_at")?,
        last_attempt_at: time_if_any(row, "last_attempt_at")?,
        last_failure: get(row, "last_failure")?,
        finished_at: time_if_any(row, "finished_at")?,
        event,
    })
}
