use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::Time;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use crate::columns::Row;
use crate::{KeyRecord, KeyRotation, Keys, PreviousKey, StoreError};

/// What a statement selects of `api_keys k`, for [`key`].
macro_rules! key_columns {
    () => {
        "k.key_id, k.name, k.digest, k.scopes, k.shops, k.created_at, k.revoked_at, k.previous_digest, \
         k.previous_until, k.expires_at, k.used_at, k.networks"
    };
}
pub(super) use key_columns;

pub(super) const ADD_KEY: &str = "
    insert into api_keys (key_id, name, digest, scopes, shops, created_at, revoked_at, expires_at, networks)
    values ($1::uuid, $2::text, $3::bytea, $4::text[], $5::text[], $6::timestamptz, $7::timestamptz,
            $8::timestamptz, $9::text[])";

pub(super) const KEY_BY_DIGEST: &str =
    concat!("select ", key_columns!(), " from api_keys k where k.digest = $1 or k.previous_digest = $1");

pub(super) const ALL_KEYS: &str =
    concat!("select ", key_columns!(), " from api_keys k order by k.created_at, k.key_id");

pub(super) const REVOKE_KEY: &str = "
    update api_keys set revoked_at = $2 where key_id = $1 and revoked_at is null returning key_id";

pub(super) const ROTATE_KEY: &str = concat!(
    "update api_keys k set digest = $3, previous_digest = $4, previous_until = $5
    where k.key_id = $1 and k.digest = $2 and k.revoked_at is null
    returning ",
    key_columns!()
);

pub(super) const NOTE_USED: &str = "
    update api_keys k set used_at = u.at
    from unnest($1::uuid[], $2::timestamptz[]) as u (key_id, at)
    where k.key_id = u.key_id and (k.used_at is null or k.used_at < u.at)
    returning k.key_id";

#[async_trait]
impl Keys for PostgresStore {
    async fn add_key(&self, key: &KeyRecord) -> Result<(), StoreError> {
        let scopes: Vec<String> = key.scopes.iter().map(ToString::to_string).collect();
        let shops: Vec<String> = key.shops.iter().map(ToString::to_string).collect();
        let networks: Vec<String> = key.networks.iter().map(ToString::to_string).collect();
        let statement = || {
            sqlx::query(ADD_KEY)
                .bind(key.id)
                .bind(&key.name)
                .bind(&key.digest)
                .bind(&scopes)
                .bind(&shops)
                .bind(key.created_at.utc())
                .bind(key.revoked_at.map(Time::utc))
                .bind(key.expires_at.map(Time::utc))
                .bind(&networks)
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

    async fn rotate_key(&self, rotation: &KeyRotation) -> Result<Option<KeyRecord>, StoreError> {
        let statement = || {
            sqlx::query(ROTATE_KEY)
                .bind(rotation.id)
                .bind(&rotation.seen)
                .bind(&rotation.digest)
                .bind(&rotation.previous.digest)
                .bind(rotation.previous.until.utc())
        };
        let rows = self.pools.requests.send(Effect::Writes, statement).await?;
        rows.first().map(key).transpose()
    }

    async fn note_used(&self, used: &[(Uuid, Time)]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = used.iter().map(|(id, _)| *id).collect();
        let times: Vec<_> = used.iter().map(|(_, at)| at.utc()).collect();
        let statement = || sqlx::query(NOTE_USED).bind(&ids).bind(&times);
        self.pools.workers.send(Effect::Writes, statement).await?;
        Ok(())
    }
}

/// The key that a row tells of.
pub(super) fn key(row: &PgRow) -> Result<KeyRecord, StoreError> {
    let id = get(row, "key_id")?;
    let columns = Row(id);
    let scopes: Vec<String> = get(row, "scopes")?;
    let shops: Vec<String> = get(row, "shops")?;
    let networks: Vec<String> = get(row, "networks")?;
    let previous: Option<Vec<u8>> = get(row, "previous_digest")?;
    let until = time_if_any(row, "previous_until")?;
    Ok(KeyRecord {
        id,
        name: get(row, "name")?,
        digest: get(row, "digest")?,
        scopes: scopes.iter().map(|scope| columns.parse("scopes", scope)).collect::<Result<BTreeSet<_>, _>>()?,
        shops: shops.iter().map(|shop| columns.parse("shops", shop)).collect::<Result<BTreeSet<_>, _>>()?,
        created_at: time(row, "created_at")?,
        revoked_at: time_if_any(row, "revoked_at")?,
        previous: previous.zip(until).map(|(digest, until)| PreviousKey { digest, until }),
        expires_at: time_if_any(row, "expires_at")?,
        used_at: time_if_any(row, "used_at")?,
        networks: networks.iter().map(|net| columns.parse("networks", net)).collect::<Result<BTreeSet<_>, _>>()?,
    })
}
