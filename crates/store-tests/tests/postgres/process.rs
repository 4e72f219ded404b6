use std::time::Duration;

use sqlx::PgPool;
use store::{Database, PoolSettings, connect, migrate};
use test_postgres::TestDatabase;

/// A fresh database with its schema in place, for any number of processes.
pub(crate) struct Fresh {
    pub(crate) url: String,
    /// A session beside all processes.
    pub(crate) raw: PgPool,
    _database: TestDatabase,
}

pub(crate) async fn fresh() -> Fresh {
    let database = test_postgres::database().await;
    migrate(&database.url.parse().unwrap()).await.unwrap();
    let raw = PgPool::connect(&database.url).await.unwrap();
    Fresh { url: database.url.clone(), raw, _database: database }
}

impl Fresh {
    /// The connections of one process.
    pub(crate) async fn process(&self) -> Database {
        connect(&self.url.parse().unwrap(), &settings()).await.unwrap()
    }
}

/// Small pools, since many tests run at once; patience, since the machine is shared.
pub(crate) fn settings() -> PoolSettings {
    let patience = Duration::from_secs(30);
    PoolSettings {
        requests: 4,
        webhooks: 2,
        workers: 2,
        reads: 2,
        acquire_timeout: patience,
        statement_timeout: patience,
        lock_timeout: patience,
        ..PoolSettings::default()
    }
}
