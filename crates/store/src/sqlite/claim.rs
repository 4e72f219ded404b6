use async_trait::async_trait;
use domain::Time;
use sqlx::SqliteConnection;

use super::fault;
use super::read_row::{get, stored, stored_columns, time, uuid};
use super::transaction::Deed;
use crate::columns::Row;
use crate::{Claim, DueNotice, StoreError, Stored};

pub(super) const CLAIM_DUE: &str = "
    update payment_checks set epoch = epoch + 1, lease_owner = ?2, leased_until = ?3
    where payment_id in (
        select payment_id from payment_checks
        where next_check_at <= ?1 and (leased_until is null or leased_until <= ?1)
        order by next_check_at, payment_id
        limit ?4)
    returning payment_id";

/// What was just claimed, the most overdue first.
pub(super) const CLAIMED: &str = concat!(
    "select ",
    stored_columns!(),
    " from json_each(?1) n
    cross join payment_checks c on c.payment_id = n.value
    cross join payments p on p.payment_id = n.value
    order by c.next_check_at, c.payment_id"
);

pub(super) const CLAIM_NOTICES: &str = "
    update webhook_notices set attempts = attempts + 1, lease_owner = ?2, leased_until = ?3
    where notice_id in (
        select notice_id from webhook_notices
        where verdict is null and received_at <= ?1 and leased_until <= ?1
        order by received_at, notice_id
        limit ?4)
    returning notice_id, shop, received_at, body, attempts - 1 as attempts";

pub(super) const FORGET_KEPT_REQUESTS: &str = "delete from kept_requests where kept_at < ?1";

/// Leases payments whose next check is due.
pub(super) struct ClaimDue(pub(super) Claim);

#[async_trait]
impl Deed for ClaimDue {
    type Answer = Vec<Stored>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Vec<Stored>, StoreError> {
        let rows = bound(CLAIM_DUE, &self.0).fetch_all(&mut *connection).await.map_err(fault::of_statement)?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let claimed: Vec<String> = rows.iter().map(|row| get(row, "payment_id")).collect::<Result<_, _>>()?;
        let claimed = serde_json::Value::from(claimed).to_string();
        let rows = sqlx::query(CLAIMED).bind(claimed).fetch_all(connection).await.map_err(fault::of_statement)?;
        rows.iter().map(stored).collect()
    }
}

/// Leases notices that nobody filed.
pub(super) struct ClaimNotices(pub(super) Claim);

#[async_trait]
impl Deed for ClaimNotices {
    type Answer = Vec<DueNotice>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Vec<DueNotice>, StoreError> {
        let rows = bound(CLAIM_NOTICES, &self.0).fetch_all(connection).await.map_err(fault::of_statement)?;
        let mut due = Vec::with_capacity(rows.len());
        for row in &rows {
            let id = uuid(row, "notice_id")?;
            due.push(DueNotice {
                id,
                shop: Row(id).parse("shop", get(row, "shop")?)?,
                received_at: time(row, "received_at")?,
                body: get(row, "body")?,
                attempts: Row(id).unsigned("attempts", get(row, "attempts")?)?,
            });
        }
        // What an update returns comes in no order.
        due.sort_unstable_by_key(|notice| (notice.received_at, notice.id));
        Ok(due)
    }
}

/// Forgets requests that were kept since before a time.
pub(super) struct ForgetKeptRequests {
    pub(super) before: Time,
}

#[async_trait]
impl Deed for ForgetKeptRequests {
    type Answer = u64;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<u64, StoreError> {
        let forgotten = sqlx::query(FORGET_KEPT_REQUESTS).bind(self.before.unix_micros()).execute(connection).await;
        Ok(forgotten.map_err(fault::of_statement)?.rows_affected())
    }
}

fn bound(
    statement: &'static str,
    claim: &Claim,
) -> sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments> {
    sqlx::query(statement)
        .bind(claim.now.unix_micros())
        .bind(claim.owner.0.to_string())
        .bind(claim.until.unix_micros())
        .bind(claim.limit)
}
