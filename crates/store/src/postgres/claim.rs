use domain::{PaymentId, Time};

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, read, stored_columns, time};
use crate::columns::Row;
use crate::{Claim, DueNotice, StoreError, Stored};

/// Leases due payments. Only rows of `payment_checks` are locked, and none is waited for, so that claims never meet the
/// commits' locks the wrong way round.
pub(super) const CLAIM_DUE: &str = concat!(
    "with due as materialized (
        select payment_id from payment_checks
        where next_check_at <= $1 and (leased_until is null or leased_until <= $1)
        order by next_check_at, payment_id
        limit $4
        for no key update skip locked
    ),
    leased as (
        update payment_checks
        set lease_owner = $2, leased_until = $3, epoch = epoch + 1
        where payment_id = any (array(select payment_id from due))
        returning *
    )
    select ",
    stored_columns!(),
    " from leased c join payments p on p.payment_id = c.payment_id
    where p.payment_id = any (array(select payment_id from due))
    order by c.next_check_at, c.payment_id"
);

/// Leases notices that nobody has filed and nobody is on.
pub(super) const CLAIM_NOTICES: &str = "
    with due as materialized (
        select notice_id from webhook_notices
        where verdict is null and received_at <= $1 and leased_until <= $1
        order by received_at, notice_id
        limit $4
        for no key update skip locked
    ),
    leased as (
        update webhook_notices
        set lease_owner = $2, leased_until = $3, attempts = attempts + 1
        where notice_id = any (array(select notice_id from due))
        returning notice_id, shop, received_at, body, attempts - 1 as attempts_before
    )
    select * from leased order by received_at, notice_id";

/// A kept request.
pub(super) const KEPT_REQUEST: &str = "select body from kept_requests where payment_id = $1";

/// Forgets old requests, no more than a bounded number at once.
pub(super) const FORGET_KEPT_REQUESTS: &str = "
    with old as materialized (
        select payment_id from kept_requests where kept_at < $1 order by kept_at limit $2
        for update skip locked
    ),
    forgotten as (
        delete from kept_requests where payment_id = any (array(select payment_id from old)) returning payment_id
    )
    select count(*) as forgotten from forgotten";

/// What one statement forgets in well under its time limit.
const FORGOTTEN_AT_ONCE: i64 = 5_000;

impl PostgresStore {
    pub(super) async fn claim_due_payments(&self, claim: &Claim) -> Result<Vec<Stored>, StoreError> {
        let statement = || {
            sqlx::query(CLAIM_DUE)
                .bind(claim.now.utc())
                .bind(claim.owner.0)
                .bind(claim.until.utc())
                .bind(i64::from(claim.limit))
        };
        let rows = self.pools.workers.send(Effect::Writes, statement).await?;
        rows.iter().map(read).collect()
    }

    pub(super) async fn claim_due_notices(&self, claim: &Claim) -> Result<Vec<DueNotice>, StoreError> {
        let statement = || {
            sqlx::query(CLAIM_NOTICES)
                .bind(claim.now.utc())
                .bind(claim.owner.0)
                .bind(claim.until.utc())
                .bind(i64::from(claim.limit))
        };
        let rows = self.pools.workers.send(Effect::Writes, statement).await?;
        let notice = |row| {
            let id = get(row, "notice_id")?;
            let columns = Row(id);
            Ok(DueNotice {
                id,
                shop: columns.parse("shop", get(row, "shop")?)?,
                received_at: time(row, "received_at")?,
                body: get(row, "body")?,
                attempts: columns.unsigned("attempts", get(row, "attempts_before")?)?,
            })
        };
        rows.iter().map(notice).collect()
    }

    pub(super) async fn read_kept_request(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError> {
        let statement = || sqlx::query(KEPT_REQUEST).bind(payment.uuid());
        let rows = self.pools.requests.send(Effect::Reads, statement).await?;
        rows.first().map(|row| get(row, "body")).transpose()
    }

    pub(super) async fn forget_requests_kept(&self, before: Time) -> Result<u64, StoreError> {
        let statement = || sqlx::query(FORGET_KEPT_REQUESTS).bind(before.utc()).bind(FORGOTTEN_AT_ONCE);
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
