use chrono::{DateTime, Utc};
use domain::{ShopName, Time};
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use crate::columns::{Row, signed};
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
    insert into sweeps as s (shop, next_at, lease_owner, leased_until, epoch) values ($1, $2, $3, $4, 1)
    on conflict (shop) do update
    set lease_owner = excluded.lease_owner, leased_until = excluded.leased_until, epoch = s.epoch + 1
    where s.next_at <= $2 and (s.leased_until is null or s.leased_until <= $2)
    returning ",
    sweep_columns!()
);

/// Compared with the epoch of its claim, so that whoever overslept changes nothing.
pub(super) const RECORD_SWEEP: &str = "
    update sweeps
    set cursor_at = $3, swept_at = $4, completed_at = $5, pass_begun_at = $6, pass_next_cursor_at = $7,
        pass_offset = $8, pass_created_before = $9, pass_reached_at = $10, pass_unreadable = $11, next_at = $12,
        lease_owner = null, leased_until = null
    where shop = $1 and epoch = $2
    returning shop";

pub(super) const SWEEPS: &str = concat!("select ", sweep_columns!(), " from sweeps order by shop");

/// Through the open payments, which are few beside those that have ended. Asked for about once a day.
pub(super) const OLDEST_OPEN: &str = "
    select min(p.created_at) as oldest
    from payment_checks c join payments p on p.payment_id = c.payment_id
    where c.open_state is not null and p.shop = $1";

impl PostgresStore {
    pub(super) async fn claim_due_sweep(&self, claim: &SweepClaim) -> Result<Option<Sweep>, StoreError> {
        let statement = || {
            sqlx::query(CLAIM_SWEEP)
                .bind(claim.shop.as_str())
                .bind(claim.now.utc())
                .bind(claim.owner.0)
                .bind(claim.until.utc())
        };
        let rows = self.pools.workers.send(Effect::Writes, statement).await?;
        rows.first().map(sweep).transpose()
    }

    pub(super) async fn record_claimed_sweep(&self, sweep: &Sweep) -> Result<bool, StoreError> {
        let utc = |at: Option<Time>| at.map(Time::utc);
        let pass = sweep.pass;
        let statement = || {
            sqlx::query(RECORD_SWEEP)
                .bind(sweep.shop.as_str())
                .bind(signed(sweep.epoch))
                .bind(utc(sweep.cursor))
                .bind(utc(sweep.swept_at))
                .bind(utc(sweep.completed_at))
                .bind(pass.map(|pass| pass.begun_at.utc()))
                .bind(utc(pass.and_then(|pass| pass.next_cursor)))
                .bind(pass.map(|pass| i64::from(pass.offset)))
                .bind(utc(pass.and_then(|pass| pass.created_before)))
                .bind(utc(pass.and_then(|pass| pass.reached)))
                .bind(pass.map(|pass| i64::from(pass.unreadable)))
                .bind(sweep.next_at.utc())
        };
        Ok(!self.pools.workers.send(Effect::Writes, statement).await?.is_empty())
    }

    pub(super) async fn all_sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        let rows = self.pools.workers.send(Effect::Reads, || sqlx::query(SWEEPS)).await?;
        rows.iter().map(sweep).collect()
    }

    pub(super) async fn oldest_open_payment(&self, shop: &ShopName) -> Result<Option<Time>, StoreError> {
        // With the patience of the reads: with very many open payments it may take a while.
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(OLDEST_OPEN).bind(shop.as_str())).await?;
        rows.first().map_or(Ok(None), |row| time_if_any(row, "oldest"))
    }
}

fn sweep(row: &PgRow) -> Result<Sweep, StoreError> {
    let shop: String = get(row, "shop")?;
    let columns = Row(&shop);
    let pass = match get::<Option<DateTime<Utc>>>(row, "pass_begun_at")? {
        None => None,
        Some(begun_at) => Some(Pass {
            begun_at: Time::new(begun_at),
            next_cursor: time_if_any(row, "pass_next_cursor_at")?,
            offset: columns.unsigned("pass_offset", get(row, "pass_offset")?)?,
            created_before: time_if_any(row, "pass_created_before")?,
            reached: time_if_any(row, "pass_reached_at")?,
            unreadable: columns.unsigned("pass_unreadable", get(row, "pass_unreadable")?)?,
        }),
    };
    Ok(Sweep {
        cursor: time_if_any(row, "cursor_at")?,
        swept_at: time_if_any(row, "swept_at")?,
        completed_at: time_if_any(row, "completed_at")?,
        pass,
        next_at: time(row, "next_at")?,
        epoch: columns.unsigned("epoch", get(row, "epoch")?)?,
        shop: columns.parse("shop", &shop)?,
    })
}
