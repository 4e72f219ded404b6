use async_trait::async_trait;
use domain::{Time, Total};
use rust_decimal::Decimal;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::read_row::{get, some_time, time, uuid};
use super::transaction::{Deed, write};
use super::{SqliteStore, fault};
use crate::columns::{Row, json_text, signed};
use crate::{Balance, Download, Export, ExportClaim, Exports, ExportsPage, OpenAmount, StoreError};

/// What a statement selects of `exports`, for [`export`].
macro_rules! export_columns {
    () => {
        "export_id, report, format, shops, window_from, window_to, zone, ordered_by, ordered_at, state, failure, failures, \
         rows_done, rows_expected, snapshot, manifest, begun_at, finished_at, next_at, epoch"
    };
}

pub(super) const ORDER_EXPORT: &str = "
    insert into exports (export_id, report, format, shops, window_from, window_to, zone, ordered_by, ordered_at, state,
                         failures, rows_done, next_at, epoch)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'waiting', 0, 0, ?10, 0)
    on conflict do nothing";

pub(super) const EXPORTS_WAIT: &str = "select exists (select 1 from exports where finished_at is null)";

pub(super) const CLAIM_EXPORT: &str = concat!(
    "update exports
    set state = 'running', begun_at = coalesce(begun_at, ?1), lease_owner = ?2, leased_until = ?3, epoch = epoch + 1
    where export_id = (
        select export_id from exports
        where finished_at is null and next_at <= ?1 and (leased_until is null or leased_until <= ?1)
        order by ordered_at, export_id limit 1)
    returning ",
    export_columns!()
);

pub(super) const RECORD_EXPORT: &str = "
    update exports
    set state = ?3, failure = ?4, failures = ?5, rows_done = ?6, rows_expected = ?7, snapshot = ?8, manifest = ?9,
        finished_at = ?10, next_at = ?11, lease_owner = case when ?12 is null then null else lease_owner end,
        leased_until = ?12
    where export_id = ?1 and epoch = ?2";

pub(super) const EXPORT: &str = concat!("select ", export_columns!(), " from exports where export_id = ?1");

const EXPORTS: &str = concat!("select ", export_columns!(), " from exports x where true");

pub(super) const EXPORTS_COMPLETED_BEFORE: &str = concat!(
    "select ",
    export_columns!(),
    " from exports where state = 'completed' and finished_at < ?1 order by finished_at limit ?2"
);

pub(super) const RECORD_DOWNLOAD: &str = "insert into export_downloads (export_id, at, taken_by) values (?1, ?2, ?3)";

pub(super) const DOWNLOADS: &str =
    "select at, taken_by from export_downloads where export_id = ?1 order by at desc limit 100";

pub(super) const BALANCES: &str = "
    select p.shop, m.currency, m.kind, sum(m.amount_whole) as whole, sum(m.amount_nano) as nano,
           sum(m.amount_atto) as atto
    from movements m cross join payments p on p.payment_id = m.payment_id
    where m.position <= ?1
    group by 1, 2, 3 order by 1, 2, 3";

/// Through the open payments, which are few beside those that have ended.
pub(super) const OPEN_AMOUNTS: &str = "
    select p.shop, p.payment_type, p.state, p.currency, count(*) as payments, sum(p.amount_whole) as whole,
           sum(p.amount_nano) as nano, sum(p.amount_atto) as atto
    from payment_checks c cross join payments p on p.payment_id = c.payment_id
    where c.open_state is not null
    group by 1, 2, 3, 4 order by 1, 2, 3, 4";

#[async_trait]
impl Exports for SqliteStore {
    async fn order_export(&self, export: &Export) -> Result<Export, StoreError> {
        write(&self.writer, OrderExport(export.clone())).await
    }

    async fn claim_export(&self, claim: &ExportClaim) -> Result<Option<Export>, StoreError> {
        // Asked before the only writer is taken: mostly there is nothing to write.
        let wait: bool =
            sqlx::query_scalar(EXPORTS_WAIT).fetch_one(&self.readers).await.map_err(fault::of_statement)?;
        if wait { write(&self.writer, ClaimExport(claim.clone())).await } else { Ok(None) }
    }

    async fn record_export(&self, export: &Export, until: Option<Time>) -> Result<bool, StoreError> {
        write(&self.writer, RecordExport { export: export.clone(), until }).await
    }

    async fn export(&self, id: Uuid) -> Result<Option<Export>, StoreError> {
        let row = sqlx::query(EXPORT).bind(id.to_string()).fetch_optional(&self.readers).await;
        row.map_err(fault::of_statement)?.as_ref().map(self::export).transpose()
    }

    async fn exports(&self, page: &ExportsPage) -> Result<Vec<Export>, StoreError> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(EXPORTS);
        if !page.shops.is_empty() {
            query.push(" and not exists (select 1 from json_each(x.shops) s where s.value not in (select value from json_each(");
            query.push_bind(json_text(&page.shops)?).push(")))");
        }
        if let Some((at, id)) = page.before {
            query.push(" and (x.ordered_at, x.export_id) < (").push_bind(at.unix_micros());
            query.push(", ").push_bind(id.to_string()).push(")");
        }
        query.push(" order by x.ordered_at desc, x.export_id desc limit ").push_bind(page.limit);
        let rows = query.build().fetch_all(&self.readers).await.map_err(fault::of_statement)?;
        rows.iter().map(self::export).collect()
    }

    async fn exports_completed_before(&self, time: Time, limit: u32) -> Result<Vec<Export>, StoreError> {
        let rows = sqlx::query(EXPORTS_COMPLETED_BEFORE).bind(time.unix_micros()).bind(limit).fetch_all(&self.readers);
        rows.await.map_err(fault::of_statement)?.iter().map(self::export).collect()
    }

    async fn record_download(&self, export: Uuid, download: &Download) -> Result<(), StoreError> {
        write(&self.writer, RecordDownload { export, download: download.clone() }).await
    }

    async fn downloads(&self, export: Uuid) -> Result<Vec<Download>, StoreError> {
        let rows = sqlx::query(DOWNLOADS).bind(export.to_string()).fetch_all(&self.readers).await;
        let download = |row| {
            let by: String = get(row, "taken_by")?;
            Ok(Download { by: Row(export).json("taken_by", &by)?, at: time(row, "at")? })
        };
        rows.map_err(fault::of_statement)?.iter().map(download).collect()
    }

    async fn balances(&self, through: u64) -> Result<Vec<Balance>, StoreError> {
        let rows = sqlx::query(BALANCES).bind(signed(through)).fetch_all(&self.readers).await;
        let balance = |row| {
            let columns = Row("movements");
            Ok(Balance {
                shop: columns.parse("shop", get(row, "shop")?)?,
                currency: columns.parse("currency", get(row, "currency")?)?,
                kind: columns.parse("kind", get(row, "kind")?)?,
                sum: total(row)?,
            })
        };
        rows.map_err(fault::of_statement)?.iter().map(balance).collect()
    }

    async fn open_amounts(&self) -> Result<Vec<OpenAmount>, StoreError> {
        let rows = sqlx::query(OPEN_AMOUNTS).fetch_all(&self.readers).await;
        let open = |row| {
            let columns = Row("payments");
            Ok(OpenAmount {
                shop: columns.parse("shop", get(row, "shop")?)?,
                payment_type: columns.parse("payment_type", get(row, "payment_type")?)?,
                state: columns.parse("state", get(row, "state")?)?,
                currency: columns.parse("currency", get(row, "currency")?)?,
                payments: columns.unsigned("payments", get(row, "payments")?)?,
                requested: total(row)?,
            })
        };
        rows.map_err(fault::of_statement)?.iter().map(open).collect()
    }
}

/// Each of the three parts of an amount was added up by itself.
fn total(row: &SqliteRow) -> Result<Total, StoreError> {
    let part = |column, scale| Ok::<_, StoreError>(Decimal::new(get::<i64>(row, column)?, scale));
    Row("sum").total("sum", [part("whole", 0)?, part("nano", 9)?, part("atto", 18)?])
}

struct OrderExport(Export);

#[async_trait]
impl Deed for OrderExport {
    type Answer = Export;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Export, StoreError> {
        let export = &self.0;
        let ordered = sqlx::query(ORDER_EXPORT)
            .bind(export.id.to_string())
            .bind(&export.report)
            .bind(&export.format)
            .bind(json_text(&export.shops)?)
            .bind(export.from.unix_micros())
            .bind(export.to.unix_micros())
            .bind(&export.zone)
            .bind(export.ordered_by.as_ref().map(json_text).transpose()?)
            .bind(export.ordered_at.unix_micros())
            .bind(export.next_at.unix_micros())
            .execute(&mut *connection)
            .await;
        ordered.map_err(fault::of_statement)?;
        let row = sqlx::query(EXPORT).bind(export.id.to_string()).fetch_one(connection).await;
        self::export(&row.map_err(fault::of_statement)?)
    }
}

struct ClaimExport(ExportClaim);

#[async_trait]
impl Deed for ClaimExport {
    type Answer = Option<Export>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<Export>, StoreError> {
        let claim = &self.0;
        let claimed = sqlx::query(CLAIM_EXPORT)
            .bind(claim.now.unix_micros())
            .bind(claim.owner.0.to_string())
            .bind(claim.until.unix_micros())
            .fetch_optional(connection)
            .await;
        claimed.map_err(fault::of_statement)?.as_ref().map(self::export).transpose()
    }
}

struct RecordExport {
    export: Export,
    until: Option<Time>,
}

#[async_trait]
impl Deed for RecordExport {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let export = &self.export;
        let recorded = sqlx::query(RECORD_EXPORT)
            .bind(export.id.to_string())
            .bind(signed(export.epoch))
            .bind(export.state.to_string())
            .bind(&export.failure)
            .bind(export.failures)
            .bind(signed(export.rows_done))
            .bind(export.rows_expected.map(signed))
            .bind(&export.snapshot)
            .bind(&export.manifest)
            .bind(export.finished_at.map(Time::unix_micros))
            .bind(export.next_at.unix_micros())
            .bind(self.until.map(Time::unix_micros))
            .execute(connection)
            .await;
        Ok(recorded.map_err(fault::of_statement)?.rows_affected() == 1)
    }
}

struct RecordDownload {
    export: Uuid,
    download: Download,
}

#[async_trait]
impl Deed for RecordDownload {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let recorded = sqlx::query(RECORD_DOWNLOAD)
            .bind(self.export.to_string())
            .bind(self.download.at.unix_micros())
            .bind(json_text(&self.download.by)?)
            .execute(connection)
            .await;
        recorded.map(|_| ()).map_err(fault::of_statement)
    }
}

fn export(row: &SqliteRow) -> Result<Export, StoreError> {
    let id = uuid(row, "export_id")?;
    let columns = Row(id);
    let ordered_by: Option<String> = get(row, "ordered_by")?;
    let expected: Option<i64> = get(row, "rows_expected")?;
    Ok(Export {
        id,
        report: get(row, "report")?,
        format: get(row, "format")?,
        shops: columns.json("shops", get(row, "shops")?)?,
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
        begun_at: some_time(row, "begun_at")?,
        finished_at: some_time(row, "finished_at")?,
        next_at: time(row, "next_at")?,
        epoch: columns.unsigned("epoch", get(row, "epoch")?)?,
    })
}
