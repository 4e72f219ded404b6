use domain::Time;
use sqlx::SqlitePool;

use super::MIGRATOR;
use super::fault;
use super::read_row::{get, time};
use crate::schema::{self, Applied};
use crate::{Health, StoreError, Violation};

/// Milliseconds are as fine as SQLite's clock goes.
pub(super) const HEALTH: &str = "
    select cast(strftime('%s', 'now') as integer) * 1000000
               + cast(substr(strftime('%f', 'now'), 4) as integer) * 1000 as now,
           exists (select 1 from sqlite_master where name = '_sqlx_migrations') as has_migrations";

const APPLIED_MIGRATIONS: &str = "select version, checksum, success from _sqlx_migrations order by version";

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

pub(super) async fn violations(readers: &SqlitePool) -> Result<Vec<Violation>, StoreError> {
    let mut violations = Vec::new();
    for (rule, statement) in VIOLATIONS {
        for row in &sqlx::query(statement).fetch_all(readers).await.map_err(fault::of_statement)? {
            let violation = Violation { rule: rule.to_owned(), of: get(row, "subject")?, detail: get(row, "detail")? };
            violations.push(violation);
        }
    }
    Ok(violations)
}

pub(super) const OVERDUE: &str = "
    select kind, subject, due_at from due_work where due_at < ?1 order by due_at, subject limit 100";

pub(super) async fn overdue(readers: &SqlitePool, before: Time) -> Result<Vec<Violation>, StoreError> {
    let rows = sqlx::query(OVERDUE).bind(before.unix_micros()).fetch_all(readers).await;
    let overdue = |row| Ok(Violation::overdue(get(row, "kind")?, get(row, "subject")?, time(row, "due_at")?));
    rows.map_err(fault::of_statement)?.iter().map(overdue).collect()
}

pub(super) async fn health(readers: &SqlitePool) -> Result<Health, StoreError> {
    let row = sqlx::query(HEALTH).fetch_one(readers).await.map_err(fault::of_statement)?;
    let migrated = get(&row, "has_migrations")? && is_migrated(readers).await?;
    Ok(Health { now: time(&row, "now")?, migrated })
}

async fn is_migrated(readers: &SqlitePool) -> Result<bool, StoreError> {
    let rows = sqlx::query(APPLIED_MIGRATIONS).fetch_all(readers).await.map_err(fault::of_statement)?;
    let applied = |row| Ok((get(row, "version")?, get(row, "checksum")?, get(row, "success")?));
    let applied: Vec<Applied> = rows.iter().map(applied).collect::<Result<_, StoreError>>()?;
    Ok(schema::is_migrated(&MIGRATOR, &applied))
}
