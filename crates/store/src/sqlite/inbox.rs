use async_trait::async_trait;
use domain::{PaymentId, Time};
use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::read_row::{get, some_time, some_uuid, time, uuid};
use super::transaction::{Deed, write};
use super::{SqliteStore, fault};
use crate::columns::{Row, json_text};
use crate::{DueNotice, FiledNotice, Inbox, InboxPage, NoticeDeed, NoticeId, NoticeRecord, StoreError};

/// By the names that they were given at receipt, which are in the order of their coming.
pub(super) const LIST_NOTICES: &str = "
    select notice_id, shop, received_at, deliveries, gateway_payment_id, state, verdict, payment_id, filed_at, reruns,
           rerun_by, dismissal
    from webhook_notices
    where (?1 is null or notice_id = ?1)
      and (?2 = '[]' or shop in (select value from json_each(?2)))
      and (?3 is null or coalesce(verdict, 'waiting') = ?3)
      and (?4 is null or payment_id = ?4)
      and (?5 is null or gateway_payment_id = ?5)
      and (?6 is null or received_at >= ?6)
      and (?7 is null or received_at < ?7)
      and (?8 is null or notice_id < ?8)
      and (?9 is null or (dismissal is not null) = ?9)
    order by notice_id desc
    limit ?10";

pub(super) const REOPEN_NOTICE: &str = "
    update webhook_notices
    set verdict = null, payment_id = null, filed_at = null, leased_until = ?3, reruns = reruns + 1, rerun_by = ?2
    where notice_id = ?1
    returning notice_id, shop, received_at, body, attempts";

pub(super) const DISMISS_OR_RESTORE: &str = "
    update webhook_notices
    set dismissal = case ?2 when 'rerun' then dismissal else ?3 end
    where notice_id = ?1
      and case ?2 when 'dismissed' then verdict = 'unmatched' and dismissal is null
                  when 'restored' then dismissal is not null
                  else true end";

pub(super) const ADD_NOTICE_DEED: &str =
    "insert into notice_deeds (notice_id, at, deed, done_by, via, reason) values (?1, ?2, ?3, ?4, ?5, ?6)";

pub(super) const NOTICE_DEEDS: &str =
    "select deed, at, done_by, via, reason from notice_deeds where notice_id = ?1 order by at, rowid";

struct Reopen {
    id: NoticeId,
    by: String,
    leased_until: Time,
}

#[async_trait]
impl Deed for Reopen {
    type Answer = Option<DueNotice>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<DueNotice>, StoreError> {
        let reopened = sqlx::query(REOPEN_NOTICE)
            .bind(self.id.to_string())
            .bind(&self.by)
            .bind(self.leased_until.unix_micros())
            .fetch_optional(connection)
            .await;
        let Some(row) = reopened.map_err(fault::of_statement)? else { return Ok(None) };
        Ok(Some(DueNotice {
            id: self.id,
            shop: Row(self.id).parse("shop", get(&row, "shop")?)?,
            received_at: time(&row, "received_at")?,
            body: get(&row, "body")?,
            attempts: Row(self.id).unsigned("attempts", get(&row, "attempts")?)?,
        }))
    }
}

struct DoWithNotice(NoticeDeed);

#[async_trait]
impl Deed for DoWithNotice {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let deed = &self.0;
        let done = sqlx::query(DISMISS_OR_RESTORE)
            .bind(deed.notice.to_string())
            .bind(<&str>::from(deed.kind))
            .bind(deed.dismissal().as_ref().map(json_text).transpose()?)
            .execute(&mut *connection)
            .await;
        if done.map_err(fault::of_statement)?.rows_affected() == 0 {
            return Ok(false);
        }
        let added = sqlx::query(ADD_NOTICE_DEED)
            .bind(deed.notice.to_string())
            .bind(deed.at.unix_micros())
            .bind(<&str>::from(deed.kind))
            .bind(json_text(&deed.by)?)
            .bind(<&str>::from(deed.via))
            .bind(&deed.reason)
            .execute(connection)
            .await;
        added.map(|_| true).map_err(fault::of_statement)
    }
}

#[async_trait]
impl Inbox for SqliteStore {
    async fn list_notices(&self, page: &InboxPage) -> Result<Vec<FiledNotice>, StoreError> {
        let rows = sqlx::query(LIST_NOTICES)
            .bind(page.id.map(|id| id.to_string()))
            .bind(json!(page.shops).to_string())
            .bind(page.verdict.as_deref())
            .bind(page.payment.map(|payment| payment.to_string()))
            .bind(page.gateway_payment_id.as_ref().map(ToString::to_string))
            .bind(page.received_from.map(Time::unix_micros))
            .bind(page.received_to.map(Time::unix_micros))
            .bind(page.before.map(|before| before.to_string()))
            .bind(page.dismissed)
            .bind(page.limit)
            .fetch_all(&self.readers)
            .await;
        rows.map_err(fault::of_statement)?.iter().map(notice).collect()
    }

    async fn reopen_notice(&self, id: NoticeId, by: &str, leased_until: Time) -> Result<Option<DueNotice>, StoreError> {
        write(&self.writer, Reopen { id, by: by.to_owned(), leased_until }).await
    }

    async fn do_with_notice(&self, deed: &NoticeDeed) -> Result<bool, StoreError> {
        write(&self.writer, DoWithNotice(deed.clone())).await
    }

    async fn notice_deeds(&self, id: NoticeId) -> Result<Vec<NoticeDeed>, StoreError> {
        let rows = sqlx::query(NOTICE_DEEDS).bind(id.to_string()).fetch_all(&self.readers).await;
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
        rows.map_err(fault::of_statement)?.iter().map(deed).collect()
    }
}

pub(super) fn notice(row: &SqliteRow) -> Result<FiledNotice, StoreError> {
    let id = uuid(row, "notice_id")?;
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
        payment: some_uuid(row, "payment_id")?.map(PaymentId::from),
        filed_at: some_time(row, "filed_at")?,
        reruns: Row(id).unsigned("reruns", get(row, "reruns")?)?,
        rerun_by: get(row, "rerun_by")?,
        dismissal: get::<Option<&str>>(row, "dismissal")?.map(|text| Row(id).json("dismissal", text)).transpose()?,
    })
}
