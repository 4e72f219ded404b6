use chrono::{DateTime, Utc};
use domain::{PaymentId, ShopName, Time};
use rust_decimal::Decimal;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use super::table::table;
use crate::columns::{UnmatchedColumns, signed};
use crate::{StoreError, UnmatchedPayment};

/// Files gateway payments that nothing matches. Sorted, so that two processes lock them in one order. What a row says
/// of the payment is changed by news; its tries and its match only together with what was tried to match.
pub(super) const FILE_UNMATCHED: &str = "
    insert into unmatched_gateway_payments as u (
        shop, gateway_payment_id, payment_type, state, reference_id, parent_gateway_payment_id, amount, currency,
        created_at, seen, first_seen_at, last_seen_at, tries, next_try_at, payment_id, matched_at)
    select shop, gateway_payment_id, payment_type, state, reference_id, parent_gateway_payment_id, amount, currency,
           created_at, seen::jsonb, first_seen_at, last_seen_at, tries, next_try_at, payment_id, matched_at
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::numeric[], $8::text[],
                $9::timestamptz[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::int8[],
                $14::timestamptz[], $15::uuid[], $16::timestamptz[])
    as a(shop, gateway_payment_id, payment_type, state, reference_id, parent_gateway_payment_id, amount, currency,
         created_at, seen, first_seen_at, last_seen_at, tries, next_try_at, payment_id, matched_at)
    order by gateway_payment_id, shop
    on conflict (gateway_payment_id, shop) do update set
        payment_type = excluded.payment_type, state = excluded.state, reference_id = excluded.reference_id,
        parent_gateway_payment_id = excluded.parent_gateway_payment_id, amount = excluded.amount,
        currency = excluded.currency, created_at = excluded.created_at, seen = excluded.seen,
        last_seen_at = excluded.last_seen_at, tries = excluded.tries, next_try_at = excluded.next_try_at,
        payment_id = excluded.payment_id, matched_at = excluded.matched_at
    where u.payment_id is null
      and case when excluded.tries = 0 and excluded.payment_id is null then u.seen <> excluded.seen
               else u.seen = excluded.seen and (excluded.payment_id is not null or u.tries < excluded.tries)
          end";

/// No index is looked through by its shop, so that the one of what is due is taken, also on an empty table.
pub(super) const DUE_UNMATCHED: &str = "
    select shop, seen::text as seen_text, first_seen_at, last_seen_at, tries, next_try_at, payment_id, matched_at
    from unmatched_gateway_payments
    where next_try_at <= $2 and shop || '' = $1
    order by next_try_at, gateway_payment_id
    limit $3";

/// Those that are matched, but for a moment, are not shown: their id belongs to a payment by now.
pub(super) const UNMATCHED: &str = "
    select shop, seen::text as seen_text, first_seen_at, last_seen_at, tries, next_try_at, payment_id, matched_at
    from unmatched_gateway_payments u
    where payment_id is null
      and not exists (select from gateway_payments g
                      where g.gateway_payment_id = u.gateway_payment_id and g.shop = u.shop)
    order by first_seen_at desc, gateway_payment_id
    limit $1";

table! { UnmatchedRow in UnmatchedRows {
    shop: String,
    gateway_payment_id: String,
    payment_type: Option<String>,
    state: String,
    reference_id: Option<String>,
    parent_gateway_payment_id: Option<String>,
    amount: Option<Decimal>,
    currency: Option<String>,
    created_at: Option<DateTime<Utc>>,
    seen: String,
    first_seen_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    tries: i64,
    next_try_at: Option<DateTime<Utc>>,
    payment_id: Option<Uuid>,
    matched_at: Option<DateTime<Utc>>,
}}

impl PostgresStore {
    pub(super) async fn file_all_unmatched(&self, unmatched: &[UnmatchedPayment]) -> Result<(), StoreError> {
        if unmatched.is_empty() {
            return Ok(());
        }
        let mut rows = UnmatchedRows::default();
        for columns in UnmatchedColumns::of_all(unmatched)? {
            rows.push(row(columns));
        }
        self.pools.workers.send(Effect::Writes, || rows.bind(sqlx::query(FILE_UNMATCHED))).await?;
        Ok(())
    }

    pub(super) async fn unmatched_due(
        &self,
        shop: &ShopName,
        now: Time,
        limit: u32,
    ) -> Result<Vec<UnmatchedPayment>, StoreError> {
        let statement = || sqlx::query(DUE_UNMATCHED).bind(shop.as_str()).bind(now.utc()).bind(i64::from(limit));
        let rows = self.pools.workers.send(Effect::Reads, statement).await?;
        rows.iter().map(unmatched).collect()
    }

    pub(super) async fn list_unmatched(&self, limit: u32) -> Result<Vec<UnmatchedPayment>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(UNMATCHED).bind(i64::from(limit))).await?;
        rows.iter().map(unmatched).collect()
    }
}

fn row(columns: UnmatchedColumns) -> UnmatchedRow {
    UnmatchedRow {
        shop: columns.shop,
        gateway_payment_id: columns.gateway_payment_id,
        payment_type: columns.payment_type,
        state: columns.state,
        reference_id: columns.reference_id,
        parent_gateway_payment_id: columns.parent_gateway_payment_id,
        amount: columns.amount,
        currency: columns.currency,
        created_at: columns.created_at.map(Time::utc),
        seen: columns.seen,
        first_seen_at: columns.first_seen_at.utc(),
        last_seen_at: columns.last_seen_at.utc(),
        tries: signed(columns.tries.into()),
        next_try_at: columns.next_try_at.map(Time::utc),
        payment_id: columns.matched.map(|(payment, _)| PaymentId::uuid(payment)),
        matched_at: columns.matched.map(|(_, at)| at.utc()),
    }
}

fn unmatched(row: &PgRow) -> Result<UnmatchedPayment, StoreError> {
    let matched = match get::<Option<Uuid>>(row, "payment_id")? {
        None => None,
        Some(payment) => Some((payment.into(), time(row, "matched_at")?)),
    };
    UnmatchedColumns::read(
        &get::<String>(row, "shop")?,
        &get::<String>(row, "seen_text")?,
        [time(row, "first_seen_at")?, time(row, "last_seen_at")?],
        get(row, "tries")?,
        time_if_any(row, "next_try_at")?,
        matched,
    )
}
