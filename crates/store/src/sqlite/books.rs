use async_trait::async_trait;
use domain::Time;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::read_row::{absurd, amount, get, some_uuid, time, uuid};
use super::transaction::{Deed, write};
use super::{SqliteStore, fault};
use crate::StoreError;
use crate::books::{Books, BooksEnd, Line};
use crate::columns::{LineColumns, Row, signed};

/// Inside of the writing transaction, so that nobody else posts meanwhile.
pub(super) const POST: &str = "
    with waiting as materialized (
        select payment_id, sequence, number, gateway_payment_id, kind,
               row_number() over (order by payment_id, sequence, number) as turn
        from movements
        where position is null
        order by payment_id, sequence, number
        limit ?2
    )
    update movements set
        position = (select last_position from books where id = 1) + waiting.turn,
        posted_at = max(?1, (select last_posted_at from books where id = 1)),
        restates_sequence = (
            select f.sequence from movements f
            where f.payment_id = waiting.payment_id and f.gateway_payment_id = waiting.gateway_payment_id
              and f.kind = waiting.kind and (f.sequence, f.number) < (waiting.sequence, waiting.number)
            order by f.sequence, f.number limit 1),
        restates_number = (
            select f.number from movements f
            where f.payment_id = waiting.payment_id and f.gateway_payment_id = waiting.gateway_payment_id
              and f.kind = waiting.kind and (f.sequence, f.number) < (waiting.sequence, waiting.number)
            order by f.sequence, f.number limit 1)
    from waiting
    where movements.payment_id = waiting.payment_id and movements.sequence = waiting.sequence
      and movements.number = waiting.number";

pub(super) const END_BOOKS: &str =
    "update books set last_position = last_position + ?2, last_posted_at = max(?1, last_posted_at) where id = 1";

pub(super) const BOOKS_END: &str = "
    select last_position, last_posted_at, exists (select 1 from movements where position is null) as waits
    from books where id = 1";

pub(super) const PLACE_BEFORE: &str = "
    select position from movements where posted_at < ?1 order by posted_at desc, position desc limit 1";

pub(super) const LINES: &str = "
    select m.payment_id, m.sequence, m.number, m.kind, m.relation, m.gateway_payment_id, m.amount_whole, m.amount_nano,
           m.amount_atto, m.currency, m.position, m.posted_at, m.restates_sequence, m.restates_number, e.at, e.source, e.state, p.shop, p.reference_id, p.amount_whole as requested_whole,
           p.amount_nano as requested_nano, p.amount_atto as requested_atto, p.currency as requested_currency,
           p.payment_method, p.parent_payment_id, p.metadata
    from movements m
    cross join payment_events e on e.payment_id = m.payment_id and e.sequence = m.sequence
    cross join payments p on p.payment_id = m.payment_id
    where m.position > ?1 and m.position <= ?2
    order by m.position
    limit ?3";

/// Posts lines.
struct Post {
    now: Time,
    limit: u32,
}

#[async_trait]
impl Deed for Post {
    type Answer = u64;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<u64, StoreError> {
        let now = self.now.unix_micros();
        let posted = sqlx::query(POST).bind(now).bind(self.limit).execute(&mut *connection).await;
        let posted = posted.map_err(fault::of_statement)?.rows_affected();
        if posted > 0 {
            let ended = sqlx::query(END_BOOKS).bind(now).bind(signed(posted)).execute(connection).await;
            ended.map_err(fault::of_statement)?;
        }
        Ok(posted)
    }
}

#[async_trait]
impl Books for SqliteStore {
    async fn post(&self, now: Time, limit: u32) -> Result<u64, StoreError> {
        // Asked before the only writer is taken: mostly there is nothing to post.
        if !self.books_end().await?.waits {
            return Ok(0);
        }
        write(&self.writer, Post { now, limit }).await
    }

    async fn books_end(&self) -> Result<BooksEnd, StoreError> {
        let row = sqlx::query(BOOKS_END).fetch_one(&self.readers).await.map_err(fault::of_statement)?;
        Ok(BooksEnd {
            place: Row("books").unsigned("last_position", get(&row, "last_position")?)?,
            posted_at: time(&row, "last_posted_at")?,
            waits: get(&row, "waits")?,
        })
    }

    async fn place_before(&self, time: Time) -> Result<u64, StoreError> {
        let row = sqlx::query(PLACE_BEFORE).bind(time.unix_micros()).fetch_optional(&self.readers).await;
        let row = row.map_err(fault::of_statement)?;
        row.map_or(Ok(0), |row| Row("books").unsigned("position", get(&row, "position")?))
    }

    async fn lines(&self, after: u64, through: u64, limit: u32) -> Result<Vec<Line>, StoreError> {
        let rows = sqlx::query(LINES).bind(signed(after)).bind(signed(through)).bind(limit).fetch_all(&self.readers);
        rows.await.map_err(fault::of_statement)?.iter().map(line).collect()
    }
}

fn line(row: &SqliteRow) -> Result<Line, StoreError> {
    let whole = |columns| amount(row, columns)?.ok_or_else(|| absurd("amount"));
    LineColumns {
        payment_id: uuid(row, "payment_id")?,
        sequence: get(row, "sequence")?,
        number: get(row, "number")?,
        kind: get(row, "kind")?,
        relation: get(row, "relation")?,
        gateway_payment_id: get(row, "gateway_payment_id")?,
        amount: whole(["amount_whole", "amount_nano", "amount_atto"])?,
        currency: get(row, "currency")?,
        position: get(row, "position")?,
        posted_at: time(row, "posted_at")?,
        restates_sequence: get(row, "restates_sequence")?,
        restates_number: get(row, "restates_number")?,
        at: time(row, "at")?,
        source: get(row, "source")?,
        state: get(row, "state")?,
        shop: get(row, "shop")?,
        reference_id: get(row, "reference_id")?,
        requested_amount: whole(["requested_whole", "requested_nano", "requested_atto"])?,
        requested_currency: get(row, "requested_currency")?,
        payment_method: get(row, "payment_method")?,
        parent_payment_id: some_uuid(row, "parent_payment_id")?,
        metadata: get(row, "metadata")?,
    }
    .read()
}
