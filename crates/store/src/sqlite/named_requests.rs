use async_trait::async_trait;
use domain::Time;
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::read_row::{get, uuid};
use super::transaction::{Deed, write};
use super::{SqliteStore, fault};
use crate::named_requests::Held;
use crate::{Claimed, NamedRequests, RequestClaim, StoreError};

pub(super) const CLAIM_REQUEST: &str = "
    insert into named_requests as r (digest, fingerprint, attempt_id, claimed_at, leased_until)
    values (?1, ?2, ?3, ?4, ?5)
    on conflict (digest) do update set attempt_id = ?3, leased_until = ?5
    where r.answer is null and r.leased_until <= ?4 and r.fingerprint = ?2";

pub(super) const HELD_REQUEST: &str = "
    select fingerprint, attempt_id, answer from named_requests where digest = ?1";

pub(super) const KEEP_ANSWER: &str = "
    update named_requests set answer = ?3 where digest = ?1 and attempt_id = ?2 and answer is null";

pub(super) const RELEASE_REQUEST: &str = "
    delete from named_requests where digest = ?1 and attempt_id = ?2 and answer is null";

pub(super) const FORGET_REQUESTS: &str = "delete from named_requests where claimed_at < ?1";

#[async_trait]
impl NamedRequests for SqliteStore {
    async fn claim_request(&self, claim: &RequestClaim) -> Result<Claimed, StoreError> {
        write(&self.writer, ClaimRequest(claim.clone())).await
    }

    async fn keep_answer(&self, digest: &[u8], attempt: Uuid, answer: &[u8]) -> Result<bool, StoreError> {
        write(&self.writer, KeepAnswer { digest: digest.to_vec(), attempt, answer: answer.to_vec() }).await
    }

    async fn release_request(&self, digest: &[u8], attempt: Uuid) -> Result<(), StoreError> {
        write(&self.writer, ReleaseRequest { digest: digest.to_vec(), attempt }).await
    }

    async fn forget_requests(&self, before: Time) -> Result<u64, StoreError> {
        write(&self.writer, ForgetRequests { before }).await
    }
}

struct ClaimRequest(RequestClaim);

#[async_trait]
impl Deed for ClaimRequest {
    type Answer = Claimed;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Claimed, StoreError> {
        let Self(claim) = self;
        let claimed = sqlx::query(CLAIM_REQUEST)
            .bind(claim.digest.as_slice())
            .bind(claim.fingerprint.as_slice())
            .bind(claim.attempt.to_string())
            .bind(claim.now.unix_micros())
            .bind(claim.until.unix_micros())
            .execute(&mut *connection)
            .await
            .map_err(fault::of_statement)?;
        if claimed.rows_affected() > 0 {
            return Ok(Claimed::Ours);
        }
        let held = sqlx::query(HELD_REQUEST).bind(claim.digest.as_slice()).fetch_one(connection).await;
        let row = held.map_err(fault::of_statement)?;
        let (fingerprint, answer) = (get(&row, "fingerprint")?, get(&row, "answer")?);
        Ok(Held { fingerprint, attempt: uuid(&row, "attempt_id")?, answer }.met_by(claim))
    }
}

struct KeepAnswer {
    digest: Vec<u8>,
    attempt: Uuid,
    answer: Vec<u8>,
}

#[async_trait]
impl Deed for KeepAnswer {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let kept = sqlx::query(KEEP_ANSWER)
            .bind(self.digest.as_slice())
            .bind(self.attempt.to_string())
            .bind(self.answer.as_slice())
            .execute(connection)
            .await;
        Ok(kept.map_err(fault::of_statement)?.rows_affected() > 0)
    }
}

struct ReleaseRequest {
    digest: Vec<u8>,
    attempt: Uuid,
}

#[async_trait]
impl Deed for ReleaseRequest {
    type Answer = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let statement = sqlx::query(RELEASE_REQUEST).bind(self.digest.as_slice()).bind(self.attempt.to_string());
        statement.execute(connection).await.map(drop).map_err(fault::of_statement)
    }
}

struct ForgetRequests {
    before: Time,
}

#[async_trait]
impl Deed for ForgetRequests {
    type Answer = u64;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<u64, StoreError> {
        let forgotten = sqlx::query(FORGET_REQUESTS).bind(self.before.unix_micros()).execute(connection).await;
        Ok(forgotten.map_err(fault::of_statement)?.rows_affected())
    }
}
