//! Who is told of events.

use async_trait::async_trait;
use domain::Time;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::read_row::{get, some_time, time, uuid};
use super::transaction::Deed;
use super::{SqliteStore, fault};
use crate::columns::{Row, json_text, signed};
use crate::{Endpoint, EndpointClaim, StoreError};

/// What a statement selects of `webhook_endpoints`, for [`endpoint`].
macro_rules! endpoint_columns {
    () => {
        "endpoint_id, url, description, shops, event_types, payload, secrets, state, reason, made_by, made_at, position, \
         failures, failing_since, last_failure, delivered_at, next_at, epoch"
    };
}

pub(super) const ADD_ENDPOINT: &str = "
    insert into webhook_endpoints (endpoint_id, url, description, shops, event_types, payload, secrets, state, reason,
                                   made_by, made_at, position, failures, next_at, epoch)
    select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, ?13, 0
    where (select count(*) from webhook_endpoints) < ?14";

pub(super) const ENDPOINT: &str =
    concat!("select ", endpoint_columns!(), " from webhook_endpoints where endpoint_id = ?1");

pub(super) const ENDPOINTS: &str =
    concat!("select ", endpoint_columns!(), " from webhook_endpoints order by made_at, endpoint_id");

pub(super) const CHANGE_ENDPOINT: &str = "
    update webhook_endpoints
    set url = ?3, description = ?4, event_types = ?5, payload = ?6, secrets = ?7, state = ?8, reason = ?9, position = ?10,
        failures = ?11, failing_since = ?12, next_at = ?13, epoch = epoch + 1
    where endpoint_id = ?1 and epoch = ?2";

pub(super) const REMOVE_ENDPOINT: &str = "delete from webhook_endpoints where endpoint_id = ?1";

pub(super) const REMOVE_DELIVERIES: &str = "delete from webhook_deliveries where endpoint_id = ?1";

/// Which endpoint something is to be sent to.
macro_rules! next_endpoint {
    () => {
        "select w.endpoint_id from webhook_endpoints w
        where w.state = 'enabled' and w.next_at <= ?1 and (w.leased_until is null or w.leased_until <= ?1)
          and (w.position < (select last_position from event_feed where id = 1)
               or exists (select 1 from webhook_deliveries d where d.endpoint_id = w.endpoint_id and d.next_at <= ?1))
        order by w.next_at, w.endpoint_id limit 1"
    };
}

pub(super) const ENDPOINT_WAITS: &str = concat!("select exists (", next_endpoint!(), ")");

pub(super) const CLAIM_ENDPOINT: &str = concat!(
    "update webhook_endpoints set lease_owner = ?2, leased_until = ?3, epoch = epoch + 1
    where endpoint_id = (",
    next_endpoint!(),
    ") returning ",
    endpoint_columns!()
);

impl SqliteStore {
    pub(super) async fn read_endpoint(&self, id: Uuid) -> Result<Option<Endpoint>, StoreError> {
        let row = sqlx::query(ENDPOINT).bind(id.to_string()).fetch_optional(&self.readers).await;
        row.map_err(fault::of_statement)?.as_ref().map(endpoint).transpose()
    }

    pub(super) async fn read_endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        let rows = sqlx::query(ENDPOINTS).fetch_all(&self.readers).await.map_err(fault::of_statement)?;
        rows.iter().map(endpoint).collect()
    }

    pub(super) async fn endpoint_waits(&self, now: Time) -> Result<bool, StoreError> {
        let waits = sqlx::query_scalar(ENDPOINT_WAITS).bind(now.unix_micros()).fetch_one(&self.readers).await;
        waits.map_err(fault::of_statement)
    }
}

pub(super) struct AddEndpoint {
    pub(super) endpoint: Endpoint,
    pub(super) most: u32,
}

#[async_trait]
impl Deed for AddEndpoint {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let endpoint = &self.endpoint;
        let added = sqlx::query(ADD_ENDPOINT)
            .bind(endpoint.id.to_string())
            .bind(&endpoint.url)
            .bind(&endpoint.description)
            .bind(json_text(&endpoint.shops)?)
            .bind(json_text(&endpoint.event_types)?)
            .bind(endpoint.payload.to_string())
            .bind(&endpoint.secrets)
            .bind(endpoint.state.to_string())
            .bind(&endpoint.reason)
            .bind(endpoint.made_by.as_ref().map(json_text).transpose()?)
            .bind(endpoint.made_at.unix_micros())
            .bind(signed(endpoint.position))
            .bind(endpoint.next_at.unix_micros())
            .bind(self.most)
            .execute(connection)
            .await;
        Ok(added.map_err(fault::of_statement)?.rows_affected() == 1)
    }
}

pub(super) struct ChangeEndpoint(pub(super) Endpoint);

#[async_trait]
impl Deed for ChangeEndpoint {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let endpoint = &self.0;
        let changed = sqlx::query(CHANGE_ENDPOINT)
            .bind(endpoint.id.to_string())
            .bind(signed(endpoint.epoch))
            .bind(&endpoint.url)
            .bind(&endpoint.description)
            .bind(json_text(&endpoint.event_types)?)
            .bind(endpoint.payload.to_string())
            .bind(&endpoint.secrets)
            .bind(endpoint.state.to_string())
            .bind(&endpoint.reason)
            .bind(signed(endpoint.position))
            .bind(endpoint.failures)
            .bind(endpoint.failing_since.map(Time::unix_micros))
            .bind(endpoint.next_at.unix_micros())
            .execute(connection)
            .await;
        Ok(changed.map_err(fault::of_statement)?.rows_affected() == 1)
    }
}

pub(super) struct RemoveEndpoint(pub(super) Uuid);

#[async_trait]
impl Deed for RemoveEndpoint {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let id = self.0.to_string();
        let waited = sqlx::query(REMOVE_DELIVERIES).bind(&id).execute(&mut *connection).await;
        waited.map_err(fault::of_statement)?;
        let gone = sqlx::query(REMOVE_ENDPOINT).bind(&id).execute(connection).await;
        Ok(gone.map_err(fault::of_statement)?.rows_affected() == 1)
    }
}

pub(super) struct ClaimEndpoint(pub(super) EndpointClaim);

#[async_trait]
impl Deed for ClaimEndpoint {
    type Answer = Option<Endpoint>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<Endpoint>, StoreError> {
        let claim = &self.0;
        let claimed = sqlx::query(CLAIM_ENDPOINT)
            .bind(claim.now.unix_micros())
            .bind(claim.owner.0.to_string())
            .bind(claim.until.unix_micros())
            .fetch_optional(connection)
            .await;
        claimed.map_err(fault::of_statement)?.as_ref().map(endpoint).transpose()
    }
}

fn endpoint(row: &SqliteRow) -> Result<Endpoint, StoreError> {
    let id = uuid(row, "endpoint_id")?;
    let columns = Row(id);
    let made_by: Option<String> = get(row, "made_by")?;
    Ok(Endpoint {
        id,
        url: get(row, "url")?,
        description: get(row, "description")?,
        shops: columns.json("shops", get(row, "shops")?)?,
        event_types: columns.json("event_types", get(row, "event_types")?)?,
        payload: columns.parse("payload", get(row, "payload")?)?,
        secrets: get(row, "secrets")?,
        state: columns.parse("state", get(row, "state")?)?,
        reason: get(row, "reason")?,
        made_by: made_by.map(|text| columns.json("made_by", &text)).transpose()?,
        made_at: time(row, "made_at")?,
        position: columns.unsigned("position", get(row, "position")?)?,
        failures: columns.unsigned("failures", get(row, "failures")?)?,
        failing_since: some_time(row, "failing_since")?,
        last_failure: get(row, "last_failure")?,
        delivered_at: some_time(row, "delivered_at")?,
        next_at: time(row, "next_at")?,
        epoch: columns.unsigned("epoch", get(row, "epoch")?)?,
    })
}
