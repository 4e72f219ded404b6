use async_trait::async_trait;
use domain::Time;

use super::PostgresStore;
use super::keys::{key, key_columns};
use super::statement::Effect;
use crate::{KeyRecord, Session, Sessions, StoreError};

pub(super) const BEGIN_SESSION: &str = "
    insert into console_sessions (digest, key_id, begun_at, expires_at)
    values ($1::bytea, $2::uuid, $3::timestamptz, $4::timestamptz)";

pub(super) const FORGET_SESSIONS: &str = "delete from console_sessions where expires_at <= $1 returning key_id";

pub(super) const KEY_OF_SESSION: &str = concat!(
    "select ",
    key_columns!(),
    " from console_sessions s join api_keys k on k.key_id = s.key_id
    where s.digest = $1 and s.expires_at > $2 and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > $2)"
);

pub(super) const END_SESSION: &str = "delete from console_sessions where digest = $1 returning key_id";

#[async_trait]
impl Sessions for PostgresStore {
    async fn begin_session(&self, session: &Session) -> Result<(), StoreError> {
        let statement = || {
            sqlx::query(BEGIN_SESSION)
                .bind(&session.digest)
                .bind(session.key)
                .bind(session.begun_at.utc())
                .bind(session.expires_at.utc())
        };
        self.pools.requests.send(Effect::Writes, statement).await?;
        let expired = || sqlx::query(FORGET_SESSIONS).bind(session.begun_at.utc());
        self.pools.requests.send(Effect::Writes, expired).await?;
        Ok(())
    }

    async fn key_of_session(&self, digest: &[u8], now: Time) -> Result<Option<KeyRecord>, StoreError> {
        let statement = || sqlx::query(KEY_OF_SESSION).bind(digest).bind(now.utc());
        let rows = self.pools.requests.send(Effect::Reads, statement).await?;
        rows.first().map(key).transpose()
    }

    async fn end_session(&self, digest: &[u8]) -> Result<(), StoreError> {
        let statement = || sqlx::query(END_SESSION).bind(digest);
        self.pools.requests.send(Effect::Writes, statement).await?;
        Ok(())
    }
}
