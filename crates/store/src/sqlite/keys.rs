use std::collections::BTreeSet;
use std::str::FromStr;

use async_trait::async_trait;
use domain::Time;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::SqliteStore;
use super::fault;
use super::read_row::{get, some_time, time, uuid};
use super::transaction::{Deed, write};
use crate::columns::Row;
use crate::{KeyRecord, Keys, StoreError};

pub(super) const ADD_KEY: &str = "
    insert into api_keys (key_id, name, digest, scopes, shops, created_at, revoked_at)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

pub(super) const KEY_BY_DIGEST: &str = "
    select key_id, name, digest, scopes, shops, created_at, revoked_at from api_keys where digest = ?1";

pub(super) const ALL_KEYS: &str = "
    select key_id, name, digest, scopes, shops, created_at, revoked_at from api_keys order by created_at, key_id";

pub(super) const REVOKE_KEY: &str = "update api_keys set revoked_at = ?2 where key_id = ?1 and revoked_at is null";

#[async_trait]
impl Keys for SqliteStore {
    async fn add_key(&self, key: &KeyRecord) -> Result<(), StoreError> {
        write(&self.writer, AddKey(key.clone())).await
    }

    async fn key_by_digest(&self, digest: &[u8]) -> Result<Option<KeyRecord>, StoreError> {
        let row = sqlx::query(KEY_BY_DIGEST).bind(digest).fetch_optional(&self.readers).await;
        row.map_err(fault::of_statement)?.as_ref().map(key).transpose()
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let rows = sqlx::query(ALL_KEYS).fetch_all(&self.readers).await.map_err(fault::of_statement)?;
        rows.iter().map(key).collect()
    }

    async fn revoke_key(&self, id: Uuid, at: Time) -> Result<bool, StoreError> {
        write(&self.writer, RevokeKey { id, at }).await
    }
}

struct AddKey(KeyRecord);

#[async_trait]
impl Deed for AddKey {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let Self(key) = self;
        let inserted = sqlx::query(ADD_KEY)
            .bind(key.id.to_string())
            .bind(key.name.as_str())
            .bind(key.digest.as_slice())
            .bind(words(&key.scopes))
            .bind(words(&key.shops))
            .bind(key.created_at.unix_micros())
            .bind(key.revoked_at.map(Time::unix_micros))
            .execute(connection)
            .await;
        inserted.map(drop).map_err(fault::of_statement)
    }
}

struct RevokeKey {
    id: Uuid,
    at: Time,
}

#[async_trait]
impl Deed for RevokeKey {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let statement = sqlx::query(REVOKE_KEY).bind(self.id.to_string()).bind(self.at.unix_micros());
        let revoked = statement.execute(connection).await.map_err(fault::of_statement)?;
        Ok(revoked.rows_affected() > 0)
    }
}

/// The key that a row tells of.
pub(super) fn key(row: &SqliteRow) -> Result<KeyRecord, StoreError> {
    let id = uuid(row, "key_id")?;
    let columns = Row(id);
    Ok(KeyRecord {
        id,
        name: get(row, "name")?,
        digest: get(row, "digest")?,
        scopes: read_words(row, "scopes", &columns)?,
        shops: read_words(row, "shops", &columns)?,
        created_at: time(row, "created_at")?,
        revoked_at: some_time(row, "revoked_at")?,
    })
}

/// No scope and no shop name holds a comma.
fn words(set: &BTreeSet<impl ToString>) -> String {
    set.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn read_words<T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Ord>(
    row: &SqliteRow,
    column: &'static str,
    columns: &Row<Uuid>,
) -> Result<BTreeSet<T>, StoreError> {
    let text: String = get(row, column)?;
    text.split(',').filter(|word| !word.is_empty()).map(|word| columns.parse(column, word)).collect()
}
