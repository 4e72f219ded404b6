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
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

pub(super) const KEY_BY_DIGEST: &str =
    concat!("select ", key_columns!(), " from api_keys k where k.digest = ?1 or k.previous_digest = ?1");

pub(super) const ALL_KEYS: &str =
    concat!("select ", key_columns!(), " from api_keys k order by k.created_at, k.key_id");

pub(super) const REVOKE_KEY: &str = "update api_keys set revoked_at = ?2 where key_id = ?1 and revoked_at is null";

pub(super) const ROTATE_KEY: &str = "
    update api_keys set digest = ?3, previous_digest = ?4, previous_until = ?5
    where key_id = ?1 and digest = ?2 and revoked_at is null";

pub(super) const NOTE_USED: &str = "
    update api_keys set used_at = ?2 where key_id = ?1 and (used_at is null or used_at < ?2)";

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

    async fn rotate_key(&self, rotation: &KeyRotation) -> Result<Option<KeyRecord>, StoreError> {
        write(&self.writer, RotateKey(rotation.clone())).await
    }

    async fn note_used(&self, used: &[(Uuid, Time)]) -> Result<(), StoreError> {
        write(&self.writer, NoteUsed(used.to_vec())).await
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
            .bind(key.expires_at.map(Time::unix_micros))
            .bind(words(&key.networks))
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

struct RotateKey(KeyRotation);

#[async_trait]
impl Deed for RotateKey {
    type Answer = Option<KeyRecord>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<KeyRecord>, StoreError> {
        let Self(rotation) = self;
        let rotated = sqlx::query(ROTATE_KEY)
            .bind(rotation.id.to_string())
            .bind(rotation.seen.as_slice())
            .bind(rotation.digest.as_slice())
            .bind(rotation.previous.digest.as_slice())
            .bind(rotation.previous.until.unix_micros())
            .execute(&mut *connection)
            .await;
        if rotated.map_err(fault::of_statement)?.rows_affected() == 0 {
            return Ok(None);
        }
        let row = sqlx::query(KEY_BY_DIGEST).bind(rotation.digest.as_slice()).fetch_one(connection).await;
        key(&row.map_err(fault::of_statement)?).map(Some)
    }
}

struct NoteUsed(Vec<(Uuid, Time)>);

#[async_trait]
impl Deed for NoteUsed {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        for (id, at) in &self.0 {
            let statement = sqlx::query(NOTE_USED).bind(id.to_string()).bind(at.unix_micros());
            statement.execute(&mut *connection).await.map_err(fault::of_statement)?;
        }
        Ok(())
    }
}

/// The key that a row tells of.
pub(super) fn key(row: &SqliteRow) -> Result<KeyRecord, StoreError> {
    let id = uuid(row, "key_id")?;
    let columns = Row(id);
    let previous: Option<Vec<u8>> = get(row, "previous_digest")?;
    let until = some_time(row, "previous_until")?;
    Ok(KeyRecord {
        id,
        name: get(row, "name")?,
        digest: get(row, "digest")?,
        scopes: read_words(row, "scopes", &columns)?,
        shops: read_words(row, "shops", &columns)?,
        created_at: time(row, "created_at")?,
        revoked_at: some_time(row, "revoked_at")?,
        previous: previous.zip(until).map(|(digest, until)| PreviousKey { digest, until }),
        expires_at: some_time(row, "expires_at")?,
        used_at: some_time(row, "used_at")?,
        networks: read_words(row, "networks", &columns)?,
    })
}

/// No scope, no shop name and no network holds a comma.
pub(super) fn words(set: &BTreeSet<impl ToString>) -> String {
    set.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

pub(super) fn read_words<T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Ord>(
    row: &SqliteRow,
    column: &'static str,
    columns: &Row<Uuid>,
) -> Result<BTreeSet<T>, StoreError> {
    let text: String = get(row, column)?;
    text.split(',').filter(|word| !word.is_empty()).map(|word| columns.parse(column, word)).collect()
}
