//! A payment's row as statements select it, and as it is read.

use chrono::{DateTime, Utc};
use domain::Time;
use sqlx::Row as _;
use sqlx::postgres::{PgRow, Postgres};
use sqlx::types::Type;

use crate::columns::{PaymentColumns, StoredColumns};
use crate::{StoreError, Stored};

/// What a statement selects of `payments p` and `payment_checks c`, for [`read`].
macro_rules! stored_columns {
    () => {
        "p.payment_id, p.shop, p.reference_id, p.payment_type, p.state, p.state_at, p.amount, p.currency, \
         p.requested_payment_method, p.payment_method, p.flow, p.kind, p.pre_auth, p.parent_payment_id, \
         p.metadata::text as metadata, p.fingerprint::text as fingerprint, p.attempts::text as attempts, \
         p.gateway_payment_id, p.redirect_url, p.external_refs::text as external_refs, p.settled_amount, \
         p.settled_currency, p.fee::text as fee, p.error_code, p.error_message, p.external_result_code, \
         p.error_fields::text as error_fields, array_to_string(p.confirmed_by, ',') as confirmed_by, \
         p.contradicted_by::text as contradicted_by, p.others::text as others, \
         array_to_string(p.flags, ',') as flags, p.commands::text as commands, p.refunds::text as refunds, \
         p.told_parent, p.care::text as care, p.ordered_by::text as ordered_by, p.trace, p.version, \
         p.created_at, p.updated_at, c.checks, c.empty_look_ups, c.checked_at, c.next_check_at, c.failures, \
         c.stuck_reason, c.stuck_since, c.stuck_at, c.epoch, c.leased_until"
    };
}

pub(super) use stored_columns;

/// The payment of a row that a statement selected with `stored_columns!`.
pub(super) fn read(row: &PgRow) -> Result<Stored, StoreError> {
    StoredColumns {
        payment: PaymentColumns {
            payment_id: get(row, "payment_id")?,
            shop: get(row, "shop")?,
            reference_id: get(row, "reference_id")?,
            payment_type: get(row, "payment_type")?,
            state: get(row, "state")?,
            state_at: time(row, "state_at")?,
            amount: get(row, "amount")?,
            currency: get(row, "currency")?,
            requested_payment_method: get(row, "requested_payment_method")?,
            payment_method: get(row, "payment_method")?,
            flow: get(row, "flow")?,
            kind: get(row, "kind")?,
            pre_auth: get(row, "pre_auth")?,
            parent_payment_id: get(row, "parent_payment_id")?,
            metadata: get(row, "metadata")?,
            fingerprint: get(row, "fingerprint")?,
            attempts: get(row, "attempts")?,
            gateway_payment_id: get(row, "gateway_payment_id")?,
            redirect_url: get(row, "redirect_url")?,
            external_refs: get(row, "external_refs")?,
            settled_amount: get(row, "settled_amount")?,
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
        },
        checks: get(row, "checks")?,
        empty_look_ups: get(row, "empty_look_ups")?,
        checked_at: time_if_any(row, "checked_at")?,
        next_check_at: time_if_any(row, "next_check_at")?,
        failures: get(row, "failures")?,
        stuck_reason: get(row, "stuck_reason")?,
        stuck_since: time_if_any(row, "stuck_since")?,
        stuck_at: time_if_any(row, "stuck_at")?,
        epoch: get(row, "epoch")?,
        leased_until: time_if_any(row, "leased_until")?,
    }
    .read()
}

/// A column of a row, of the type that the schema gives it.
pub(super) fn get<'r, T: sqlx::Decode<'r, Postgres> + Type<Postgres>>(
    row: &'r PgRow,
    column: &'static str,
) -> Result<T, StoreError> {
    row.try_get(column).map_err(|source| StoreError::Unreadable {
        what: column,
        // Its key may be what cannot be read.
        of: "a row".to_owned(),
        source: Box::new(source),
    })
}

pub(super) fn time(row: &PgRow, column: &'static str) -> Result<Time, StoreError> {
    get::<DateTime<Utc>>(row, column).map(Time::new)
}

pub(super) fn time_if_any(row: &PgRow, column: &'static str) -> Result<Option<Time>, StoreError> {
    Ok(get::<Option<DateTime<Utc>>>(row, column)?.map(Time::new))
}
