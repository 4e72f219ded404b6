//! What is known after SQLite said no.

use crate::StoreError;

/// Primary result codes of SQLite.
const ERROR: i32 = 1;
const BUSY: i32 = 5;
const TOO_BIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;

/// Of a statement, or of a transaction's beginning: nothing of it stays.
pub(super) fn of_statement(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
            StoreError::Unreadable { what: "a column", of: "a row".to_owned(), source: Box::new(error) }
        }
        error => match code(&error) {
            Some(ERROR | TOO_BIG | CONSTRAINT | MISMATCH) => StoreError::Refused(error),
            _ => StoreError::Unavailable(error),
        },
    }
}

/// Of a commit: it may stand in the file all the same, unless SQLite did not even begin with it.
pub(super) fn of_commit(error: sqlx::Error) -> StoreError {
    match code(&error) {
        Some(BUSY) => StoreError::Unavailable(error),
        _ => StoreError::OutcomeUnknown(error),
    }
}

/// Whether the values were refused, so that the same statement may well take others. A missing table is no poison.
pub(super) fn poison(error: &StoreError) -> Option<String> {
    let StoreError::Refused(error) = error else { return None };
    let poisoned = matches!(code(error), Some(TOO_BIG | CONSTRAINT | MISMATCH));
    // SQLite names the constraint and no value.
    poisoned.then(|| error.as_database_error().map_or_else(String::new, |error| error.message().to_owned()))
}

/// SQLite tells extended codes; the primary one is their last byte.
fn code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}
