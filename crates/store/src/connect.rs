use std::sync::Arc;
use std::time::Duration;

use crate::database_url::Place;
use crate::postgres::PostgresStore;
use crate::sqlite::SqliteStore;
use crate::{
    Books, BulkActions, DatabaseUrl, Events, Exports, Inbox, Keys, Means, NamedRequests, PoolSettings, Proposals,
    Reads, Reconciliations, Replicas, Samples, Sessions, Settlements, Store, StoreError, Streams, Switches,
};

/// A database as the rest of the house sees it: what is done to it, without which one it is.
#[derive(Clone)]
pub struct Database {
    /// The write path.
    pub store: Arc<dyn Store>,
    /// Lists and proofs.
    pub reads: Arc<dyn Reads>,
    /// The books.
    pub books: Arc<dyn Books>,
    /// The inbox of notices, for people.
    pub inbox: Arc<dyn Inbox>,
    /// The callers' keys.
    pub keys: Arc<dyn Keys>,
    /// Requests that callers have given a name to.
    pub named_requests: Arc<dyn NamedRequests>,
    /// What payments were paid with.
    pub means: Arc<dyn Means>,
    /// Comparisons with the gateway, and what they found.
    pub reconciliations: Arc<dyn Reconciliations>,
    /// Files for finance.
    pub exports: Arc<dyn Exports>,
    /// What is done to many at once.
    pub bulk_actions: Arc<dyn BulkActions>,
    /// Events out.
    pub events: Arc<dyn Events>,
    /// What is counted for the metrics.
    pub samples: Arc<dyn Samples>,
    /// What one person asks for and another one must approve.
    pub proposals: Arc<dyn Proposals>,
    /// What is stopped by hand.
    pub switches: Arc<dyn Switches>,
    /// People who are signed in at the console.
    pub sessions: Arc<dyn Sessions>,
    /// Processes that serve.
    pub replicas: Arc<dyn Replicas>,
    /// Settlement files.
    pub settlements: Arc<dyn Settlements>,
    /// Streams that events are published to.
    pub streams: Arc<dyn Streams>,
    connections: Connections,
}

/// Connects to a database whose schema is in place. Fails if it is not there; once connected, the calls recover by
/// themselves after an outage.
pub async fn connect(url: &DatabaseUrl, settings: &PoolSettings) -> Result<Database, StoreError> {
    match &url.0 {
        Place::Postgres(server) => {
            let store = Arc::new(PostgresStore::connect(server, settings).await?);
            Ok(Database {
                connections: Connections::Postgres(store.clone()),
                store: store.clone(),
                reads: store.clone(),
                books: store.clone(),
                inbox: store.clone(),
                keys: store.clone(),
                named_requests: store.clone(),
                means: store.clone(),
                reconciliations: store.clone(),
                exports: store.clone(),
                bulk_actions: store.clone(),
                events: store.clone(),
                samples: store.clone(),
                proposals: store.clone(),
                switches: store.clone(),
                sessions: store.clone(),
                replicas: store.clone(),
                settlements: store.clone(),
                streams: store,
            })
        }
        Place::Sqlite(file) => {
            let store = Arc::new(SqliteStore::connect(file, settings.reads, settings.acquire_timeout).await?);
            Ok(Database {
                connections: Connections::Sqlite(store.clone()),
                store: store.clone(),
                reads: store.clone(),
                books: store.clone(),
                inbox: store.clone(),
                keys: store.clone(),
                named_requests: store.clone(),
                means: store.clone(),
                reconciliations: store.clone(),
                exports: store.clone(),
                bulk_actions: store.clone(),
                events: store.clone(),
                samples: store.clone(),
                proposals: store.clone(),
                switches: store.clone(),
                sessions: store.clone(),
                replicas: store.clone(),
                settlements: store.clone(),
                streams: store,
            })
        }
    }
}

/// How long a file is waited for that another process is busy with. Nobody's request waits behind it.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(30);

/// Brings a database's schema up to date; makes an embedded one if it is not there.
pub async fn migrate(url: &DatabaseUrl) -> Result<(), StoreError> {
    match &url.0 {
        Place::Postgres(server) => PostgresStore::migrate(server).await,
        Place::Sqlite(file) => {
            let store = SqliteStore::connect(file, 1, MIGRATION_PATIENCE).await?;
            let migrated = store.migrate().await;
            store.close().await;
            migrated
        }
    }
}

impl Database {
    /// Closes all connections, and waits for what they are doing.
    pub async fn close(&self) {
        match &self.connections {
            Connections::Postgres(store) => store.close().await,
            Connections::Sqlite(store) => store.close().await,
        }
    }
}

/// The same as the fields of [`Database`], to be closed.
#[derive(Clone)]
enum Connections {
    Postgres(Arc<PostgresStore>),
    Sqlite(Arc<SqliteStore>),
}
