use async_trait::async_trait;
use domain::Time;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::get;
use crate::named_requests::Held;
use crate::{Claimed, NamedRequests, RequestClaim, StoreError};

pub(super) const CLAIM_REQUEST: &str = "
    insert into named_requests as r (digest, fingerprint, attempt_id, claimed_at, leased_until)
    values ($1::bytea, $2::bytea, $3::uuid, $4::timestamptz, $5::timestamptz)
    on conflict (digest) do update set attempt_id = $3, leased_until = $5
    where r.answer is null and r.leased_until <= $4 and r.fingerprint = $2
    returning r.digest";

pub(super) const HELD_REQUEST: &str = "
    select fingerprint, attempt_id, answer from named_requests where digest = $1";

pub(super) const KEEP_ANSWER: &str = "
    update named_requests set answer = $3 where digest = $1 and attempt_id = $2 and answer is null returning digest";

pub(super) const RELEASE_REQUEST: &str = "
    delete from named_requests where digest = $1 and attempt_id = $2 and answer is null returning digest";

pub(super) const FORGET_REQUESTS: &str = "
    with old as materialized (
        select digest from named_requests where claimed_at < $1 order by claimed_at limit $2
        for update skip locked
    ),
    forgotten as (
        delete from named_requests where digest = any (array(select digest from old)) returning digest
    )
    select count(*) as forgotten from forgotten";

/// What one statement forgets in well under its time limit.
const FORGOTTEN_AT_ONCE: i64 = 5_000;

#[async_trait]
impl NamedRequests for PostgresStore {
    async fn claim_request(&self, claim: &RequestClaim) -> Result<Claimed, StoreError> {
        let statement = || {
            sqlx::query(CLAIM_REQUEST)
                .bind(&claim.digest)
                .bind(&claim.fingerprint)
                .bind(claim.attempt)
                .bind(claim.now.utc())
                .bind(claim.until.utc())
        };
        if !self.pools.requests.send(Effect::Writes, statement).await?.is_empty() {
            return Ok(Claimed::Ours);
        }
        let held = || sqlx::query(HELD_REQUEST).bind(&claim.digest);
        let rows = self.pools.requests.send(Effect::Reads, held).await?;
        // It was given up between the two: whoever asks again has it.
        let Some(row) = rows.first() else { return Ok(Claimed::InFlight) };
        let (fingerprint, answer) = (get(row, "fingerprint")?, get(row, "answer")?);
        Ok(Held { fingerprint, attempt: get(row, "attempt_id")?, answer }.met_by(claim))
    }

    async fn keep_answer(&self, digest: &[u8], attempt: Uuid, answer: &[u8]) -> Result<bool, StoreError> {
        let statement = || sqlx::query(KEEP_ANSWER).bind(digest).bind(attempt).bind(answer);
        Ok(!self.pools.requests.send(Effect::Writes, statement).await?.is_empty())
    }

    async fn release_request(&self, digest: &[u8], attempt: Uuid) -> Result<(), StoreError> {
        let statement = || sqlx::query(RELEASE_REQUEST).bind(digest).bind(attempt);
        self.pools.requests.send(Effect::Writes, statement).await?;
        Ok(())
    }

    async fn forget_requests(&self, before: Time) -> Result<u64, StoreError> {
        let statement = || sqlx::query(FORGET_REQUESTS).bind(before.utc()).bind(FORGOTTEN_AT_ONCE);
        let mut forgotten = 0;
        loop {
            let rows = self.pools.workers.send(Effect::Writes, statement).await?;
            let at_once: i64 = rows.first().map_or(Ok(0), |row| get(row, "forgotten"))?;
            forgotten += at_once.unsigned_abs();
            if at_once < FORGOTTEN_AT_ONCE {
                return Ok(forgotten);
            }
        }
    }
}
