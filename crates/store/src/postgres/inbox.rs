use async_trait::async_trait;
use domain::{PaymentId, Time};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use crate::columns::Row;
use crate::{DueNotice, FiledNotice, Inbox, InboxPage, NoticeId, NoticeRecord, StoreError};

/// By the names that they were given at receipt, which are in the order of their coming.
pub(super) const LIST_NOTICES: &str = "
    select notice_id, shop, received_at, deliveries, gateway_payment_id, state, verdict, payment_id, filed_at, reruns,
           rerun_by
    from webhook_notices
    where ($1::uuid is null or notice_id = $1)
      and ($2::text[] = '{}' or shop = any ($2))
      and ($3::text is null or coalesce(verdict, 'waiting') = $3)
      and ($4::uuid is null or payment_id = $4)
      and ($5::text is null or gateway_payment_id = $5)
      and ($6::timestamptz is null or received_at >= $6)
      and ($7::timestamptz is null or received_at < $7)
      and ($8::uuid is null or notice_id < $8)
    order by notice_id desc
    limit $9";

pub(super) const REOPEN_NOTICE: &str = "
    update webhook_notices
    set verdict = null, payment_id = null, filed_at = null, leased_until = $3, reruns = reruns + 1, rerun_by = $2
    where notice_id = $1
    returning notice_id, shop, received_at, body, attempts";

#[async_trait]
impl Inbox for PostgresStore {
    async fn list_notices(&self, page: &InboxPage) -> Result<Vec<FiledNotice>, StoreError> {
        let shops: Vec<String> = page.shops.iter().map(ToString::to_string).collect();
        let statement = || {
            sqlx::query(LIST_NOTICES)
                .bind(page.id)
                .bind(&shops)
                .bind(page.verdict.as_deref())
                .bind(page.payment.map(PaymentId::uuid))
                .bind(page.gateway_payment_id.as_ref().map(ToString::to_string))
                .bind(page.received_from.map(Time::utc))
                .bind(page.received_to.map(Time::utc))
                .bind(page.before)
                .bind(i64::from(page.limit))
        };
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        rows.iter().map(notice).collect()
    }

    async fn reopen_notice(&self, id: NoticeId, by: &str, leased_until: Time) -> Result<Option<DueNotice>, StoreError> {
        let statement = || sqlx::query(REOPEN_NOTICE).bind(id).bind(by).bind(leased_until.utc());
        let rows = self.pools.requests.send(Effect::Writes, statement).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(DueNotice {
            id,
            shop: Row(id).parse("shop", get(row, "shop")?)?,
            received_at: time(row, "received_at")?,
            body: get(row, "body")?,
            attempts: Row(id).unsigned("attempts", get(row, "attempts")?)?,
        }))
    }
}

pub(super) fn notice(row: &PgRow) -> Result<FiledNotice, StoreError> {
    let id: Uuid = get(row, "notice_id")?;
    Ok(FiledNotice {
        record: NoticeRecord {
            id,
            shop: Row(id).parse("shop", get(row, "shop")?)?,
            received_at: time(row, "received_at")?,
            deliveries: Row(id).unsigned("deliveries", get(row, "deliveries")?)?,
            gateway_payment_id: get(row, "gateway_payment_id")?,
            state: get(row, "state")?,
            verdict: get(row, "verdict")?,
        },
        payment: get::<Option<Uuid>>(row, "payment_id")?.map(PaymentId::from),
        filed_at: time_if_any(row, "filed_at")?,
        reruns: Row(id).unsigned("reruns", get(row, "reruns")?)?,
        rerun_by: get(row, "rerun_by")?,
    })
}
