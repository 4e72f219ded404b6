use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{ShopName, Time, Total};
use rust_decimal::Decimal;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use crate::columns::{Row, json_text, signed};
use crate::{Balance, Download, Export, ExportClaim, Exports, ExportsPage, OpenAmount, StoreError};

/// What a statement selects of `exports x`, for [`export`].
macro_rules! export_columns {
    () => {
        "x.export_id, x.report, x.format, x.shops, x.window_from, x.window_to, x.zone, \
         x.ordered_by::text as ordered_by, x.ordered_at, x.state, x.failure, x.failures, x.rows_done, x.rows_expected, \
         x.snapshot::text as snapshot, x.manifest::text as manifest, x.begun_at, x.finished_at, x.next_at, x.epoch"
    };
}

pub(super) const ORDER_EXPORT: &str = "
    insert into exports (export_id, report, format, shops, window_from, window_to, zone, ordered_by, ordered_at, state,
                         failures, rows_done, next_at, epoch)
    values ($1::uuid, $2::text, $3::text, $4::text[], $5::timestamptz, $6::timestamptz, $7::text, $8::text::jsonb,
            $9::timestamptz, 'waiting', 0, 0, $10::timestamptz, 0)
    on conflict do nothing";

/// Whoever else claims at the same time takes the one behind it.
pub(super) const CLAIM_EXPORT: &str = concat!(
    "update exports x
    set state = 'running', begun_at = coalesce(x.begun_at, $1), lease_owner = $2, leased_until = $3, epoch = x.epoch + 1
    where x.export_id = (
        select export_id from exports
        where finished_at is null and next_at <= $1 and (leased_until is null or leased_until <= $1)
        order by ordered_at, export_id limit 1 for update skip locked)
    returning ",
    export_columns!()
);

pub(super) const RECORD_EXPORT: &str = "
    update exports
    set state = $3, failure = $4, failures = $5, rows_done = $6, rows_expected = $7, snapshot = $8::text::jsonb,
        manifest = $9::text::json, finished_at = $10, next_at = $11,
        lease_owner = case when $12::timestamptz is null then null else lease_owner end, leased_until = $12
    where export_id = $1 and epoch = $2
    returning export_id";

pub(super) const EXPORT: &str = concat!("select ", export_columns!(), " from exports x where x.export_id = $1");

pub(super) const EXPORTS: &str = concat!(
    "select ",
    export_columns!(),
    " from exports x
    where ($1::text[] is null or x.shops <@ $1)
      and ($2::timestamptz is null or (x.ordered_at, x.export_id) < ($2, $3::uuid))
    order by x.ordered_at desc, x.export_id desc limit $4"
);

pub(super) const EXPORTS_COMPLETED_BEFORE: &str = concat!(
    "select ",
    export_columns!(),
    " from exports x where x.state = 'completed' and x.finished_at < $1 order by x.finished_at limit $2"
);

pub(super) const RECORD_DOWNLOAD: &str =
    "insert into export_downloads (export_id, at, taken_by) values ($1, $2, $3::text::jsonb)";

pub(super) const DOWNLOADS: &str = "
    select at, taken_by::text as taken_by from export_downloads where export_id = $1 order by at desc limit 100";

/// As text: a sum may have more digits than an amount.
pub(super) const BALANCES: &str = "
    select p.shop, m.currency, m.kind, trim_scale(sum(m.amount))::text as sum
    from movements m join payments p on p.payment_id = m.payment_id
    where m.position <= $1
    group by 1, 2, 3 order by 1, 2, 3";

/// Through the open payments, which are few beside those that have ended.
pub(super) const OPEN_AMOUNTS: &str = "
    select p.shop, p.payment_type, p.state, p.currency, count(*) as payments,
           trim_scale(sum(p.amount))::text as requested
    from payment_checks c join payments p on p.payment_id = c.payment_id
    where c.open_state is not null
    group by 1, 2, 3, 4 order by 1, 2, 3, 4";

#[async_trait]
impl Exports for PostgresStore {
    async fn order_export(&self, export: &Export) -> Result<Export, StoreError> {
        let shops: Vec<String> = export.shops.iter().map(ToString::to_string).collect();
        let ordered_by = export.ordered_by.as_ref().map(json_text).transpose()?;
        let statement = || {
            sqlx::query(ORDER_EXPORT)
                .bind(export.id)
                .bind(&export.report)
                .bind(&export.format)
                .bind(&shops)
                .bind(export.from.utc())
                .bind(export.to.utc())
                .bind(&export.zone)
                .bind(&ordered_by)
                .bind(export.ordered_at.utc())
                .bind(export.next_at.utc())
        };
        self.pools.workers.send(Effect::Writes, statement).await?;
        self.export(export.id).await?.ok_or(StoreError::Refused(sqlx::Error::RowNotFound))
    }

    async fn claim_export(&self, claim: &ExportClaim) -> Result<Option<Export>, StoreError> {
        let statement = || sqlx::query(CLAIM_EXPORT).bind(claim.now.utc()).bind(claim.owner.0).bind(claim.until.utc());
        let rows = self.pools.workers.send(Effect::Writes, statement).await?;
        rows.first().map(self::export).transpose()
    }

    async fn record_export(&self, export: &Export, until: Option<Time>) -> Result<bool, StoreError> {
        let statement = || {
            sqlx::query(RECORD_EXPORT)
                .bind(export.id)
                .bind(signed(export.epoch))
                .bind(export.state.to_string())
                .bind(&export.failure)
                .bind(i64::from(export.failures))
                .bind(signed(export.rows_done))
                .bind(export.rows_expected.map(signed))
                .bind(&export.snapshot)
                .bind(&export.manifest)
                .bind(export.finished_at.map(Time::utc))
                .bind(export.next_at.utc())
                .bind(until.map(Time::utc))
        };
        Ok(!self.pools.workers.send(Effect::Writes, statement).await?.is_empty())
    }

    async fn export(&self, id: Uuid) -> Result<Option<Export>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(EXPORT).bind(id)).await?;
        rows.first().map(self::export).transpose()
    }

    async fn exports(&self, page: &ExportsPage) -> Result<Vec<Export>, StoreError> {
        let shops: Vec<String> = page.shops.iter().map(ToString::to_string).collect();
        let shops = (!shops.is_empty()).then_some(shops);
        let (at, id) = page.before.unzip();
        let statement =
            || sqlx::query(EXPORTS).bind(&shops).bind(at.map(Time::utc)).bind(id).bind(i64::from(page.limit));
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        rows.iter().map(self::export).collect()
    }

    async fn exports_completed_before(&self, time: Time, limit: u32) -> Result<Vec<Export>, StoreError> {
        let statement = || sqlx::query(EXPORTS_COMPLETED_BEFORE).bind(time.utc()).bind(i64::from(limit));
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        rows.iter().map(self::export).collect()
    }

    async fn record_download(&self, export: Uuid, download: &Download) -> Result<(), StoreError> {
        let by = json_text(&download.by)?;
        let statement = || sqlx::query(RECORD_DOWNLOAD).bind(export).bind(download.at.utc()).bind(&by);
        self.pools.workers.send(Effect::Writes, statement).await?;
        Ok(())
    }

    async fn downloads(&self, export: Uuid) -> Result<Vec<Download>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(DOWNLOADS).bind(export)).await?;
        let download = |row| {
            let by: String = get(row, "taken_by")?;
            Ok(Download { by: Row(export).json("taken_by", &by)?, at: time(row, "at")? })
        };
        rows.iter().map(download).collect()
    }

    async fn balances(&self, through: u64) -> Result<Vec<Balance>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(BALANCES).bind(signed(through))).await?;
        let balance = |row| {
            let columns = Row("movements");
            Ok(Balance {
                shop: columns.parse("shop", get(row, "shop")?)?,
                currency: columns.parse("currency", get(row, "currency")?)?,
                kind: columns.parse("kind", get(row, "kind")?)?,
                sum: total(row, "sum")?,
            })
        };
        rows.iter().map(balance).collect()
    }

    async fn open_amounts(&self) -> Result<Vec<OpenAmount>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(OPEN_AMOUNTS)).await?;
        let open = |row| {
            let columns = Row("payments");
            Ok(OpenAmount {
                shop: columns.parse("shop", get(row, "shop")?)?,
                payment_type: columns.parse("payment_type", get(row, "payment_type")?)?,
                state: columns.parse("state", get(row, "state")?)?,
                currency: columns.parse("currency", get(row, "currency")?)?,
                payments: columns.unsigned("payments", get(row, "payments")?)?,
                requested: total(row, "requested")?,
            })
        };
        rows.iter().map(open).collect()
    }
}

fn total(row: &PgRow, column: &'static str) -> Result<Total, StoreError> {
    let sum: Decimal = Row("sum").parse(column, get(row, column)?)?;
    Row("sum").total(column, [sum])
}

fn export(row: &PgRow) -> Result<Export, StoreError> {
    let id: Uuid = get(row, "export_id")?;
    let columns = Row(id);
    let ordered_by: Option<String> = get(row, "ordered_by")?;
    let shops: Vec<String> = get(row, "shops")?;
    let shops = shops.iter().map(|shop| columns.parse("shops", shop)).collect::<Result<BTreeSet<ShopName>, _>>()?;
    let expected: Option<i64> = get(row, "rows_expected")?;
    Ok(Export {
        id,
        report: get(row, "report")?,
        format: get(row, "format")?,
        shops,
        from: time(row, "window_from")?,
        to: time(row, "window_to")?,
        zone: get(row, "zone")?,
        ordered_by: ordered_by.map(|text| columns.json("ordered_by", &text)).transpose()?,
        ordered_at: time(row, "ordered_at")?,
        state: columns.parse("state", get(row, "state")?)?,
        failure: get(row, "failure")?,
        failures: columns.unsigned("failures", get(row, "failures")?)?,
        rows_done: columns.unsigned("rows_done", get(row, "rows_done")?)?,
        rows_expected: expected.map(|count| columns.unsigned("rows_expected", count)).transpose()?,
        snapshot: get(row, "snapshot")?,
        manifest: get(row, "manifest")?,
        begun_at: time_if_any(row, "begun_at")?,
        finished_at: time_if_any(row, "finished_at")?,
        next_at: time(row, "next_at")?,
        epoch: columns.unsigned("epoch", get(row, "epoch")?)?,
    })
}
