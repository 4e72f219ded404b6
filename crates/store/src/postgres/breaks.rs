use domain::{Finding, PaymentId, Side, Time};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use crate::columns::{Row, json_text};
use crate::{Break, BreakState, BreaksPage, Resolution, StoreError, Tally};

/// What a statement selects of `breaks b`, for [`one_break`].
macro_rules! break_columns {
    () => {
        "b.break_id, b.kind, b.shop, b.subject, b.subject_at, b.payment_id, b.gateway_payment_id, b.reference_id, \
         b.our_state, b.our_amount, b.our_currency, b.their_state, b.their_amount, b.their_currency, b.state, \
         b.first_seen_at, b.last_seen_at, b.first_run, b.last_run, b.owner, b.ended_at, b.reason, \
         b.resolved_by::text as resolved_by, b.closed_run"
    };
}

pub(super) const BREAK: &str = concat!("select ", break_columns!(), " from breaks b where b.break_id = $1");

pub(super) const BREAKS: &str = concat!(
    "select ",
    break_columns!(),
    " from breaks b
    where ($1::text[] is null or b.shop = any ($1))
      and ($2::text is null or b.kind = $2)
      and ($3::text is null or b.state = $3)
      and ($4::text is null or b.owner = $4)
      and ($5::uuid is null or b.payment_id = $5)
      and ($6::timestamptz is null or (b.first_seen_at, b.break_id) < ($6, $7::uuid))
    order by b.first_seen_at desc, b.break_id desc limit $8"
);

/// Of a window, like those of the run; the first parameter is the run.
pub(super) const UNFOUND_BREAKS: &str = concat!(
    "select i.said, ",
    break_columns!(),
    " from breaks b
    left join reconciliation_items i on i.run_id = $1 and i.gateway_payment_id = b.gateway_payment_id
    where b.shop = $2 and b.state = 'open' and b.subject_at >= $3 and b.subject_at < $4 and b.last_run <> $1
      and b.kind not in ('not-settled', 'settled-unknown', 'settled-differs', 'fee-differs')
      and ($5::timestamptz is null or (b.subject_at, b.break_id) > ($5, $6::uuid))
    order by b.subject_at, b.break_id limit $7"
);

pub(super) const TALLY: &str = "
    select kind, state, first_run = $1 as opened, count(*) as breaks from breaks
    where (last_run = $1 and state <> 'closed') or closed_run = $1
    group by 1, 2, 3";

pub(super) const ASSIGN_BREAK: &str =
    concat!("update breaks b set owner = $2 where b.break_id = $1 and b.state = 'open' returning ", break_columns!());

pub(super) const RESOLVE_BREAK: &str = concat!(
    "update breaks b set state = 'resolved', reason = $2, resolved_by = $3::text::jsonb, ended_at = $4
    where b.break_id = $1 and b.state = 'open' returning ",
    break_columns!()
);

impl PostgresStore {
    pub(super) async fn break_by_id(&self, id: Uuid) -> Result<Option<Break>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(BREAK).bind(id)).await?;
        rows.first().map(one_break).transpose()
    }

    pub(super) async fn list_breaks(&self, page: &BreaksPage) -> Result<Vec<Break>, StoreError> {
        let filter = &page.filter;
        let shops: Vec<String> = filter.shops.iter().map(ToString::to_string).collect();
        let shops = (!shops.is_empty()).then_some(shops);
        let (at, id) = page.before.unzip();
        let statement = || {
            sqlx::query(BREAKS)
                .bind(&shops)
                .bind(filter.kind.map(|kind| kind.to_string()))
                .bind(filter.state.map(|state| state.to_string()))
                .bind(&filter.owner)
                .bind(filter.payment.map(PaymentId::uuid))
                .bind(at.map(Time::utc))
                .bind(id)
                .bind(i64::from(page.limit))
        };
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        rows.iter().map(one_break).collect()
    }

    pub(super) async fn tally_of(&self, run: Uuid) -> Result<Tally, StoreError> {
        let rows = self.pools.workers.send(Effect::Reads, || sqlx::query(TALLY).bind(run)).await?;
        let mut tally = Tally::default();
        for row in &rows {
            let columns = Row(run);
            let (kind, state) =
                (columns.parse("kind", get(row, "kind")?)?, columns.parse("state", get(row, "state")?)?);
            tally.add(kind, state, get(row, "opened")?, columns.unsigned("breaks", get(row, "breaks")?)?);
        }
        Ok(tally)
    }

    pub(super) async fn assign_open_break(&self, id: Uuid, owner: &str) -> Result<Option<Break>, StoreError> {
        let statement = || sqlx::query(ASSIGN_BREAK).bind(id).bind(owner);
        let rows = self.pools.requests.send(Effect::Writes, statement).await?;
        rows.first().map(one_break).transpose()
    }

    pub(super) async fn resolve_open_break(
        &self,
        id: Uuid,
        resolution: &Resolution,
    ) -> Result<Option<Break>, StoreError> {
        let by = json_text(&resolution.by)?;
        let statement =
            || sqlx::query(RESOLVE_BREAK).bind(id).bind(&resolution.reason).bind(&by).bind(resolution.at.utc());
        let rows = self.pools.requests.send(Effect::Writes, statement).await?;
        rows.first().map(one_break).transpose()
    }
}

pub(super) fn one_break(row: &PgRow) -> Result<Break, StoreError> {
    let id = get(row, "break_id")?;
    let columns = Row(id);
    let text = |column| get::<Option<String>>(row, column);
    let side = |state, amount, currency| -> Result<Side, StoreError> {
        let money = columns.some_money(amount, get(row, amount)?, text(currency)?.as_deref())?;
        Ok(Side { state: text(state)?, money })
    };
    let state: BreakState = columns.parse("state", get(row, "state")?)?;
    Ok(Break {
        id,
        shop: columns.parse("shop", get(row, "shop")?)?,
        finding: Finding {
            kind: columns.parse("kind", get(row, "kind")?)?,
            subject: get(row, "subject")?,
            subject_at: time(row, "subject_at")?,
            payment: get::<Option<Uuid>>(row, "payment_id")?.map(PaymentId::from),
            gateway_payment: columns.parse_some("gateway_payment_id", text("gateway_payment_id")?.as_deref())?,
            reference: text("reference_id")?,
            ours: side("our_state", "our_amount", "our_currency")?,
            theirs: side("their_state", "their_amount", "their_currency")?,
        },
        state,
        first_seen_at: time(row, "first_seen_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        first_run: get(row, "first_run")?,
        last_run: get(row, "last_run")?,
        owner: text("owner")?,
        ended_at: time_if_any(row, "ended_at")?,
        reason: text("reason")?,
        resolved_by: text("resolved_by")?.map(|by| columns.json("resolved_by", &by)).transpose()?,
        closed_run: get(row, "closed_run")?,
    })
}
