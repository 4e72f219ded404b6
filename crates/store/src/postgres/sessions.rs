use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::Time;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::keys::{key, key_columns};
use super::statement::Effect;
use super::stored::get;
use crate::columns::Row;
use crate::{Holder, Person, Proof, Session, Sessions, StoreError};

pub(super) const BEGIN_SESSION: &str = "
    insert into console_sessions (digest, key_id, begun_at, expires_at, person_id, person_name, person_scopes, person_shops)
    values ($1::bytea, $2::uuid, $3::timestamptz, $4::timestamptz, $5::uuid, $6::text, $7::text[], $8::text[])";

pub(super) const FORGET_SESSIONS: &str = "delete from console_sessions where expires_at <= $1 returning digest";

pub(super) const HOLDER_OF_SESSION: &str = concat!(
    "select s.person_id, s.person_name, s.person_scopes, s.person_shops, ",
    key_columns!(),
    " from console_sessions s left join api_keys k on k.key_id = s.key_id
    where s.digest = $1 and s.expires_at > $2
      and (s.person_id is not null
           or (k.key_id is not null and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2)))"
);

pub(super) const END_SESSION: &str = "delete from console_sessions where digest = $1 returning digest";

#[async_trait]
impl Sessions for PostgresStore {
    async fn begin_session(&self, session: &Session) -> Result<(), StoreError> {
        let (key, person) = match &session.proof {
            Proof::Key(key) => (Some(*key), None),
            Proof::Person(person) => (None, Some(person)),
        };
        let scopes: Option<Vec<String>> = person.map(|person| person.scopes.iter().map(ToString::to_string).collect());
        let shops: Option<Vec<String>> = person.map(|person| person.shops.iter().map(ToString::to_string).collect());
        let statement = || {
            sqlx::query(BEGIN_SESSION)
                .bind(&session.digest)
                .bind(key)
                .bind(session.begun_at.utc())
                .bind(session.expires_at.utc())
                .bind(person.map(|person| person.id))
                .bind(person.map(|person| person.name.as_str()))
                .bind(&scopes)
                .bind(&shops)
        };
        self.pools.requests.send(Effect::Writes, statement).await?;
        let expired = || sqlx::query(FORGET_SESSIONS).bind(session.begun_at.utc());
        self.pools.requests.send(Effect::Writes, expired).await?;
        Ok(())
    }

    async fn holder_of_session(&self, digest: &[u8], now: Time) -> Result<Option<Holder>, StoreError> {
        let statement = || sqlx::query(HOLDER_OF_SESSION).bind(digest).bind(now.utc());
        let rows = self.pools.requests.send(Effect::Reads, statement).await?;
        rows.first().map(holder).transpose()
    }

    async fn end_session(&self, digest: &[u8]) -> Result<(), StoreError> {
        let statement = || sqlx::query(END_SESSION).bind(digest);
        self.pools.requests.send(Effect::Writes, statement).await?;
        Ok(())
    }
}

fn holder(row: &PgRow) -> Result<Holder, StoreError> {
    let person: Option<Uuid> = get(row, "person_id")?;
    let Some(id) = person else {
        return key(row).map(Holder::Key);
    };
    let columns = Row(id);
    let scopes: Vec<String> = get(row, "person_scopes")?;
    let shops: Vec<String> = get(row, "person_shops")?;
    Ok(Holder::Person(Person {
        id,
        name: get(row, "person_name")?,
        scopes: scopes.iter().map(|scope| columns.parse("person_scopes", scope)).collect::<Result<BTreeSet<_>, _>>()?,
        shops: shops.iter().map(|shop| columns.parse("person_shops", shop)).collect::<Result<BTreeSet<_>, _>>()?,
    }))
}
