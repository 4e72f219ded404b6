//! Who is told of events.

use std::collections::BTreeSet;

use domain::{ShopName, Time};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use crate::columns::{Row, json_text, signed};
use crate::{Endpoint, EndpointClaim, StoreError};

/// What a statement selects of `webhook_endpoints e`, for [`endpoint`].
macro_rules! endpoint_columns {
    () => {
        "e.endpoint_id, e.url, e.description, e.shops, e.event_types, e.payload, e.secrets, e.state, e.reason, \
         e.made_by::text as made_by, e.made_at, e.position, e.failures, e.failing_since, e.last_failure, \
         e.delivered_at, e.next_at, e.epoch"
    };
}

/// Two that are added at the same time may both be the last one: the bound keeps a program that adds them in a loop from harm,
/// and needs no lock.
pub(super) const ADD_ENDPOINT: &str = "
    insert into webhook_endpoints (endpoint_id, url, description, shops, event_types, payload, secrets, state, reason,
                                   made_by, made_at, position, failures, next_at, epoch)
    select $1::uuid, $2::text, $3::text, $4::text[], $5::text[], $6::text, $7::bytea, $8::text, $9::text,
           $10::text::jsonb, $11::timestamptz, $12::bigint, 0, $13::timestamptz, 0
    where (select count(*) from webhook_endpoints) < $14
    returning endpoint_id";

pub(super) const ENDPOINT: &str =
    concat!("select ", endpoint_columns!(), " from webhook_endpoints e where e.endpoint_id = $1");

pub(super) const ENDPOINTS: &str =
    concat!("select ", endpoint_columns!(), " from webhook_endpoints e order by e.made_at, e.endpoint_id");

pub(super) const CHANGE_ENDPOINT: &str = "
    update webhook_endpoints
    set url = $3, description = $4, event_types = $5, payload = $6, secrets = $7, state = $8, reason = $9, position = $10,
        failures = $11, failing_since = $12, next_at = $13, epoch = epoch + 1
    where endpoint_id = $1 and epoch = $2
    returning endpoint_id";

pub(super) const REMOVE_ENDPOINT: &str = "
    with gone as (delete from webhook_endpoints where endpoint_id = $1 returning endpoint_id),
    waited as (delete from webhook_deliveries where endpoint_id in (select endpoint_id from gone) returning 1)
    select endpoint_id from gone";

/// Whoever else claims at the same time takes the one behind it.
pub(super) const CLAIM_ENDPOINT: &str = concat!(
    "update webhook_endpoints e
    set lease_owner = $2, leased_until = $3, epoch = e.epoch + 1
    where e.endpoint_id = (
        select w.endpoint_id from webhook_endpoints w
        where w.state = 'enabled' and w.next_at <= $1 and (w.leased_until is null or w.leased_until <= $1)
          and (w.position < (select last_position from event_feed where id = 1)
               or exists (select from webhook_deliveries d where d.endpoint_id = w.endpoint_id and d.next_at <= $1))
        order by w.next_at, w.endpoint_id limit 1 for update skip locked)
    returning ",
    endpoint_columns!()
);

impl PostgresStore {
    pub(super) async fn insert_endpoint(&self, endpoint: &Endpoint, most: u32) -> Result<bool, StoreError> {
        let shops: Vec<String> = endpoint.shops.iter().map(ToString::to_string).collect();
        let event_types: Vec<&str> = endpoint.event_types.iter().map(String::as_str).collect();
        let made_by = endpoint.made_by.as_ref().map(json_text).transpose()?;
        let statement = || {
            sqlx::query(ADD_ENDPOINT)
                .bind(endpoint.id)
                .bind(&endpoint.url)
                .bind(&endpoint.description)
                .bind(&shops)
                .bind(&event_types)
                .bind(endpoint.payload.to_string())
                .bind(&endpoint.secrets)
                .bind(endpoint.state.to_string())
                .bind(&endpoint.reason)
                .bind(&made_by)
                .bind(endpoint.made_at.utc())
                .bind(signed(endpoint.position))
                .bind(endpoint.next_at.utc())
                .bind(i64::from(most))
        };
        Ok(!self.pools.requests.send(Effect::Writes, statement).await?.is_empty())
    }

    pub(super) async fn read_endpoint(&self, id: Uuid) -> Result<Option<Endpoint>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(ENDPOINT).bind(id)).await?;
        rows.first().map(endpoint).transpose()
    }

    pub(super) async fn read_endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(ENDPOINTS)).await?;
        rows.iter().map(endpoint).collect()
    }

    pub(super) async fn update_endpoint(&self, endpoint: &Endpoint) -> Result<bool, StoreError> {
        let event_types: Vec<&str> = endpoint.event_types.iter().map(String::as_str).collect();
        let statement = || {
            sqlx::query(CHANGE_ENDPOINT)
                .bind(endpoint.id)
                .bind(signed(endpoint.epoch))
                .bind(&endpoint.url)
                .bind(&endpoint.description)
                .bind(&event_types)
                .bind(endpoint.payload.to_string())
                .bind(&endpoint.secrets)
                .bind(endpoint.state.to_string())
                .bind(&endpoint.reason)
                .bind(signed(endpoint.position))
                .bind(i64::from(endpoint.failures))
                .bind(endpoint.failing_since.map(Time::utc))
                .bind(endpoint.next_at.utc())
        };
        Ok(!self.pools.requests.send(Effect::Writes, statement).await?.is_empty())
    }

    pub(super) async fn delete_endpoint(&self, id: Uuid) -> Result<bool, StoreError> {
        let rows = self.pools.requests.send(Effect::Writes, || sqlx::query(REMOVE_ENDPOINT).bind(id)).await?;
        Ok(!rows.is_empty())
    }

    pub(super) async fn lease_endpoint(&self, claim: &EndpointClaim) -> Result<Option<Endpoint>, StoreError> {
        let statement =
            || sqlx::query(CLAIM_ENDPOINT).bind(claim.now.utc()).bind(claim.owner.0).bind(claim.until.utc());
        let rows = self.pools.workers.send(Effect::Writes, statement).await?;
        rows.first().map(endpoint).transpose()
    }
}

fn endpoint(row: &PgRow) -> Result<Endpoint, StoreError> {
    let id: Uuid = get(row, "endpoint_id")?;
    let columns = Row(id);
    let made_by: Option<String> = get(row, "made_by")?;
    let shops: Vec<String> = get(row, "shops")?;
    let event_types: Vec<String> = get(row, "event_types")?;
    Ok(Endpoint {
        id,
        url: get(row, "url")?,
        description: get(row, "description")?,
        shops: shops.iter().map(|shop| columns.parse("shops", shop)).collect::<Result<BTreeSet<ShopName>, _>>()?,
        event_types: event_types.into_iter().collect(),
        payload: columns.parse("payload", get(row, "payload")?)?,
        secrets: get(row, "secrets")?,
        state: columns.parse("state", get(row, "state")?)?,
        reason: get(row, "reason")?,
        made_by: made_by.map(|text| columns.json("made_by", &text)).transpose()?,
        made_at: time(row, "made_at")?,
        position: columns.unsigned("position", get(row, "position")?)?,
        failures: columns.unsigned("failures", get(row, "failures")?)?,
        failing_since: time_if_any(row, "failing_since")?,
        last_failure: get(row, "last_failure")?,
        delivered_at: time_if_any(row, "delivered_at")?,
        next_at: time(row, "next_at")?,
        epoch: columns.unsigned("epoch", get(row, "epoch")?)?,
    })
}
