use async_trait::async_trait;
use domain::{ShopName, Time};
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{SqliteConnection, SqlitePool};

use super::fault;
use super::read_row::{get, some_time, time};
use super::transaction::Deed;
use crate::columns::Row;
use crate::{Pass, StoreError, Sweep, SweepClaim};

/// What a statement selects to be read with [`sweep`].
macro_rules! sweep_columns {
    () => {
        "shop, cursor_at, swept_at, completed_at, pass_begun_at, pass_next_cursor_at, pass_offset, pass_created_before, \
         pass_reached_at, pass_unreadable, next_at, epoch"
    };
}

/// The first claim of a shop makes its row.
pub(super) const CLAIM_SWEEP: &str = concat!(
    "
    insert into sweeps (shop, next_at, lease_owner, leased_until, epoch) values (?1, ?2, ?3, ?4, 1)
    on conflict (shop) do update
    set lease_owner = excluded.lease_owner, leased_until = excluded.leased_until, epoch = epoch + 1
    where next_at <= ?2 and (leased_until is null or leased_until <= ?2)
    returning ",
    sweep_columns!()
);

/// Compared with the epoch of its claim, so that whoever overslept changes nothing.
pub(super) const RECORD_SWEEP: &str = "
    with given as materialized (select jsonb(?1) as row)
    update sweeps set
        cursor_at = row ->> 'cursor_at', swept_at = row ->> 'swept_at', completed_at = row ->> 'completed_at',
        pass_begun_at = row ->> 'pass_begun_at', pass_next_cursor_at = row ->> 'pass_next_cursor_at',
        pass_offset = row ->> 'pass_offset', pass_created_before = row ->> 'pass_created_before',
        pass_reached_at = row ->> 'pass_reached_at', pass_unreadable = row ->> 'pass_unreadable',
        next_at = row ->> 'next_at', lease_owner = null, leased_until = null
    from given where sweeps.shop = row ->> 'shop' and sweeps.epoch = row ->> 'epoch'";

pub(super) const SWEEPS: &str = concat!("select ", sweep_columns!(), " from sweeps order by shop");

/// Through the open payments, which are few beside those that have ended. Asked for about once a day.
pub(super) const OLDEST_OPEN: &str = "
    select min(p.created_at) as oldest
    from payment_checks c cross join payments p on p.payment_id = c.payment_id
    where c.open_state is not null and p.shop = ?1";

/// Leases a shop's sweep.
pub(super) struct ClaimSweep(pub(super) SweepClaim);

#[async_trait]
impl Deed for ClaimSweep {
    type Answer = Option<Sweep>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<Sweep>, StoreError> {
        let claim = &self.0;
        let claimed = sqlx::query(CLAIM_SWEEP)
            .bind(claim.shop.as_str())
            .bind(claim.now.unix_micros())
            .bind(claim.owner.0.to_string())
            .bind(claim.until.unix_micros())
            .fetch_optional(connection)
            .await;
        claimed.map_err(fault::of_statement)?.as_ref().map(sweep).transpose()
    }
}

/// Records how far a sweep has come.
pub(super) struct RecordSweep(pub(super) Sweep);

#[async_trait]
impl Deed for RecordSweep {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let recorded = sqlx::query(RECORD_SWEEP).bind(row(&self.0)).execute(connection).await;
        Ok(recorded.map_err(fault::of_statement)?.rows_affected() > 0)
    }
}

pub(super) async fn sweeps(readers: &SqlitePool) -> Result<Vec<Sweep>, StoreError> {
    let rows = sqlx::query(SWEEPS).fetch_all(readers).await.map_err(fault::of_statement)?;
    rows.iter().map(sweep).collect()
}

pub(super) async fn oldest_open(readers: &SqlitePool, shop: &ShopName) -> Result<Option<Time>, StoreError> {
    let row = sqlx::query(OLDEST_OPEN).bind(shop.as_str()).fetch_one(readers).await.map_err(fault::of_statement)?;
    some_time(&row, "oldest")
}

fn row(sweep: &Sweep) -> String {
    let micros = |at: Option<Time>| at.map(Time::unix_micros);
    let pass = sweep.pass;
    json!({
        "shop": sweep.shop,
        "epoch": sweep.epoch,
        "cursor_at": micros(sweep.cursor),
        "swept_at": micros(sweep.swept_at),
        "completed_at": micros(sweep.completed_at),
        "pass_begun_at": pass.map(|pass| pass.begun_at.unix_micros()),
        "pass_next_cursor_at": micros(pass.and_then(|pass| pass.next_cursor)),
        "pass_offset": pass.map(|pass| pass.offset),
        "pass_created_before": micros(pass.and_then(|pass| pass.created_before)),
        "pass_reached_at": micros(pass.and_then(|pass| pass.reached)),
        "pass_unreadable": pass.map(|pass| pass.unreadable),
        "next_at": sweep.next_at.unix_micros(),
    })
    .to_string()
}

fn sweep(row: &SqliteRow) -> Result<Sweep, StoreError> {
    let shop: String = get(row, "shop")?;
    let columns = Row(&shop);
    let pass = match some_time(row, "pass_begun_at")? {
        None => None,
        Some(begun_at) => Some(Pass {
            begun_at,
            next_cursor: some_time(row, "pass_next_cursor_at")?,
            offset: columns.unsigned("pass_offset", get(row, "pass_offset")?)?,
            created_before: some_time(row, "pass_created_before")?,
            reached: some_time(row, "pass_reached_at")?,
            unreadable: columns.unsigned("pass_unreadable", get(row, "pass_unreadable")?)?,
        }),
    };
    Ok(Sweep {
        cursor: some_time(row, "cursor_at")?,
        swept_at: some_time(row, "swept_at")?,
        completed_at: some_time(row, "completed_at")?,
        pass,
        next_at: time(row, "next_at")?,
        epoch: columns.unsigned("epoch", get(row, "epoch")?)?,
        shop: columns.parse("shop", &shop)?,
    })
}
