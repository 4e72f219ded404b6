use std::time::Duration;

/// How many connections there are, and how long they are waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSettings {
    /// Connections that open and record payments. Few are enough, since each carries whole batches.
    pub requests: u32,
    /// Connections that take the gateway's notices.
    pub webhooks: u32,
    /// Connections that claim due work.
    pub workers: u32,
    /// Connections for lists, exports and proofs. SQLite reads everything through these.
    pub reads: u32,
    /// How long a call waits for a connection. On SQLite also how long a writer waits for another process.
    pub acquire_timeout: Duration,
    /// How long one statement of the write path may take on the server (PostgreSQL).
    pub statement_timeout: Duration,
    /// How long one statement that only reads may take on the server (PostgreSQL).
    pub read_timeout: Duration,
    /// How long a statement waits for a row that another one changes (PostgreSQL).
    pub lock_timeout: Duration,
    /// What the sessions are called in the server's lists (PostgreSQL).
    pub application_name: String,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            requests: 8,
            webhooks: 4,
            workers: 4,
            reads: 4,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(3),
            read_timeout: Duration::from_mins(1),
            lock_timeout: Duration::from_secs(2),
            application_name: "payments".to_owned(),
        }
    }
}
