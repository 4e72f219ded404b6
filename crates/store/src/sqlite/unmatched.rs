use async_trait::async_trait;
use domain::{PaymentId, ShopName, Time};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{SqliteConnection, SqlitePool};

use super::fault;
use super::open::execute;
use super::read_row::{get, some_time, some_uuid, time};
use super::transaction::Deed;
use super::write_row::Parts;
use crate::columns::UnmatchedColumns;
use crate::{StoreError, UnmatchedPayment};

/// Files gateway payments that nothing matches. What a row says of the payment is changed by news; its tries and its
/// match only together with what was tried to match.
pub(super) const FILE_UNMATCHED: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    insert into unmatched_gateway_payments as u (
        shop, gateway_payment_id, payment_type, state, reference_id, parent_gateway_payment_id, amount_whole,
        amount_nano, amount_atto, currency, created_at, seen, first_seen_at, last_seen_at, tries, next_try_at,
        payment_id, matched_at)
    select
        row ->> 'shop', row ->> 'gateway_payment_id', row ->> 'payment_type', row ->> 'state', row ->> 'reference_id',
        row ->> 'parent_gateway_payment_id', row ->> 'amount_whole', row ->> 'amount_nano', row ->> 'amount_atto',
        row ->> 'currency', row ->> 'created_at', row ->> 'seen', row ->> 'first_seen_at', row ->> 'last_seen_at',
        row ->> 'tries', row ->> 'next_try_at', row ->> 'payment_id', row ->> 'matched_at'
    from given where true
    on conflict (gateway_payment_id, shop) do update set
        payment_type = excluded.payment_type, state = excluded.state, reference_id = excluded.reference_id,
        parent_gateway_payment_id = excluded.parent_gateway_payment_id, amount_whole = excluded.amount_whole,
        amount_nano = excluded.amount_nano, amount_atto = excluded.amount_atto, currency = excluded.currency,
        created_at = excluded.created_at, seen = excluded.seen, last_seen_at = excluded.last_seen_at,
        tries = excluded.tries, next_try_at = excluded.next_try_at, payment_id = excluded.payment_id,
        matched_at = excluded.matched_at
    where u.payment_id is null
      and case when excluded.tries = 0 and excluded.payment_id is null then u.seen <> excluded.seen
               else u.seen = excluded.seen and (excluded.payment_id is not null or u.tries < excluded.tries)
          end";

pub(super) const DUE_UNMATCHED: &str = "
    select shop, seen, first_seen_at, last_seen_at, tries, next_try_at, payment_id, matched_at
    from unmatched_gateway_payments
    where next_try_at <= ?2 and shop = ?1
    order by next_try_at, gateway_payment_id
    limit ?3";

/// Those that are matched, but for a moment, are not shown: their id belongs to a payment by now.
pub(super) const UNMATCHED: &str = "
    select shop, seen, first_seen_at, last_seen_at, tries, next_try_at, payment_id, matched_at
    from unmatched_gateway_payments u
    where payment_id is null
      and not exists (select 1 from gateway_payments g
                      where g.gateway_payment_id = u.gateway_payment_id and g.shop = u.shop)
    order by first_seen_at desc, gateway_payment_id
    limit ?1";

/// Gateway payments to be filed.
pub(super) struct FileUnmatched {
    /// The parameter of [`FILE_UNMATCHED`].
    rows: Option<String>,
}

impl FileUnmatched {
    pub(super) fn of(unmatched: &[UnmatchedPayment]) -> Result<Self, StoreError> {
        let rows: Vec<Value> = UnmatchedColumns::of_all(unmatched)?.iter().map(row).collect();
        Ok(Self { rows: (!rows.is_empty()).then(|| Value::Array(rows).to_string()) })
    }
}

#[async_trait]
impl Deed for FileUnmatched {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        execute(connection, FILE_UNMATCHED, self.rows.clone()).await
    }
}

pub(super) async fn due(
    readers: &SqlitePool,
    shop: &ShopName,
    now: Time,
    limit: u32,
) -> Result<Vec<UnmatchedPayment>, StoreError> {
    let due = sqlx::query(DUE_UNMATCHED).bind(shop.as_str()).bind(now.unix_micros()).bind(limit);
    due.fetch_all(readers).await.map_err(fault::of_statement)?.iter().map(unmatched).collect()
}

pub(super) async fn list(readers: &SqlitePool, limit: u32) -> Result<Vec<UnmatchedPayment>, StoreError> {
    let listed = sqlx::query(UNMATCHED).bind(limit).fetch_all(readers).await;
    listed.map_err(fault::of_statement)?.iter().map(unmatched).collect()
}

fn row(columns: &UnmatchedColumns) -> Value {
    let amount = columns.amount.map(Parts::of);
    json!({
        "shop": columns.shop,
        "gateway_payment_id": columns.gateway_payment_id,
        "payment_type": columns.payment_type,
        "state": columns.state,
        "reference_id": columns.reference_id,
        "parent_gateway_payment_id": columns.parent_gateway_payment_id,
        "amount_whole": amount.map(|parts| parts.whole),
        "amount_nano": amount.map(|parts| parts.nano),
        "amount_atto": amount.map(|parts| parts.atto),
        "currency": columns.currency,
        "created_at": columns.created_at.map(Time::unix_micros),
        "seen": columns.seen,
        "first_seen_at": columns.first_seen_at.unix_micros(),
        "last_seen_at": columns.last_seen_at.unix_micros(),
        "tries": columns.tries,
        "next_try_at": columns.next_try_at.map(Time::unix_micros),
        "payment_id": columns.matched.map(|(payment, _)| payment.to_string()),
        "matched_at": columns.matched.map(|(_, at)| at.unix_micros()),
    })
}

fn unmatched(row: &SqliteRow) -> Result<UnmatchedPayment, StoreError> {
    let matched = match some_uuid(row, "payment_id")? {
        None => None,
        Some(payment) => Some((PaymentId::from(payment), time(row, "matched_at")?)),
    };
    UnmatchedColumns::read(
        &get::<String>(row, "shop")?,
        &get::<String>(row, "seen")?,
        [time(row, "first_seen_at")?, time(row, "last_seen_at")?],
        get(row, "tries")?,
        some_time(row, "next_try_at")?,
        matched,
    )
}
