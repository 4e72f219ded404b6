use async_trait::async_trait;
use domain::Time;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time};
use crate::StoreError;
use crate::books::{Books, BooksEnd, Line};
use crate::columns::{LineColumns, Row, signed};

/// Whoever posts moves the end of the books first, compared with where this statement saw it: another one that posted
/// meanwhile has moved it, and then nothing is posted here.
pub(super) const POST: &str = "
    with waiting as materialized (
        select payment_id, sequence, number, row_number() over (order by payment_id, sequence, number) as turn
        from movements
        where position is null
        order by payment_id, sequence, number
        limit $2
    ),
    ended as (
        update books b
        set last_position = b.last_position + (select count(*) from waiting),
            last_posted_at = greatest(b.last_posted_at, $1)
        from (select last_position from books where id = 1) seen
        where b.id = 1 and b.last_position = seen.last_position and exists (select from waiting)
        returning seen.last_position as before, b.last_posted_at
    ),
    posted as (
        update movements m
        set position = ended.before + w.turn, posted_at = ended.last_posted_at,
            restates_sequence = first.sequence, restates_number = first.number
        from ended, waiting w left join lateral (
            select f.sequence, f.number
            from movements f join movements l
                on l.payment_id = w.payment_id and l.sequence = w.sequence and l.number = w.number
            where f.payment_id = w.payment_id and f.gateway_payment_id = l.gateway_payment_id and f.kind = l.kind
              and (f.sequence, f.number) < (l.sequence, l.number)
            order by f.sequence, f.number
            limit 1
        ) first on true
        where m.payment_id = w.payment_id and m.sequence = w.sequence and m.number = w.number and m.position is null
        returning m.payment_id
    )
    select count(*) as posted from posted";

pub(super) const BOOKS_END: &str = "
    select last_position, last_posted_at, exists (select from movements where position is null) as waits
    from books where id = 1";

pub(super) const PLACE_BEFORE: &str = "
    select position from movements where posted_at < $1 order by posted_at desc, position desc limit 1";

pub(super) const LINES: &str = "
    select m.payment_id, m.sequence, m.number, m.kind, m.relation, m.gateway_payment_id, m.amount, m.currency,
           m.position, m.posted_at, m.restates_sequence, m.restates_number, e.at, e.source, e.state,
           p.shop, p.reference_id, p.amount as requested_amount, p.currency as requested_currency, p.payment_method,
           p.parent_payment_id, p.metadata::text as metadata
    from movements m
    join payment_events e on e.payment_id = m.payment_id and e.sequence = m.sequence
    join payments p on p.payment_id = m.payment_id
    where m.position > $1 and m.position <= $2
    order by m.position
    limit $3";

#[async_trait]
impl Books for PostgresStore {
    async fn post(&self, now: Time, limit: u32) -> Result<u64, StoreError> {
        let statement = || sqlx::query(POST).bind(now.utc()).bind(i64::from(limit));
        let rows = self.pools.workers.send(Effect::Writes, statement).await?;
        rows.first().map_or(Ok(0), |row| Row("books").unsigned("posted", get(row, "posted")?))
    }

    async fn books_end(&self) -> Result<BooksEnd, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(BOOKS_END)).await?;
        let row = rows.first().ok_or(StoreError::Refused(sqlx::Error::RowNotFound))?;
        Ok(BooksEnd {
            place: Row("books").unsigned("last_position", get(row, "last_position")?)?,
            posted_at: time(row, "last_posted_at")?,
            waits: get(row, "waits")?,
        })
    }

    async fn place_before(&self, time: Time) -> Result<u64, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(PLACE_BEFORE).bind(time.utc())).await?;
        rows.first().map_or(Ok(0), |row| Row("books").unsigned("position", get(row, "position")?))
    }

    async fn lines(&self, after: u64, through: u64, limit: u32) -> Result<Vec<Line>, StoreError> {
        let statement = || sqlx::query(LINES).bind(signed(after)).bind(signed(through)).bind(i64::from(limit));
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        rows.iter().map(line).collect()
    }
}

fn line(row: &PgRow) -> Result<Line, StoreError> {
    LineColumns {
        payment_id: get(row, "payment_id")?,
        sequence: get(row, "sequence")?,
        number: get::<i32>(row, "number")?.into(),
        kind: get(row, "kind")?,
        relation: get(row, "relation")?,
        gateway_payment_id: get(row, "gateway_payment_id")?,
        amount: get(row, "amount")?,
        currency: get(row, "currency")?,
        position: get(row, "position")?,
        posted_at: time(row, "posted_at")?,
        restates_sequence: get(row, "restates_sequence")?,
        restates_number: get::<Option<i32>>(row, "restates_number")?.map(i64::from),
        at: time(row, "at")?,
        source: get(row, "source")?,
        state: get(row, "state")?,
        shop: get(row, "shop")?,
        reference_id: get(row, "reference_id")?,
        requested_amount: get(row, "requested_amount")?,
        requested_currency: get(row, "requested_currency")?,
        payment_method: get(row, "payment_method")?,
        parent_payment_id: get(row, "parent_payment_id")?,
        metadata: get(row, "metadata")?,
    }
    .read()
}
