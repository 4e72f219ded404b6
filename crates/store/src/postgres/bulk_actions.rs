use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{Actor, ShopName, StuckReason, Time};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use crate::columns::{Row, json_text, signed};
use crate::{BulkAction, BulkActions, BulkActionsPage, BulkClaim, BulkRecorded, StoreError};

/// What a statement selects of `bulk_actions x`, for [`bulk_action`].
macro_rules! bulk_columns {
    () => {
        "x.bulk_action_id, x.action::text as action, x.reasons, x.shops, x.items_max, x.reason, x.ticket, \
         x.ordered_by::text as ordered_by, x.via, x.ordered_at, x.state, x.expected, x.done, x.failed, \
         x.troubles::text as troubles, x.place_at, x.place_id, x.stopped_by::text as stopped_by, x.begun_at, \
         x.finished_at, x.next_at, x.epoch"
    };
}

pub(super) const ORDER_BULK_ACTION: &str = "
    insert into bulk_actions (bulk_action_id, action, reasons, shops, items_max, reason, ticket, ordered_by, via,
                              ordered_at, state, expected, done, failed, troubles, next_at, epoch)
    values ($1::uuid, $2::text::jsonb, $3::text[], $4::text[], $5::int8, $6::text, $7::text, $8::text::jsonb, $9::text,
            $10::timestamptz, 'waiting', $11::int8, 0, 0, '[]', $12::timestamptz, 0)
    on conflict do nothing";

/// Whoever else claims at the same time takes the one behind it.
pub(super) const CLAIM_BULK_ACTION: &str = concat!(
    "update bulk_actions x
    set state = 'running', begun_at = coalesce(x.begun_at, $1), lease_owner = $2, leased_until = $3, epoch = x.epoch + 1
    where x.bulk_action_id = (
        select bulk_action_id from bulk_actions
        where finished_at is null and next_at <= $1 and (leased_until is null or leased_until <= $1)
        order by ordered_at, bulk_action_id limit 1 for update skip locked)
    returning ",
    bulk_columns!()
);

pub(super) const RECORD_BULK_ACTION: &str = "
    update bulk_actions
    set state = $3, done = $4, failed = $5, troubles = $6::text::jsonb, place_at = $7, place_id = $8, finished_at = $9,
        next_at = $10, lease_owner = case when $11::timestamptz is null then null else lease_owner end, leased_until = $11
    where bulk_action_id = $1 and epoch = $2 and finished_at is null
    returning stopped_by is not null as is_stopped";

/// Whoever overslept must not go on with what is stopped, so the epoch rises where nobody is on it.
pub(super) const STOP_BULK_ACTION: &str = "
    update bulk_actions x
    set stopped_by = $2::text::jsonb,
        state = case when free then 'stopped' else x.state end,
        finished_at = case when free then $3 end,
        lease_owner = case when free then null else x.lease_owner end,
        leased_until = case when free then null else x.leased_until end,
        epoch = case when free then x.epoch + 1 else x.epoch end
    from (select bulk_action_id, leased_until is null or leased_until <= $3 as free
          from bulk_actions where bulk_action_id = $1 for update) f
    where x.bulk_action_id = f.bulk_action_id and x.finished_at is null and x.stopped_by is null
    returning x.bulk_action_id";

pub(super) const BULK_ACTION: &str =
    concat!("select ", bulk_columns!(), " from bulk_actions x where x.bulk_action_id = $1");

pub(super) const BULK_ACTIONS: &str = concat!(
    "select ",
    bulk_columns!(),
    " from bulk_actions x
    where ($1::text[] is null or (x.shops <> '{}' and x.shops <@ $1))
      and ($2::timestamptz is null or (x.ordered_at, x.bulk_action_id) < ($2, $3::uuid))
    order by x.ordered_at desc, x.bulk_action_id desc limit $4"
);

#[async_trait]
impl BulkActions for PostgresStore {
    async fn order_bulk_action(&self, action: &BulkAction) -> Result<BulkAction, StoreError> {
        let reasons: Vec<&'static str> = action.reasons.iter().map(Into::into).collect();
        let shops: Vec<String> = action.shops.iter().map(ToString::to_string).collect();
        let ordered_by = json_text(&action.ordered_by)?;
        let statement = || {
            sqlx::query(ORDER_BULK_ACTION)
                .bind(action.id)
                .bind(&action.action)
                .bind(&reasons)
                .bind(&shops)
                .bind(signed(action.items_max))
                .bind(&action.reason)
                .bind(&action.ticket)
                .bind(&ordered_by)
                .bind(<&str>::from(action.via))
                .bind(action.ordered_at.utc())
                .bind(signed(action.expected))
                .bind(action.next_at.utc())
        };
        self.pools.requests.send(Effect::Writes, statement).await?;
        self.bulk_action(action.id).await?.ok_or(StoreError::Refused(sqlx::Error::RowNotFound))
    }

    async fn claim_bulk_action(&self, claim: &BulkClaim) -> Result<Option<BulkAction>, StoreError> {
        let statement =
            || sqlx::query(CLAIM_BULK_ACTION).bind(claim.now.utc()).bind(claim.owner.0).bind(claim.until.utc());
        let rows = self.pools.workers.send(Effect::Writes, statement).await?;
        rows.first().map(self::bulk_action).transpose()
    }

    async fn record_bulk_action(&self, action: &BulkAction, until: Option<Time>) -> Result<BulkRecorded, StoreError> {
        let troubles = json_text(&action.troubles)?;
        let (place_at, place_id) = action.place.unzip();
        let statement = || {
            sqlx::query(RECORD_BULK_ACTION)
                .bind(action.id)
                .bind(signed(action.epoch))
                .bind(<&str>::from(action.state))
                .bind(signed(action.done))
                .bind(signed(action.failed))
                .bind(&troubles)
                .bind(place_at.map(Time::utc))
                .bind(place_id)
                .bind(action.finished_at.map(Time::utc))
                .bind(action.next_at.utc())
                .bind(until.map(Time::utc))
        };
        let rows = self.pools.workers.send(Effect::Writes, statement).await?;
        Ok(BulkRecorded::of(rows.first().map(|row| get(row, "is_stopped")).transpose()?))
    }

    async fn stop_bulk_action(&self, id: Uuid, by: &Actor, now: Time) -> Result<bool, StoreError> {
        let by = json_text(by)?;
        let statement = || sqlx::query(STOP_BULK_ACTION).bind(id).bind(&by).bind(now.utc());
        Ok(!self.pools.requests.send(Effect::Writes, statement).await?.is_empty())
    }

    async fn bulk_action(&self, id: Uuid) -> Result<Option<BulkAction>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(BULK_ACTION).bind(id)).await?;
        rows.first().map(self::bulk_action).transpose()
    }

    async fn bulk_actions(&self, page: &BulkActionsPage) -> Result<Vec<BulkAction>, StoreError> {
        let shops: Vec<String> = page.shops.iter().map(ToString::to_string).collect();
        let shops = (!shops.is_empty()).then_some(shops);
        let (at, id) = page.before.unzip();
        let statement =
            || sqlx::query(BULK_ACTIONS).bind(&shops).bind(at.map(Time::utc)).bind(id).bind(i64::from(page.limit));
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        rows.iter().map(self::bulk_action).collect()
    }
}

fn bulk_action(row: &PgRow) -> Result<BulkAction, StoreError> {
    let id: Uuid = get(row, "bulk_action_id")?;
    let columns = Row(id);
    let (reasons, shops): (Vec<String>, Vec<String>) = (get(row, "reasons")?, get(row, "shops")?);
    let reasons = reasons.iter().map(|reason| columns.parse("reasons", reason)).collect::<Result<_, _>>();
    let shops = shops.iter().map(|shop| columns.parse("shops", shop)).collect::<Result<_, _>>();
    let (reasons, shops): (BTreeSet<StuckReason>, BTreeSet<ShopName>) = (reasons?, shops?);
    let stopped_by: Option<&str> = get(row, "stopped_by")?;
    let place: (Option<Time>, Option<Uuid>) = (time_if_any(row, "place_at")?, get(row, "place_id")?);
    Ok(BulkAction {
        id,
        action: get(row, "action")?,
        reasons,
        shops,
        items_max: columns.unsigned("items_max", get(row, "items_max")?)?,
        reason: get(row, "reason")?,
        ticket: get(row, "ticket")?,
        ordered_by: columns.json("ordered_by", get(row, "ordered_by")?)?,
        via: columns.parse("via", get(row, "via")?)?,
        ordered_at: time(row, "ordered_at")?,
        state: columns.parse("state", get(row, "state")?)?,
        expected: columns.unsigned("expected", get(row, "expected")?)?,
        done: columns.unsigned("done", get(row, "done")?)?,
        failed: columns.unsigned("failed", get(row, "failed")?)?,
        troubles: columns.json("troubles", get(row, "troubles")?)?,
        place: place.0.zip(place.1),
        stopped_by: stopped_by.map(|text| columns.json("stopped_by", text)).transpose()?,
        begun_at: time_if_any(row, "begun_at")?,
        finished_at: time_if_any(row, "finished_at")?,
        next_at: time(row, "next_at")?,
        epoch: columns.unsigned("epoch", get(row, "epoch")?)?,
    })
}
