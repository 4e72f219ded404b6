//! Rows as they come from SQLite, on their way into the domain's values.

use domain::{Entry, PaymentId, Time};
use rust_decimal::Decimal;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row as _, Sqlite, Type};
use uuid::Uuid;

use super::fault;
use super::write_row::Parts;
use crate::columns::{EntryColumns, PaymentColumns, StoredColumns};
use crate::{StoreError, Stored};

/// What a statement selects to be read with [`stored`]; `p` is the payment, `c` its checks. By name: a column that a later
/// release adds would make the rows of a statement wider than it was prepared for, which the driver does not survive.
macro_rules! stored_columns {
    () => {
        "p.payment_id, p.shop, p.reference_id, p.payment_type, p.state, p.state_at, p.amount_whole, p.amount_nano, \
         p.amount_atto, p.currency, p.requested_payment_method, p.payment_method, p.flow, p.kind, p.pre_auth, \
         p.parent_payment_id, p.metadata, p.fingerprint, p.attempts, p.gateway_payment_id, p.redirect_url, \
         p.external_refs, p.settled_whole, p.settled_nano, p.settled_atto, p.settled_currency, p.fee, p.error_code, \
         p.error_message, p.external_result_code, p.error_fields, p.confirmed_by, p.contradicted_by, p.others, \
         p.flags, p.commands, p.refunds, p.told_parent, p.care, p.ordered_by, p.trace, p.version, p.created_at, \
         p.updated_at, c.next_check_at, c.checks, c.empty_look_ups, c.checked_at, c.failures, c.stuck_reason, \
         c.stuck_since, c.stuck_at, c.leased_until, c.epoch"
    };
}
pub(super) use stored_columns;

/// A payment with what lies beside its ledger.
pub(super) fn stored(row: &SqliteRow) -> Result<Stored, StoreError> {
    let payment = PaymentColumns {
        payment_id: uuid(row, "payment_id")?,
        shop: get(row, "shop")?,
        reference_id: get(row, "reference_id")?,
        payment_type: get(row, "payment_type")?,
        state: get(row, "state")?,
        state_at: time(row, "state_at")?,
        amount: amount(row, ["amount_whole", "amount_nano", "amount_atto"])?.ok_or_else(|| absurd("amount"))?,
        currency: get(row, "currency")?,
        requested_payment_method: get(row, "requested_payment_method")?,
        payment_method: get(row, "payment_method")?,
        flow: get(row, "flow")?,
        kind: get(row, "kind")?,
        pre_auth: get(row, "pre_auth")?,
        parent_payment_id: some_uuid(row, "parent_payment_id")?,
        metadata: get(row, "metadata")?,
        fingerprint: get(row, "fingerprint")?,
        attempts: get(row, "attempts")?,
        gateway_payment_id: get(row, "gateway_payment_id")?,
        redirect_url: get(row, "redirect_url")?,
        external_refs: get(row, "external_refs")?,
        settled_amount: amount(row, ["settled_whole", "settled_nano", "settled_atto"])?,
        settled_currency: get(row, "settled_currency")?,
        fee: get(row, "fee")?,
        error_code: get(row, "error_code")?,
        error_message: get(row, "error_message")?,
        external_result_code: get(row, "external_result_code")?,
        error_fields: get(row, "error_fields")?,
        confirmed_by: get(row, "confirmed_by")?,
        contradicted_by: get(row, "contradicted_by")?,
        others: get(row, "others")?,
        flags: get(row, "flags")?,
        commands: get(row, "commands")?,
        refunds: get(row, "refunds")?,
        told_parent: get(row, "told_parent")?,
        care: get(row, "care")?,
        ordered_by: get(row, "ordered_by")?,
        trace: get(row, "trace")?,
        version: get(row, "version")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    };
    StoredColumns {
        payment,
        checks: get(row, "checks")?,
        empty_look_ups: get(row, "empty_look_ups")?,
        checked_at: some_time(row, "checked_at")?,
        next_check_at: some_time(row, "next_check_at")?,
        failures: get(row, "failures")?,
        stuck_reason: get(row, "stuck_reason")?,
        stuck_since: some_time(row, "stuck_since")?,
        stuck_at: some_time(row, "stuck_at")?,
        epoch: get(row, "epoch")?,
        leased_until: some_time(row, "leased_until")?,
    }
    .read()
}

/// One entry of the ledger of `payment`, which may stand in one row with it: hence the names of two columns.
pub(super) fn entry(row: &SqliteRow, payment: PaymentId) -> Result<Entry, StoreError> {
    EntryColumns {
        payment_id: payment.uuid(),
        sequence: get(row, "sequence")?,
        at: time(row, "at")?,
        source: get(row, "source")?,
        verdict: get(row, "verdict")?,
        kind: get(row, "entry_kind")?,
        state: get(row, "entry_state")?,
        changes_state: false,
        seen: get(row, "seen")?,
        change: get(row, "change")?,
    }
    .read()
}

/// One column of a row.
pub(super) fn get<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    column: &'static str,
) -> Result<T, StoreError> {
    row.try_get(column).map_err(fault::of_statement)
}

pub(super) fn time(row: &SqliteRow, column: &'static str) -> Result<Time, StoreError> {
    some_time(row, column)?.ok_or_else(|| absurd(column))
}

pub(super) fn some_time(row: &SqliteRow, column: &'static str) -> Result<Option<Time>, StoreError> {
    let micros: Option<i64> = get(row, column)?;
    micros.map(|micros| Time::from_unix_micros(micros).ok_or_else(|| absurd(column))).transpose()
}

pub(super) fn uuid(row: &SqliteRow, column: &'static str) -> Result<Uuid, StoreError> {
    some_uuid(row, column)?.ok_or_else(|| absurd(column))
}

pub(super) fn some_uuid(row: &SqliteRow, column: &'static str) -> Result<Option<Uuid>, StoreError> {
    let text: Option<String> = get(row, column)?;
    let unreadable = |source: uuid::Error| StoreError::Unreadable {
        what: column,
        of: text.clone().unwrap_or_default(),
        source: Box::new(source),
    };
    text.as_deref().map(|text| text.parse().map_err(unreadable)).transpose()
}

/// None if all three columns are.
pub(super) fn amount(row: &SqliteRow, columns: [&'static str; 3]) -> Result<Option<Decimal>, StoreError> {
    let [whole, nano, atto] = columns;
    let parts: [Option<i64>; 3] = [get(row, whole)?, get(row, nano)?, get(row, atto)?];
    let [Some(whole), Some(nano), Some(atto)] = parts else { return Ok(None) };
    Parts { whole, nano, atto }.amount().map(Some).ok_or_else(|| absurd("amount"))
}

/// The column holds nothing, or more than its type can be.
#[derive(Debug, thiserror::Error)]
#[error("it is absent or out of range")]
struct Absurd;

pub(super) fn absurd(column: &'static str) -> StoreError {
    StoreError::Unreadable { what: column, of: "a row".to_owned(), source: Box::new(Absurd) }
}
