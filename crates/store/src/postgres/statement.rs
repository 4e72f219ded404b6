//! How a statement is sent, and what is known when it fails.

use std::io;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgDatabaseError, PgPool, PgRow, PgSeverity, Postgres};
use sqlx::query::Query;

use crate::StoreError;

/// A statement with its values.
pub(super) type Bound<'q> = Query<'q, Postgres, PgArguments>;

/// What a statement does to the database: after a lost answer, only a read is certain to have changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Writes,
}

/// Connections that one kind of work uses.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) pool: PgPool,
    /// How long an answer is waited for. Longer than the server's own limit, which cleans up better.
    pub(super) patience: Duration,
}

/// Why a statement brought nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// One of its values is one that the database does not take: which rule says so, without the value.
    Data(String),
    /// Anything else.
    Other(StoreError),
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Data(rule) => Self::Refused(sqlx::Error::Protocol(rule)),
            Failure::Other(error) => error,
        }
    }
}

/// How often a statement is sent that lost against others and was rolled back for it.
const TRIES_MAX: u32 = 4;

impl Lane {
    /// Sends one statement, which is one transaction, and takes its whole answer: the server commits after the last
    /// row, so whoever stops at the first one does not know whether it did.
    ///
    /// `statement` is called once for each time that it is sent.
    pub(super) async fn send<'q>(
        &self,
        effect: Effect,
        statement: impl Fn() -> Bound<'q> + Send,
    ) -> Result<Vec<PgRow>, Failure> {
        let mut tries = 1;
        loop {
            let connection = self.pool.acquire().await;
            let connection = connection.map_err(|error| Failure::Other(StoreError::Unavailable(error)))?;
            match InFlight::on(connection).answer(statement(), self.patience).await {
                Ok(rows) => return Ok(rows),
                Err(error) if is_contention(&error) && tries < TRIES_MAX => tries += 1,
                Err(error) => return Err(classified(error, effect)),
            }
        }
    }
}

/// A statement on its way. If nobody waits for its answer any more, its connection is closed, so that the answer is
/// never taken for another one's, and no silent server keeps a place in the pool.
struct InFlight {
    connection: PoolConnection<Postgres>,
    answered: bool,
}

impl InFlight {
    fn on(connection: PoolConnection<Postgres>) -> Self {
        Self { connection, answered: false }
    }

    async fn answer(mut self, statement: Bound<'_>, patience: Duration) -> Result<Vec<PgRow>, sqlx::Error> {
        let answer = tokio::time::timeout(patience, statement.fetch_all(&mut *self.connection)).await;
        self.answered = answer.is_ok();
        answer.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.answered {
            self.connection.close_on_drop();
        }
    }
}

/// Rolled back because of others who wanted the same rows: 40001 serialization failure, 40P01 deadlock, 55P03 a lock
/// that did not come in time. And 23505: a row that is sent twice at once may meet its twin in an index where no conflict
/// is expected; the next time it meets it where one is.
fn is_contention(error: &sqlx::Error) -> bool {
    refusal(error).is_some_and(|refusal| matches!(refusal.code(), "40001" | "40P01" | "55P03" | "23505"))
}

fn classified(error: sqlx::Error, effect: Effect) -> Failure {
    match refusal(&error) {
        // The statement was rolled back, and the server says why.
        Some(refusal) => match &refusal.code()[..2] {
            // Wrong data, a broken constraint, a limit of the program.
            "22" | "23" | "54" => Failure::Data(rule(refusal)),
            // Contention, no resources, not ready, cancelled, the system below, read-only, an internal error.
            "25" | "40" | "53" | "55" | "57" | "58" | "XX" => Failure::Other(StoreError::Unavailable(error)),
            _ => Failure::Other(StoreError::Refused(error)),
        },
        None => match error {
            // Found before anything was sent.
            sqlx::Error::Encode(_) | sqlx::Error::InvalidArgument(_) => {
                Failure::Data("a value that cannot be sent".to_owned())
            }
            error => Failure::Other(lost(error, effect)),
        },
    }
}

/// The server's refusal, if it ended the statement and not the session: a session may end after the commit.
fn refusal(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    let refusal = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    let session_goes_on = !matches!(refusal.severity(), PgSeverity::Fatal | PgSeverity::Panic);
    (session_goes_on && refusal.code().len() == 5).then_some(refusal)
}

/// Codes and names only: the server's message and detail repeat the values.
fn rule(refusal: &PgDatabaseError) -> String {
    let place = refusal.constraint().or(refusal.column()).or(refusal.routine()).unwrap_or_default();
    format!("the database refuses it: {} {place}", refusal.code())
}

fn lost(error: sqlx::Error, effect: Effect) -> StoreError {
    match effect {
        Effect::Reads => StoreError::Unavailable(error),
        Effect::Writes => StoreError::OutcomeUnknown(error),
    }
}
