use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{Entry, PaymentId, ShopName, Time};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, read, stored_columns, time};
use crate::columns::{EntryColumns, Row, booked, signed};
use crate::schema::{self, Applied};
use crate::{
    Audited, Health, NoticeRecord, Page, Reads, StoreError, Stored, StuckItem, StuckPage, StuckTally, UnmatchedPayment,
    Violation,
};

/// What a statement selects of `payment_events e`, for [`entry`].
macro_rules! entry_columns {
    () => {
        "e.sequence, e.at, e.source, e.verdict, e.kind as entry_kind, e.state as entry_state, \
         e.seen::text as seen, e.change::text as change"
    };
}

pub(super) const LEDGER: &str = concat!(
    "select e.payment_id, ",
    entry_columns!(),
    " from payment_events e where e.payment_id = $1 and e.sequence > $2
    order by e.sequence limit $3"
);

pub(super) const NOTICES: &str = "
    select notice_id, shop, received_at, deliveries, gateway_payment_id, state, verdict
    from webhook_notices where payment_id = $1
    order by received_at, notice_id limit 200";

/// Payments, their entries and their lines in one statement, so that all are of the same moment; a payment is repeated
/// with each of its entries.
pub(super) const AUDIT: &str = concat!(
    "select ",
    entry_columns!(),
    ", ",
    stored_columns!(),
    ", p.lines from (
        select *, (
            select json_agg(json_build_object(
                'sequence', m.sequence, 'number', m.number, 'kind', m.kind, 'relation', m.relation,
                'gateway_payment_id', m.gateway_payment_id, 'amount', m.amount::text, 'currency', m.currency))::text
            from movements m where m.payment_id = payments.payment_id
        ) as lines
        from payments where $1::uuid is null or payment_id > $1 order by payment_id limit $2
    ) p
    join payment_checks c on c.payment_id = p.payment_id
    left join payment_events e on e.payment_id = p.payment_id
    order by p.payment_id, e.sequence"
);

pub(super) const HEALTH: &str = "
    select clock_timestamp() as now, to_regclass('_sqlx_migrations') is not null as has_migrations";

pub(super) const APPLIED_MIGRATIONS: &str = "select version, checksum, success from _sqlx_migrations order by version";

/// The views that must be empty, each with the invariant that it watches.
pub(super) const VIOLATIONS: [(&str, &str); 25] = [
    ("I1 more requests than allowed", "select * from violation_more_requests_than_allowed limit 100"),
    ("I2 gateway payment adopted twice", "select * from violation_gateway_payment_adopted_twice limit 100"),
    ("I4 end that changed", "select * from violation_end_that_changed limit 100"),
    ("I5 state without evidence", "select * from violation_state_without_evidence limit 100"),
    ("I5 state without gateway payment", "select * from violation_state_without_gateway_payment limit 100"),
    ("I6 acknowledged and gone", "select * from violation_acknowledged_and_gone limit 100"),
    ("I7 open without next check", "select * from violation_open_without_next_check limit 100"),
    ("I7 open state differs", "select * from violation_open_state_differs limit 100"),
    ("I7 open command without next check", "select * from violation_open_command_without_next_check limit 100"),
    ("I7 delivery without next", "select * from violation_delivery_without_next limit 100"),
    ("I8 adopted id not claimed", "select * from violation_adopted_id_not_claimed limit 100"),
    ("I9 version is not its entries", "select * from violation_version_is_not_its_entries limit 100"),
    ("I9 entries of no payment", "select * from violation_entries_of_no_payment limit 100"),
    ("I9 state is not that of its entries", "select * from violation_state_is_not_that_of_its_entries limit 100"),
    ("I9 outbox has gaps", "select * from violation_outbox_has_gaps limit 100"),
    ("I9 outbox misses a change", "select * from violation_outbox_misses_a_change limit 100"),
    ("I9 feed has gaps", "select * from violation_feed_has_gaps limit 100"),
    ("I9 line without entry", "select * from violation_line_without_entry limit 100"),
    ("I10 refunded more than captured", "select * from violation_refunded_more_than_captured limit 100"),
    ("I10 refund unknown to its deposit", "select * from violation_refund_unknown_to_its_deposit limit 100"),
    ("I11 books are not the payments", "select * from violation_books_are_not_the_payments limit 100"),
    ("I11 books have gaps", "select * from violation_books_have_gaps limit 100"),
    ("I12 request kept too long", "select * from violation_request_kept_too_long limit 100"),
    ("I13 notice that never came", "select * from violation_notice_that_never_came limit 100"),
    ("I14 beyond its bound", "select * from violation_beyond_its_bound limit 100"),
];

pub(super) const OVERDUE: &str = "
    select kind, subject, due_at from due_work where due_at < $1 order by due_at, subject limit 100";

#[async_trait]
impl Reads for PostgresStore {
    async fn list(&self, page: &Page) -> Result<Vec<Stored>, StoreError> {
        self.list_page(page).await
    }

    async fn find(&self, text: &str) -> Result<Vec<Stored>, StoreError> {
        self.find_by_name(text).await
    }

    async fn ledger(&self, payment: PaymentId, after: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let statement = || sqlx::query(LEDGER).bind(payment.uuid()).bind(signed(after)).bind(i64::from(limit));
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        rows.iter().map(entry).collect()
    }

    async fn notices(&self, payment: PaymentId) -> Result<Vec<NoticeRecord>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(NOTICES).bind(payment.uuid())).await?;
        rows.iter().map(notice).collect()
    }

    async fn audit(&self, after: Option<PaymentId>, limit: u32) -> Result<Vec<Audited>, StoreError> {
        let statement = || sqlx::query(AUDIT).bind(after.map(PaymentId::uuid)).bind(i64::from(limit));
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        let mut page: Vec<Audited> = Vec::new();
        for row in &rows {
            let id = PaymentId::from(get::<Uuid>(row, "payment_id")?);
            if page.last().is_none_or(|last| last.stored.payment.id() != id) {
                let lines = booked(id.uuid(), get(row, "lines")?)?;
                page.push(Audited { stored: read(row)?, ledger: Vec::new(), lines });
            }
            if let Some(last) = page.last_mut()
                && get::<Option<i64>>(row, "sequence")?.is_some()
            {
                last.ledger.push(entry(row)?);
            }
        }
        Ok(page)
    }

    async fn unmatched(&self, limit: u32) -> Result<Vec<UnmatchedPayment>, StoreError> {
        self.list_unmatched(limit).await
    }

    async fn stuck(&self, page: &StuckPage) -> Result<Vec<StuckItem>, StoreError> {
        self.list_stuck(page).await
    }

    async fn stuck_tallies(
        &self,
        shops: &BTreeSet<ShopName>,
        now: Time,
        count_max: u32,
    ) -> Result<Vec<StuckTally>, StoreError> {
        self.tally_stuck(shops, now, count_max).await
    }

    async fn violations(&self) -> Result<Vec<Violation>, StoreError> {
        let mut violations = Vec::new();
        for (rule, statement) in VIOLATIONS {
            for row in self.pools.reads.send(Effect::Reads, || sqlx::query(statement)).await? {
                violations.push(Violation {
                    rule: rule.to_owned(),
                    of: get(&row, "subject")?,
                    detail: get(&row, "detail")?,
                });
            }
        }
        Ok(violations)
    }

    fn rules(&self) -> Vec<&'static str> {
        VIOLATIONS.iter().map(|(rule, _)| *rule).collect()
    }

    async fn overdue(&self, before: Time) -> Result<Vec<Violation>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(OVERDUE).bind(before.utc())).await?;
        let overdue = |row| Ok(Violation::overdue(get(row, "kind")?, get(row, "subject")?, time(row, "due_at")?));
        rows.iter().map(overdue).collect()
    }

    async fn health(&self) -> Result<Health, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(HEALTH)).await?;
        let row = rows.first().ok_or(StoreError::Unavailable(sqlx::Error::RowNotFound))?;
        let migrated = get(row, "has_migrations")? && self.is_migrated().await?;
        Ok(Health { now: time(row, "now")?, migrated })
    }
}

impl PostgresStore {
    async fn is_migrated(&self) -> Result<bool, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(APPLIED_MIGRATIONS)).await?;
        let applied = |row| Ok((get(row, "version")?, get(row, "checksum")?, get(row, "success")?));
        let applied: Vec<Applied> = rows.iter().map(applied).collect::<Result<_, StoreError>>()?;
        Ok(schema::is_migrated(&super::MIGRATOR, &applied))
    }
}

fn entry(row: &PgRow) -> Result<Entry, StoreError> {
    EntryColumns {
        payment_id: get(row, "payment_id")?,
        sequence: get(row, "sequence")?,
        at: time(row, "at")?,
        source: get(row, "source")?,
        verdict: get(row, "verdict")?,
        kind: get(row, "entry_kind")?,
        state: get(row, "entry_state")?,
        changes_state: false, // asked for when it is written only
        seen: get(row, "seen")?,
        change: get(row, "change")?,
    }
    .read()
}

fn notice(row: &PgRow) -> Result<NoticeRecord, StoreError> {
    let id = get(row, "notice_id")?;
    let columns = Row(id);
    Ok(NoticeRecord {
        id,
        shop: columns.parse("shop", get(row, "shop")?)?,
        received_at: time(row, "received_at")?,
        deliveries: columns.unsigned("deliveries", get(row, "deliveries")?)?,
        gateway_payment_id: get(row, "gateway_payment_id")?,
        state: get(row, "state")?,
        verdict: get(row, "verdict")?,
    })
}
