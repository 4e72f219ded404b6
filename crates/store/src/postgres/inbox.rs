use async_trait::async_trait;
use domain::{PaymentId, Time};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use crate::columns::{Row, json_text};
use crate::{DueNotice, FiledNotice, Inbox, InboxPage, NoticeDeed, NoticeId, NoticeRecord, StoreError};

/// By the names that they were given at receipt, which are in the order of their coming.
pub(super) const LIST_NOTICES: &str = "
    select notice_id, shop, received_at, deliveries, gateway_payment_id, state, verdict, payment_id, filed_at, reruns,
           rerun_by, dismissal::text as dismissal
    from webhook_notices
    where ($1::uuid is null or notice_id = $1)
      and ($2::text[] = '{}' or shop = any ($2))
      and ($3::text is null or coalesce(verdict, 'waiting') = $3)
      and ($4::uuid is null or payment_id = $4)
      and ($5::text is null or gateway_payment_id = $5)
      and ($6::timestamptz is null or received_at >= $6)
      and ($7::timestamptz is null or received_at < $7)
      and ($8::uuid is null or notice_id < $8)
      and ($9::bool is null or (dismissal is not null) = $9)
    order by notice_id desc
    limit $10";

pub(super) const REOPEN_NOTICE: &str = "
    update webhook_notices
    set verdict = null, payment_id = null, filed_at = null, leased_until = $3, reruns = reruns + 1, rerun_by = $2
    where notice_id = $1
    returning notice_id, shop, received_at, body, attempts";

/// The notice is locked by it, so that it is dismissed once.
pub(super) const DO_WITH_NOTICE: &str = "
    with done as (
        update webhook_notices n
        set dismissal = case $2 when 'rerun' then n.dismissal else $4::text::jsonb end
        where n.notice_id = $1
          and case $2 when 'dismissed' then n.verdict = 'unmatched' and n.dismissal is null
                      when 'restored' then n.dismissal is not null
                      else true end
        returning n.notice_id
    )
    insert into notice_deeds (notice_id, at, deed, done_by, via, reason)
    select notice_id, $3, $2, $5::text::jsonb, $6, $7 from done
    returning notice_id";

pub(super) const NOTICE_DEEDS: &str = "
    select deed, at, done_by::text as done_by, via, reason from notice_deeds where notice_id = $1 order by at";

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
                .bind(page.dismissed)
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

    async fn do_with_notice(&self, deed: &NoticeDeed) -> Result<bool, StoreError> {
        let dismissal = deed.dismissal().as_ref().map(json_text).transpose()?;
        let by = json_text(&deed.by)?;
        let statement = || {
            sqlx::query(DO_WITH_NOTICE)
                .bind(deed.notice)
                .bind(<&str>::from(deed.kind))
                .bind(deed.at.utc())
                .bind(&dismissal)
                .bind(&by)
                .bind(<&str>::from(deed.via))
                .bind(&deed.reason)
        };
        Ok(!self.pools.requests.send(Effect::Writes, statement).await?.is_empty())
    }

    async fn notice_deeds(&self, id: NoticeId) -> Result<Vec<NoticeDeed>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(NOTICE_DEEDS).bind(id)).await?;
        let deed = |row| {
            let columns = Row(id);
            Ok(NoticeDeed {
                notice: id,
                kind: columns.parse("deed", get(row, "deed")?)?,
                at: time(row, "at")?,
                by: columns.json("done_by", get(row, "done_by")?)?,
                via: columns.parse("via", get(row, "via")?)?,
                reason: get(row, "reason")?,
            })
        };
        rows.iter().map(deed).collect()
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
        dismissal: get::<Option<&str>>(row, "dismissal")?.map(|text| Row(id).json("dismissal", text)).transpose()?,
    })
}
