use async_trait::async_trait;
use domain::{Actor, Time};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::read_row::{get, some_time, some_uuid, time, uuid};
use super::transaction::{Deed, write};
use super::{SqliteStore, fault};
use crate::columns::{Row, json_text, signed};
use crate::{BulkAction, BulkActions, BulkActionsPage, BulkClaim, BulkRecorded, StoreError};

/// What a statement selects of `bulk_actions`, for [`bulk_action`].
macro_rules! bulk_columns {
    () => {
        "bulk_action_id, action, reasons, shops, items_max, reason, ticket, ordered_by, via, ordered_at, state, expected, \
         done, failed, troubles, place_at, place_id, stopped_by, begun_at, finished_at, next_at, epoch"
    };
}

pub(super) const ORDER_BULK_ACTION: &str = "
    insert into bulk_actions (bulk_action_id, action, reasons, shops, items_max, reason, ticket, ordered_by, via,
                              ordered_at, state, expected, done, failed, troubles, next_at, epoch)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'waiting', ?11, 0, 0, '[]', ?12, 0)
    on conflict do nothing";

pub(super) const BULK_ACTIONS_WAIT: &str = "select exists (select 1 from bulk_actions where finished_at is null)";

pub(super) const CLAIM_BULK_ACTION: &str = concat!(
    "update bulk_actions
    set state = 'running', begun_at = coalesce(begun_at, ?1), lease_owner = ?2, leased_until = ?3, epoch = epoch + 1
    where bulk_action_id = (
        select bulk_action_id from bulk_actions
        where finished_at is null and next_at <= ?1 and (leased_until is null or leased_until <= ?1)
        order by ordered_at, bulk_action_id limit 1)
    returning ",
    bulk_columns!()
);

pub(super) const RECORD_BULK_ACTION: &str = "
    update bulk_actions
    set state = ?3, done = ?4, failed = ?5, troubles = ?6, place_at = ?7, place_id = ?8, finished_at = ?9, next_at = ?10,
        lease_owner = case when ?11 is null then null else lease_owner end, leased_until = ?11
    where bulk_action_id = ?1 and epoch = ?2 and finished_at is null
    returning stopped_by is not null as is_stopped";

/// Whoever overslept must not go on with what is stopped, so the epoch rises where nobody is on it.
pub(super) const STOP_BULK_ACTION: &str = "
    update bulk_actions
    set stopped_by = ?2,
        state = iif(leased_until > ?3, state, 'stopped'),
        finished_at = iif(leased_until > ?3, null, ?3),
        lease_owner = iif(leased_until > ?3, lease_owner, null),
        leased_until = iif(leased_until > ?3, leased_until, null),
        epoch = iif(leased_until > ?3, epoch, epoch + 1)
    where bulk_action_id = ?1 and finished_at is null and stopped_by is null";

pub(super) const BULK_ACTION: &str =
    concat!("select ", bulk_columns!(), " from bulk_actions where bulk_action_id = ?1");

pub(super) const BULK_ACTIONS: &str = concat!(
    "select ",
    bulk_columns!(),
    " from bulk_actions
    where (?1 = '[]' or (shops <> '[]' and not exists (
              select 1 from json_each(shops) s where s.value not in (select value from json_each(?1)))))
      and (?2 is null or (ordered_at, bulk_action_id) < (?2, ?3))
    order by ordered_at desc, bulk_action_id desc limit ?4"
);

#[async_trait]
impl BulkActions for SqliteStore {
    async fn order_bulk_action(&self, action: &BulkAction) -> Result<BulkAction, StoreError> {
        write(&self.writer, OrderBulkAction(action.clone())).await
    }

    async fn claim_bulk_action(&self, claim: &BulkClaim) -> Result<Option<BulkAction>, StoreError> {
        // Asked before the only writer is taken: mostly there is nothing to write.
        let wait: bool =
            sqlx::query_scalar(BULK_ACTIONS_WAIT).fetch_one(&self.readers).await.map_err(fault::of_statement)?;
        if wait { write(&self.writer, ClaimBulkAction(claim.clone())).await } else { Ok(None) }
    }

    async fn record_bulk_action(&self, action: &BulkAction, until: Option<Time>) -> Result<BulkRecorded, StoreError> {
        write(&self.writer, RecordBulkAction { action: action.clone(), until }).await
    }

    async fn stop_bulk_action(&self, id: Uuid, by: &Actor, now: Time) -> Result<bool, StoreError> {
        write(&self.writer, StopBulkAction { id, by: by.clone(), now }).await
    }

    async fn bulk_action(&self, id: Uuid) -> Result<Option<BulkAction>, StoreError> {
        let row = sqlx::query(BULK_ACTION).bind(id.to_string()).fetch_optional(&self.readers).await;
        row.map_err(fault::of_statement)?.as_ref().map(self::bulk_action).transpose()
    }

    async fn bulk_actions(&self, page: &BulkActionsPage) -> Result<Vec<BulkAction>, StoreError> {
        let (at, id) = page.before.unzip();
        let rows = sqlx::query(BULK_ACTIONS)
            .bind(json_text(&page.shops)?)
            .bind(at.map(Time::unix_micros))
            .bind(id.map(|id| id.to_string()))
            .bind(page.limit)
            .fetch_all(&self.readers)
            .await;
        rows.map_err(fault::of_statement)?.iter().map(self::bulk_action).collect()
    }
}

struct OrderBulkAction(BulkAction);

#[async_trait]
impl Deed for OrderBulkAction {
    type Answer = BulkAction;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<BulkAction, StoreError> {
        let action = &self.0;
        let ordered = sqlx::query(ORDER_BULK_ACTION)
            .bind(action.id.to_string())
            .bind(&action.action)
            .bind(json_text(&action.reasons)?)
            .bind(json_text(&action.shops)?)
            .bind(signed(action.items_max))
            .bind(&action.reason)
            .bind(&action.ticket)
            .bind(json_text(&action.ordered_by)?)
            .bind(<&str>::from(action.via))
            .bind(action.ordered_at.unix_micros())
            .bind(signed(action.expected))
            .bind(action.next_at.unix_micros())
            .execute(&mut *connection)
            .await;
        ordered.map_err(fault::of_statement)?;
        let row = sqlx::query(BULK_ACTION).bind(action.id.to_string()).fetch_one(connection).await;
        self::bulk_action(&row.map_err(fault::of_statement)?)
    }
}

struct ClaimBulkAction(BulkClaim);

#[async_trait]
impl Deed for ClaimBulkAction {
    type Answer = Option<BulkAction>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<BulkAction>, StoreError> {
        let claim = &self.0;
        let claimed = sqlx::query(CLAIM_BULK_ACTION)
            .bind(claim.now.unix_micros())
            .bind(claim.owner.0.to_string())
            .bind(claim.until.unix_micros())
            .fetch_optional(connection)
            .await;
        claimed.map_err(fault::of_statement)?.as_ref().map(self::bulk_action).transpose()
    }
}

struct RecordBulkAction {
    action: BulkAction,
    until: Option<Time>,
}

#[async_trait]
impl Deed for RecordBulkAction {
    type Answer = BulkRecorded;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<BulkRecorded, StoreError> {
        let action = &self.action;
        let (place_at, place_id) = action.place.unzip();
        let recorded = sqlx::query(RECORD_BULK_ACTION)
            .bind(action.id.to_string())
            .bind(signed(action.epoch))
            .bind(<&str>::from(action.state))
            .bind(signed(action.done))
            .bind(signed(action.failed))
            .bind(json_text(&action.troubles)?)
            .bind(place_at.map(Time::unix_micros))
            .bind(place_id.map(|id| id.to_string()))
            .bind(action.finished_at.map(Time::unix_micros))
            .bind(action.next_at.unix_micros())
            .bind(self.until.map(Time::unix_micros))
            .fetch_optional(connection)
            .await;
        let row = recorded.map_err(fault::of_statement)?;
        Ok(BulkRecorded::of(row.as_ref().map(|row| get(row, "is_stopped")).transpose()?))
    }
}

struct StopBulkAction {
    id: Uuid,
    by: Actor,
    now: Time,
}

#[async_trait]
impl Deed for StopBulkAction {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let stopped = sqlx::query(STOP_BULK_ACTION)
            .bind(self.id.to_string())
            .bind(json_text(&self.by)?)
            .bind(self.now.unix_micros())
            .execute(connection)
            .await;
        Ok(stopped.map_err(fault::of_statement)?.rows_affected() == 1)
    }
}

fn bulk_action(row: &SqliteRow) -> Result<BulkAction, StoreError> {
    let id = uuid(row, "bulk_action_id")?;
    let columns = Row(id);
    let stopped_by: Option<&str> = get(row, "stopped_by")?;
    Ok(BulkAction {
        id,
        action: get(row, "action")?,
        reasons: columns.json("reasons", get(row, "reasons")?)?,
        shops: columns.json("shops", get(row, "shops")?)?,
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
        place: some_time(row, "place_at")?.zip(some_uuid(row, "place_id")?),
        stopped_by: stopped_by.map(|text| columns.json("stopped_by", text)).transpose()?,
        begun_at: some_time(row, "begun_at")?,
        finished_at: some_time(row, "finished_at")?,
        next_at: time(row, "next_at")?,
        epoch: columns.unsigned("epoch", get(row, "epoch")?)?,
    })
}
