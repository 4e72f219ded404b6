use async_trait::async_trait;
use domain::Time;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::fault;
use super::keys::{key, key_columns, read_words, words};
use super::read_row::{get, some_uuid};
use super::transaction::{Deed, write};
use crate::columns::Row;
use crate::{Holder, Person, Proof, Session, Sessions, StoreError};

pub(super) const BEGIN_SESSION: &str = "
    insert into console_sessions (digest, key_id, begun_at, expires_at, person_id, person_name, person_scopes, person_shops)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

pub(super) const FORGET_SESSIONS: &str = "delete from console_sessions where expires_at <= ?1";

pub(super) const HOLDER_OF_SESSION: &str = concat!(
    "select s.person_id, s.person_name, s.person_scopes, s.person_shops, ",
    key_columns!(),
    " from console_sessions s left join api_keys k on k.key_id = s.key_id
    where s.digest = ?1 and s.expires_at > ?2
      and (s.person_id is not null
           or (k.key_id is not null and k.revoked_at is null and (k.expires_at is null or k.expires_at > ?2)))"
);

pub(super) const END_SESSION: &str = "delete from console_sessions where digest = ?1";

#[async_trait]
impl Sessions for SqliteStore {
    async fn begin_session(&self, session: &Session) -> Result<(), StoreError> {
        write(&self.writer, BeginSession(session.clone())).await
    }

    async fn holder_of_session(&self, digest: &[u8], now: Time) -> Result<Option<Holder>, StoreError> {
        let statement = sqlx::query(HOLDER_OF_SESSION).bind(digest).bind(now.unix_micros());
        let row = statement.fetch_optional(&self.readers).await.map_err(fault::of_statement)?;
        row.as_ref().map(holder).transpose()
    }

    async fn end_session(&self, digest: &[u8]) -> Result<(), StoreError> {
        write(&self.writer, EndSession(digest.to_vec())).await
    }
}

struct BeginSession(Session);

#[async_trait]
impl Deed for BeginSession {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let Self(session) = self;
        let begun_at = session.begun_at.unix_micros();
        let (key, person) = match &session.proof {
            Proof::Key(key) => (Some(key.to_string()), None),
            Proof::Person(person) => (None, Some(person)),
        };
        let begin = sqlx::query(BEGIN_SESSION)
            .bind(session.digest.as_slice())
            .bind(key)
            .bind(begun_at)
            .bind(session.expires_at.unix_micros())
            .bind(person.map(|person| person.id.to_string()))
            .bind(person.map(|person| person.name.as_str()))
            .bind(person.map(|person| words(&person.scopes)))
            .bind(person.map(|person| words(&person.shops)));
        begin.execute(&mut *connection).await.map_err(fault::of_statement)?;
        let forgotten = sqlx::query(FORGET_SESSIONS).bind(begun_at).execute(connection).await;
        forgotten.map(drop).map_err(fault::of_statement)
    }
}

struct EndSession(Vec<u8>);

#[async_trait]
impl Deed for EndSession {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let ended = sqlx::query(END_SESSION).bind(self.0.as_slice()).execute(connection).await;
        ended.map(drop).map_err(fault::of_statement)
    }
}

fn holder(row: &SqliteRow) -> Result<Holder, StoreError> {
    let Some(id) = some_uuid(row, "person_id")? else {
        return key(row).map(Holder::Key);
    };
    let columns = Row(id);
    Ok(Holder::Person(Person {
        id,
        name: get(row, "person_name")?,
        scopes: read_words(row, "person_scopes", &columns)?,
        shops: read_words(row, "person_shops", &columns)?,
    }))
}
