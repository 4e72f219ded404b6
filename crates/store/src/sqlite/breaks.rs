use async_trait::async_trait;
use domain::{Finding, PaymentId, Side};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::fault;
use super::read_row::{amount, get, some_time, some_uuid, time, uuid};
use super::reconciliations::any_shop;
use super::transaction::Deed;
use crate::columns::{Row, json_text};
use crate::{Break, BreaksPage, Resolution, StoreError, Tally};

/// What a statement selects of `breaks b`, for [`one_break`].
macro_rules! break_columns {
    () => {
        "break_id, kind, shop, subject, subject_at, payment_id, gateway_payment_id, \
         reference_id, our_state, our_whole, our_nano, our_atto, our_currency, their_state, \
         their_whole, their_nano, their_atto, their_currency, state, first_seen_at, \
         last_seen_at, first_run, last_run, owner, ended_at, reason, resolved_by, \
         closed_run"
    };
}

pub(super) const BREAK: &str = concat!("select ", break_columns!(), " from breaks where break_id = ?1");

const BREAKS: &str = concat!("select ", break_columns!(), " from breaks b where true");

/// Of a window, like those of the run; the first parameter is the run.
pub(super) const UNFOUND_BREAKS: &str = concat!(
    "select ",
    break_columns!(),
    ", (select i.said from reconciliation_items i where i.run_id = ?1 and i.gateway_payment_id = b.gateway_payment_id) as said
    from breaks b
    where b.shop = ?2 and b.state = 'open' and b.subject_at >= ?3 and b.subject_at < ?4 and b.last_run <> ?1
      and b.kind not in ('not-settled', 'settled-unknown', 'settled-differs', 'fee-differs')
      and (b.subject_at, b.break_id) > (?5, ?6)
    order by b.subject_at, b.break_id limit ?7"
);

pub(super) const TALLY: &str = "
    select kind, state, first_run = ?1 as opened, count(*) as breaks from breaks
    where (last_run = ?1 and state <> 'closed') or closed_run = ?1
    group by 1, 2, 3";

pub(super) const ASSIGN_BREAK: &str =
    concat!("update breaks set owner = ?2 where break_id = ?1 and state = 'open' returning ", break_columns!());

pub(super) const RESOLVE_BREAK: &str = concat!(
    "
    update breaks set state = 'resolved', reason = ?2, resolved_by = ?3, ended_at = ?4
    where break_id = ?1 and state = 'open' returning ",
    break_columns!()
);

pub(super) async fn by_id(readers: &SqlitePool, id: Uuid) -> Result<Option<Break>, StoreError> {
    let row = sqlx::query(BREAK).bind(id.to_string()).fetch_optional(readers).await.map_err(fault::of_statement)?;
    row.as_ref().map(one_break).transpose()
}

pub(super) async fn list(readers: &SqlitePool, page: &BreaksPage) -> Result<Vec<Break>, StoreError> {
    let filter = &page.filter;
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(BREAKS);
    any_shop(&mut query, "b.shop", filter.shops.iter());
    let words = [
        (" and b.kind = ", filter.kind.map(|kind| kind.to_string())),
        (" and b.state = ", filter.state.map(|state| state.to_string())),
        (" and b.owner = ", filter.owner.clone()),
        (" and b.payment_id = ", filter.payment.map(|payment| payment.to_string())),
    ];
    for (condition, word) in words {
        if let Some(word) = word {
            query.push(condition).push_bind(word);
        }
    }
    if let Some((at, id)) = page.before {
        query.push(" and (b.first_seen_at, b.break_id) < (").push_bind(at.unix_micros());
        query.push(", ").push_bind(id.to_string()).push(")");
    }
    query.push(" order by b.first_seen_at desc, b.break_id desc limit ").push_bind(page.limit);
    let rows = query.build().fetch_all(readers).await.map_err(fault::of_statement)?;
    rows.iter().map(one_break).collect()
}

pub(super) async fn tally(readers: &SqlitePool, run: Uuid) -> Result<Tally, StoreError> {
    let rows = sqlx::query(TALLY).bind(run.to_string()).fetch_all(readers).await.map_err(fault::of_statement)?;
    let mut tally = Tally::default();
    for row in &rows {
        let columns = Row(run);
        let (kind, state) = (columns.parse("kind", get(row, "kind")?)?, columns.parse("state", get(row, "state")?)?);
        tally.add(kind, state, get(row, "opened")?, columns.unsigned("breaks", get(row, "breaks")?)?);
    }
    Ok(tally)
}

pub(super) struct AssignBreak {
    pub(super) id: Uuid,
    pub(super) owner: String,
}

#[async_trait]
impl Deed for AssignBreak {
    type Answer = Option<Break>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<Break>, StoreError> {
        let assigned = sqlx::query(ASSIGN_BREAK).bind(self.id.to_string()).bind(&self.owner);
        let row = assigned.fetch_optional(connection).await.map_err(fault::of_statement)?;
        row.as_ref().map(one_break).transpose()
    }
}

pub(super) struct ResolveBreak {
    pub(super) id: Uuid,
    pub(super) resolution: Resolution,
}

#[async_trait]
impl Deed for ResolveBreak {
    type Answer = Option<Break>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<Break>, StoreError> {
        let Resolution { reason, by, at } = &self.resolution;
        let resolved = sqlx::query(RESOLVE_BREAK)
            .bind(self.id.to_string())
            .bind(reason)
            .bind(json_text(by)?)
            .bind(at.unix_micros())
            .fetch_optional(connection)
            .await;
        resolved.map_err(fault::of_statement)?.as_ref().map(one_break).transpose()
    }
}

pub(super) fn one_break(row: &SqliteRow) -> Result<Break, StoreError> {
    let id = uuid(row, "break_id")?;
    let columns = Row(id);
    let text = |column| get::<Option<String>>(row, column);
    let side = |state, parts, currency| -> Result<Side, StoreError> {
        let money = columns.some_money(currency, amount(row, parts)?, text(currency)?.as_deref())?;
        Ok(Side { state: text(state)?, money })
    };
    Ok(Break {
        id,
        shop: columns.parse("shop", get(row, "shop")?)?,
        finding: Finding {
            kind: columns.parse("kind", get(row, "kind")?)?,
            subject: get(row, "subject")?,
            subject_at: time(row, "subject_at")?,
            payment: some_uuid(row, "payment_id")?.map(PaymentId::from),
            gateway_payment: columns.parse_some("gateway_payment_id", text("gateway_payment_id")?.as_deref())?,
            reference: text("reference_id")?,
            ours: side("our_state", ["our_whole", "our_nano", "our_atto"], "our_currency")?,
            theirs: side("their_state", ["their_whole", "their_nano", "their_atto"], "their_currency")?,
        },
        state: columns.parse("state", get(row, "state")?)?,
        first_seen_at: time(row, "first_seen_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        first_run: uuid(row, "first_run")?,
        last_run: uuid(row, "last_run")?,
        owner: text("owner")?,
        ended_at: some_time(row, "ended_at")?,
        reason: text("reason")?,
        resolved_by: text("resolved_by")?.map(|by| columns.json("resolved_by", &by)).transpose()?,
        closed_run: some_uuid(row, "closed_run")?,
    })
}
