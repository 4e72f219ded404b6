use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::Time;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use crate::columns::Row;
use crate::{KeyRecord, Keys, StoreError};

pub(super) const ADD_KEY: &str = "
    insert into api_keys (key_id, name, digest, scopes, shops, created_at, revoked_at)
    values ($1::uuid, $2::text, $3::bytea, $4::text[], $5::text[], $6::timestamptz, $7::timestamptz)";

pub(super) const KEY_BY_DIGEST: &str = "
    select key_id, name, digest, scopes, shops, created_at, revoked_at from api_keys where digest = $1";

pub(super) const ALL_KEYS: &str = "
    select key_id, name, digest, scopes, shops, created_at, revoked_at from api_keys order by created_at, key_id";

pub(super) const REVOKE_KEY: &str = "
    update api_keys set revoked_at = $2 where key_id = $1 and revoked_at is null returning key_id";

#[async_trait]
impl Keys for PostgresStore {
    async fn add_key(&self, key: &KeyRecord) -> Result<(), StoreError> {
        let scopes: Vec<String> = key.scopes.iter().map(ToString::to_string).collect();
        let shops: Vec<String> = key.shops.iter().map(ToString::to_string).collect();
        let statement = || {
            sqlx::query(ADD_KEY)
                .bind(key.id)
                .bind(&key.name)
                .bind(&key.digest)
                .bind(&scopes)
                .bind(&shops)
                .bind(key.created_at.utc())
                .bind(key.revoked_at.map(Time::utc))
        };
        self.pools.requests.send(Effect::Writes, statement).await?;
        Ok(())
    }

    async fn key_by_digest(&self, digest: &[u8]) -> Result<Option<KeyRecord>, StoreError> {
        let statement = || sqlx::query(KEY_BY_DIGEST).bind(digest);
        let rows = self.pools.requests.send(Effect::Reads, statement).await?;
        rows.first().map(key).transpose()
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let rows = self.pools.requests.send(Effect::Reads, || sqlx::query(ALL_KEYS)).await?;
        rows.iter().map(key).collect()
    }

    async fn revoke_key(&self, id: Uuid, at: Time) -> Result<bool, StoreError> {
        let statement = || sqlx::query(REVOKE_KEY).bind(id).bind(at.utc());
        let rows = self.pools.requests.send(Effect::Writes, statement).await?;
        Ok(!rows.is_empty())
    }
}

/// The key that a row tells of.
pub(super) fn key(row: &PgRow) -> Result<KeyRecord, StoreError> {
    let id = get(row, "key_id")?;
    let columns = Row(id);
    let scopes: Vec<String> = get(row, "scopes")?;
    let shops: Vec<String> = get(row, "shops")?;
    Ok(KeyRecord {
        id,
        name: get(row, "name")?,
        digest: get(row, "digest")?,
        scopes: scopes.iter().map(|scope| columns.parse("scopes", scope)).collect::<Result<BTreeSet<_>, _>>()?,
        shops: shops.iter().map(|shop| columns.parse("shops", shop)).collect::<Result<BTreeSet<_>, _>>()?,
        created_at: time(row, "created_at")?,
        revoked_at: time_if_any(row, "revoked_at")?,
    })
}
