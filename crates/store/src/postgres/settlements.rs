use async_trait::async_trait;
use domain::{BreakKind, PaymentId, ShopName, Time};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time};
use crate::columns::{Row, json_text, signed};
use crate::{Settlement, Settlements, StoreError};

pub(super) const KEEP_LINES: &str = "
    insert into settlement_lines (settlement_id, number, line)
    select $1, l.number, l.line::jsonb from unnest($2::int8[], $3::text[]) as l(number, line)
    on conflict do nothing";

pub(super) const KEEP_SETTLEMENT: &str = "
    insert into settlements (settlement_id, shop, digest, format, bytes, lines, unnamed, window_from, window_to,
                             uploaded_by, uploaded_at)
    values ($1::uuid, $2::text, $3::text, $4::text, $5::int8, $6::int8, $7::int8, $8::timestamptz, $9::timestamptz,
            $10::text::jsonb, $11::timestamptz)
    on conflict do nothing returning settlement_id";

pub(super) const SETTLEMENT: &str = "
    select settlement_id, shop, digest, format, bytes, lines, unnamed, window_from, window_to,
           uploaded_by::text as uploaded_by, uploaded_at
    from settlements where settlement_id = $1";

pub(super) const SETTLEMENT_LINES: &str = "
    select number, line::text as line from settlement_lines where settlement_id = $1 and number > $2
    order by number limit $3";

pub(super) const NOTE_SETTLED: &str = "
    insert into settled_payments (payment_id, settlement_id)
    select p.payment_id, $1 from unnest($2::uuid[]) as p(payment_id) order by p.payment_id
    on conflict do nothing";

pub(super) const OPEN_SETTLEMENT_BREAKS: &str = "
    select break_id, kind, subject from breaks
    where payment_id = any ($1) and state = 'open'
      and kind in ('not-settled', 'settled-unknown', 'settled-differs', 'fee-differs')
    order by break_id";

pub(super) const UNSETTLED: &str = "
    select p.payment_id, p.created_at
    from payments p
    where p.shop = $1 and p.created_at >= $2 and p.created_at < $3 and p.state = 'COMPLETED' and p.settled_amount > 0
      and ($4::timestamptz is null or (p.created_at, p.payment_id) > ($4, $5::uuid))
      and not exists (select from settled_payments s where s.payment_id = p.payment_id)
    order by p.created_at, p.payment_id limit $6";

#[async_trait]
impl Settlements for PostgresStore {
    async fn keep_lines(&self, settlement: Uuid, lines: &[(u64, String)]) -> Result<(), StoreError> {
        let (numbers, lines): (Vec<i64>, Vec<&str>) =
            lines.iter().map(|(number, line)| (signed(*number), line.as_str())).unzip();
        let statement = || sqlx::query(KEEP_LINES).bind(settlement).bind(&numbers).bind(&lines);
        self.pools.workers.send(Effect::Writes, statement).await?;
        Ok(())
    }

    async fn keep_settlement(&self, settlement: &Settlement) -> Result<bool, StoreError> {
        let uploaded_by = settlement.uploaded_by.as_ref().map(json_text).transpose()?;
        let [from, to] = settlement.window.map(Time::utc);
        let statement = || {
            sqlx::query(KEEP_SETTLEMENT)
                .bind(settlement.id)
                .bind(settlement.shop.as_str())
                .bind(&settlement.digest)
                .bind(&settlement.format)
                .bind(signed(settlement.bytes))
                .bind(signed(settlement.lines))
                .bind(signed(settlement.unnamed))
                .bind(from)
                .bind(to)
                .bind(&uploaded_by)
                .bind(settlement.uploaded_at.utc())
        };
        Ok(!self.pools.workers.send(Effect::Writes, statement).await?.is_empty())
    }

    async fn settlement(&self, id: Uuid) -> Result<Option<Settlement>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(SETTLEMENT).bind(id)).await?;
        rows.first().map(settlement).transpose()
    }

    async fn settlement_lines(
        &self,
        settlement: Uuid,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, String)>, StoreError> {
        let statement = || sqlx::query(SETTLEMENT_LINES).bind(settlement).bind(signed(after)).bind(i64::from(limit));
        let rows = self.pools.workers.send(Effect::Reads, statement).await?;
        let line = |row| Ok((Row(settlement).unsigned("number", get(row, "number")?)?, get(row, "line")?));
        rows.iter().map(line).collect()
    }

    async fn note_settled(&self, settlement: Uuid, payments: &[PaymentId]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = payments.iter().map(|id| id.uuid()).collect();
        let statement = || sqlx::query(NOTE_SETTLED).bind(settlement).bind(&ids);
        self.pools.workers.send(Effect::Writes, statement).await?;
        Ok(())
    }

    async fn open_settlement_breaks(
        &self,
        payments: &[PaymentId],
    ) -> Result<Vec<(Uuid, BreakKind, String)>, StoreError> {
        let ids: Vec<Uuid> = payments.iter().map(|id| id.uuid()).collect();
        let statement = || sqlx::query(OPEN_SETTLEMENT_BREAKS).bind(&ids);
        let rows = self.pools.workers.send(Effect::Reads, statement).await?;
        let open = |row| {
            let id = get(row, "break_id")?;
            Ok((id, Row(id).parse("kind", get(row, "kind")?)?, get(row, "subject")?))
        };
        rows.iter().map(open).collect()
    }

    async fn unsettled(
        &self,
        shop: &ShopName,
        [from, to]: [Time; 2],
        after: Option<(Time, Uuid)>,
        limit: u32,
    ) -> Result<Vec<(Time, PaymentId)>, StoreError> {
        let (at, id) = after.unzip();
        let statement = || {
            sqlx::query(UNSETTLED)
                .bind(shop.as_str())
                .bind(from.utc())
                .bind(to.utc())
                .bind(at.map(Time::utc))
                .bind(id)
                .bind(i64::from(limit))
        };
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        rows.iter().map(|row| Ok((time(row, "created_at")?, get::<Uuid>(row, "payment_id")?.into()))).collect()
    }
}

fn settlement(row: &PgRow) -> Result<Settlement, StoreError> {
    let id = get(row, "settlement_id")?;
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
