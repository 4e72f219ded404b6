use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::statement::Lane;
use crate::{PoolSettings, StoreError};

/// Pools apart from each other, so that an export cannot keep a request waiting, nor a flood of notices a worker.
#[derive(Debug, Clone)]
pub(super) struct Pools {
    /// Opens and records payments, and reads them by name.
    pub(super) requests: Lane,
    /// Takes notices in.
    pub(super) webhooks: Lane,
    /// Claims due work.
    pub(super) workers: Lane,
    /// Lists, exports and proofs.
    pub(super) reads: Lane,
}

/// The oldest server that the statements were tried on.
const VERSION_MIN: u32 = 15;

/// A server that does not answer a first knock within this time is not there.
const KNOCK: Duration = Duration::from_secs(5);

/// A server ends a statement that takes too long; a server that has not even done that so much later is gone.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// A connection is renewed after this time, so that memory that its plans took comes back, and a name that moved to
/// another server is looked up again.
const CONNECTION_LIFETIME: Duration = Duration::from_mins(10);

/// A transaction that nobody goes on with, after a cancelled call, holds its locks for no longer than this.
const IDLE_IN_TRANSACTION_MAX: Duration = Duration::from_secs(10);

/// Every write names its rows by key. A plan made for empty tables would be kept while they grow, so the planner is
/// told what a row costs, and to plan once.
const PLANNED_ONCE: [(&str, &str); 4] =
    [("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("random_page_cost", "1.1"), ("jit", "off")];

/// A list's filters are as different as their callers: each is planned for what it asks.
const PLANNED_EACH_TIME: [(&str, &str); 3] =
    [("plan_cache_mode", "force_custom_plan"), ("random_page_cost", "1.1"), ("jit", "off")];

impl Pools {
    /// Opens nothing yet: connections are made when they are needed first, and again after an outage.
    pub(super) fn new(server: &PgConnectOptions, settings: &PoolSettings) -> Self {
        let writes = session(server, settings, settings.statement_timeout).options(PLANNED_ONCE);
        let reads = session(server, settings, settings.read_timeout).options(PLANNED_EACH_TIME);
        let lane = |size, session: &PgConnectOptions, gate: Gate, statement_timeout: Duration| Lane {
            pool: PgPoolOptions::new()
                .max_connections(size)
                .acquire_timeout(settings.acquire_timeout)
                .max_lifetime(CONNECTION_LIFETIME)
                .test_before_acquire(false)
                .before_acquire(move |connection, _| {
                    Box::pin(async move { sqlx::raw_sql(gate.question()).fetch_one(connection).await?.try_get(0) })
                })
                .connect_lazy_with(session.clone()),
            patience: statement_timeout.saturating_add(SILENCE_MAX),
        };
        Self {
            requests: lane(settings.requests, &writes, Gate::Writable, settings.statement_timeout),
            webhooks: lane(settings.webhooks, &writes, Gate::Writable, settings.statement_timeout),
            workers: lane(settings.workers, &writes, Gate::Writable, settings.statement_timeout),
            reads: lane(settings.reads, &reads, Gate::Readable, settings.read_timeout),
        }
    }

    pub(super) async fn close(&self) {
        for lane in [&self.requests, &self.webhooks, &self.workers, &self.reads] {
            lane.pool.close().await;
        }
    }
}

/// What every session is told. Statements are not logged here: they are many, and the slow ones are the server's to
/// log.
fn session(server: &PgConnectOptions, settings: &PoolSettings, statement_timeout: Duration) -> PgConnectOptions {
    let milliseconds = |duration: Duration| duration.as_millis().to_string();
    server
        .clone()
        .application_name(&settings.application_name)
        .options([
            ("statement_timeout", milliseconds(statement_timeout)),
            ("lock_timeout", milliseconds(settings.lock_timeout)),
            ("idle_in_transaction_session_timeout", milliseconds(IDLE_IN_TRANSACTION_MAX)),
        ])
        .disable_statement_logging()
}

/// What a connection must be good for when it is taken from its pool.
#[derive(Clone, Copy)]
enum Gate {
    Writable,
    /// A standby will do.
    Readable,
}

impl Gate {
    /// A call that was cancelled at the wrong moment leaves a transaction open on its connection; what the next one
    /// writes there would be acknowledged, and be gone. After a failover a connection may lead to a standby. In
    /// both cases the connection is closed, and another one is tried.
    fn question(self) -> &'static str {
        match self {
            Self::Writable => {
                "select now() = statement_timestamp() and not pg_is_in_recovery() \
                 and current_setting('transaction_read_only') = 'off'"
            }
            Self::Readable => "select now() = statement_timestamp()",
        }
    }
}

/// Connects once, outside of any pool: a pool would say only that it took too long, and this says why.
pub(super) async fn knock(server: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    let connected = tokio::time::timeout(KNOCK, PgConnection::connect_with(server)).await;
    let connected = connected.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
    let mut connection = connected.map_err(StoreError::Unavailable)?;
    let version = sqlx::query_scalar("select current_setting('server_version')").fetch_one(&mut connection).await;
    let version: String = version.map_err(StoreError::Unavailable)?;
    if major(&version).is_some_and(|major| major >= VERSION_MIN) {
        Ok(connection)
    } else {
        Err(StoreError::TooOld { found: version, needed: VERSION_MIN })
    }
}

/// Of "15.18 (Debian 15.18-0+deb12u1)" or "16beta1", the first number.
fn major(version: &str) -> Option<u32> {
    let end = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_servers_call_themselves() {
        assert_eq!(major("15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major("16beta1"), Some(16));
        assert_eq!(major("9.6.24"), Some(9));
        assert_eq!(major("devel"), None);
    }
}
