use async_trait::async_trait;
use domain::{BreakKind, PaymentId, ShopName, Time};
use serde_json::{Value, json};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::read_row::{get, time, uuid};
use super::transaction::{Deed, write};
use super::{SqliteStore, fault};
use crate::columns::{Row, json_text, signed};
use crate::{Settlement, Settlements, StoreError};

pub(super) const KEEP_LINES: &str = "
    with given as materialized (select value as row from jsonb_each(?2))
    insert into settlement_lines (settlement_id, number, line)
    select ?1, row ->> 0, row ->> 1 from given where true
    on conflict do nothing";

pub(super) const KEEP_SETTLEMENT: &str = "
    insert into settlements (settlement_id, shop, digest, format, bytes, lines, unnamed, window_from, window_to,
                             uploaded_by, uploaded_at)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    on conflict do nothing";

pub(super) const SETTLEMENT: &str = "
    select settlement_id, shop, digest, format, bytes, lines, unnamed, window_from, window_to, uploaded_by, uploaded_at
    from settlements where settlement_id = ?1";

pub(super) const SETTLEMENT_LINES: &str = "
    select number, line from settlement_lines where settlement_id = ?1 and number > ?2 order by number limit ?3";

pub(super) const NOTE_SETTLED: &str = "
    insert into settled_payments (payment_id, settlement_id)
    select n.value, ?1 from json_each(?2) n where true
    on conflict do nothing";

pub(super) const OPEN_SETTLEMENT_BREAKS: &str = "
    select b.break_id, b.kind, b.subject from json_each(?1) n
    cross join breaks b on b.payment_id = n.value and b.state = 'open'
        and b.kind in ('not-settled', 'settled-unknown', 'settled-differs', 'fee-differs')
    order by b.break_id";

pub(super) const UNSETTLED: &str = "
    select p.payment_id, p.created_at
    from payments p
    where p.shop = ?1 and p.created_at >= ?2 and p.created_at < ?3 and p.state = 'COMPLETED'
      and (p.settled_whole > 0 or p.settled_nano > 0 or p.settled_atto > 0)
      and (p.created_at, p.payment_id) > (?4, ?5)
      and not exists (select 1 from settled_payments s where s.payment_id = p.payment_id)
    order by p.created_at, p.payment_id limit ?6";

#[async_trait]
impl Settlements for SqliteStore {
    async fn keep_lines(&self, settlement: Uuid, lines: &[(u64, String)]) -> Result<(), StoreError> {
        let rows: Vec<Value> = lines.iter().map(|(number, line)| json!([number, line])).collect();
        write(&self.writer, Given { statement: KEEP_LINES, settlement, rows: Value::Array(rows).to_string() }).await
    }

    async fn keep_settlement(&self, settlement: &Settlement) -> Result<bool, StoreError> {
        write(&self.writer, KeepSettlement(settlement.clone())).await
    }

    async fn settlement(&self, id: Uuid) -> Result<Option<Settlement>, StoreError> {
        let row = sqlx::query(SETTLEMENT).bind(id.to_string()).fetch_optional(&self.readers).await;
        row.map_err(fault::of_statement)?.as_ref().map(settlement).transpose()
    }

    async fn settlement_lines(
        &self,
        settlement: Uuid,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, String)>, StoreError> {
        let rows = sqlx::query(SETTLEMENT_LINES)
            .bind(settlement.to_string())
            .bind(signed(after))
            .bind(limit)
            .fetch_all(&self.readers)
            .await;
        let line = |row| Ok((Row(settlement).unsigned("number", get(row, "number")?)?, get(row, "line")?));
        rows.map_err(fault::of_statement)?.iter().map(line).collect()
    }

    async fn note_settled(&self, settlement: Uuid, payments: &[PaymentId]) -> Result<(), StoreError> {
        write(&self.writer, Given { statement: NOTE_SETTLED, settlement, rows: json_text(&payments)? }).await
    }

    async fn open_settlement_breaks(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<(Uuid, BreakKind, String)>, StoreError> {
        let rows = sqlx::query(OPEN_SETTLEMENT_BREAKS).bind(json_text(&payments)?).fetch_all(&self.readers).await;
        let open = |row| {
            let id = uuid(row, "break_id")?;
            Ok((id, Row(id).parse("kind", get(row, "kind")?)?, get(row, "subject")?))
        };
        rows.map_err(fault::of_statement)?.iter().map(open).collect()
    }

    async fn unsettled(
        &self,
        shop: &ShopName,
        [from, to]: [Time; 2],
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<(Time, PaymentId)>, StoreError> {
        // Before all of them: no id is empty.
        let (at, id) = after.map_or((i64::MIN, String::new()), |(at, id)| (at.unix_micros(), id.to_string()));
        let rows = sqlx::query(UNSETTLED)
            .bind(shop.as_str())
            .bind(from.unix_micros())
            .bind(to.unix_micros())
            .bind(at)
            .bind(id)
            .bind(limit)
            .fetch_all(&self.readers)
            .await;
        let payment = |row| Ok((time(row, "created_at")?, uuid(row, "payment_id")?.into()));
        rows.map_err(fault::of_statement)?.iter().map(payment).collect()
    }
}

/// A statement over rows of a settlement.
struct Given {
    statement: &'static str,
    settlement: Uuid,
    rows: String,
}

#[async_trait]
impl Deed for Given {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let done = sqlx::query(self.statement).bind(self.settlement.to_string()).bind(&self.rows);
        done.execute(connection).await.map(drop).map_err(fault::of_statement)
    }
}

struct KeepSettlement(Settlement);

#[async_trait]
impl Deed for KeepSettlement {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let settlement = &self.0;
        let [from, to] = settlement.window.map(Time::unix_micros);
        let kept = sqlx::query(KEEP_SETTLEMENT)
            .bind(settlement.id.to_string())
            .bind(settlement.shop.as_str())
            .bind(&settlement.digest)
            .bind(&settlement.format)
            .bind(signed(settlement.bytes))
            .bind(signed(settlement.lines))
            .bind(signed(settlement.unnamed))
            .bind(from)
            .bind(to)
            .bind(settlement.uploaded_by.as_ref().map(json_text).transpose()?)
            .bind(settlement.uploaded_at.unix_micros())
            .execute(connection)
            .await;
        Ok(kept.map_err(fault::of_statement)?.rows_affected() > 0)
    }
}

fn settlement(row: &SqliteRow) -> Result<Settlement, StoreError> {
    let id = uuid(row, "settlement_id")?;
    let columns = Row(id);
    let uploaded_by: Option<String> = get(row, "uploaded_by")?;
    Ok(Settlement {
        id,
        shop: columns.parse("shop", get(row, "shop")?)?,
        digest: get(row, "digest")?,
        format: get(row, "format")?,
        bytes: columns.unsigned("bytes", get(row, "bytes")?)?,
        lines: columns.unsigned("lines", get(row, "lines")?)?,
        unnamed: columns.unsigned("unnamed", get(row, "unnamed")?)?,
        window: [time(row, "window_from")?, time(row, "window_to")?],
        uploaded_by: uploaded_by.map(|text| columns.json("uploaded_by", &text)).transpose()?,
        uploaded_at: time(row, "uploaded_at")?,
    })
}
