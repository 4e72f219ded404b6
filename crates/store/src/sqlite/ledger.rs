use domain::{Entry, PaymentId};
use sqlx::SqlitePool;

use super::fault;
use super::read_row::{entry, get, stored, stored_columns, time, uuid};
use crate::columns::{Row, booked, signed};
use crate::{Audited, NoticeRecord, StoreError};

pub(super) const LEDGER: &str = "
    select sequence, at, source, verdict, kind as entry_kind, state as entry_state, seen, change
    from payment_events
    where payment_id = ?1 and sequence > ?2
    order by sequence
    limit ?3";

pub(super) const NOTICES: &str = "
    select notice_id, shop, received_at, deliveries, gateway_payment_id, state, verdict
    from webhook_notices
    where payment_id = ?1
    order by received_at, notice_id
    limit 200";

/// One statement, so that a payment and its entries are of the same moment.
pub(super) const AUDIT: &str = concat!(
    "with p as materialized (
        select *, (
            select json_group_array(json_object(
                'sequence', m.sequence, 'number', m.number, 'kind', m.kind, 'relation', m.relation,
                'gateway_payment_id', m.gateway_payment_id, 'currency', m.currency, 'amount',
                -- The three parts have one sign.
                format('%s%d.%09d%09d', iif(m.amount_whole < 0 or m.amount_nano < 0 or m.amount_atto < 0, '-', ''),
                       abs(m.amount_whole), abs(m.amount_nano), abs(m.amount_atto))))
            from movements m where m.payment_id = payments.payment_id
        ) as lines
        from payments where payment_id > ?1 order by payment_id limit ?2
    )
    select ",
    stored_columns!(),
    ", p.lines, e.sequence, e.at, e.source, e.verdict, e.kind as entry_kind, e.state as entry_state, e.seen, e.change
    from p
    cross join payment_checks c on c.payment_id = p.payment_id
    left join payment_events e on e.payment_id = p.payment_id
    order by p.payment_id, e.sequence"
);

pub(super) async fn ledger(
    readers: &SqlitePool,
    payment: PaymentId,
    after: u64,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let entries = sqlx::query(LEDGER).bind(payment.to_string()).bind(signed(after)).bind(limit);
    let rows = entries.fetch_all(readers).await.map_err(fault::of_statement)?;
    rows.iter().map(|row| entry(row, payment)).collect()
}

pub(super) async fn notices(readers: &SqlitePool, payment: PaymentId) -> Result<Vec<NoticeRecord>, StoreError> {
    let rows = sqlx::query(NOTICES).bind(payment.to_string()).fetch_all(readers).await.map_err(fault::of_statement)?;
    let record = |row| {
        let id = uuid(row, "notice_id")?;
        Ok(NoticeRecord {
            id,
            shop: Row(id).parse("shop", get(row, "shop")?)?,
            received_at: time(row, "received_at")?,
            deliveries: Row(id).unsigned("deliveries", get(row, "deliveries")?)?,
            gateway_payment_id: get(row, "gateway_payment_id")?,
            state: get(row, "state")?,
            verdict: get(row, "verdict")?,
        })
    };
    rows.iter().map(record).collect()
}

pub(super) async fn audit(
    readers: &SqlitePool,
    after: Option<PaymentId>,
    limit: u32,
) -> Result<Vec<Audited>, StoreError> {
    // No id sorts before the empty text.
    let after = after.map_or_else(String::new, |after| after.to_string());
    let rows = sqlx::query(AUDIT).bind(after).bind(limit).fetch_all(readers).await.map_err(fault::of_statement)?;
    let mut audited: Vec<Audited> = Vec::new();
    for row in &rows {
        let payment = PaymentId::from(uuid(row, "payment_id")?);
        if audited.last().is_none_or(|last| last.stored.payment.id() != payment) {
            let lines = booked(payment.uuid(), get(row, "lines")?)?;
            audited.push(Audited { stored: stored(row)?, ledger: Vec::new(), lines });
        }
        let has_entry = get::<Option<i64>>(row, "sequence")?.is_some();
        if let Some(last) = audited.last_mut().filter(|_| has_entry) {
            last.ledger.push(entry(row, payment)?);
        }
    }
    Ok(audited)
}
