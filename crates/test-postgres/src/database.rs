use std::thread;

use sqlx::error::DatabaseError;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::runtime;
use url::Url;
use uuid::Uuid;

use crate::Unavailable;

/// How often a database is asked for again when the server is busy with another one.
const ATTEMPTS: usize = 20;

/// One test's own database. Dropped with this value, whoever is still connected to it.
#[derive(Debug)]
pub struct TestDatabase {
    /// The address to connect to.
    pub url: String,
    server_url: String,
    name: String,
}

impl TestDatabase {
    /// Creates an empty database on the server at `server_url`.
    pub(crate) async fn create(server_url: &str) -> Result<Self, Unavailable> {
        let name = format!("test_{}", unique());
        let mut url = Url::parse(server_url)?;
        url.set_path(&name);
        create(server_url, &name)
            .await
            .map_err(|source| Unavailable::NoAnswer { origin: "server of the tests".to_owned(), source })?;
        Ok(Self { url: url.into(), server_url: server_url.to_owned(), name })
    }
}

/// A text that no other process comes up with.
#[allow(clippy::disallowed_methods, reason = "test processes have only chance to tell them apart")]
pub(crate) fn unique() -> String {
    Uuid::new_v4().simple().to_string()
}

impl Drop for TestDatabase {
    /// Frees the space at once: a run has hundreds of databases. A server that is gone by now, or refuses, is no
    /// reason to fail a test that has passed.
    fn drop(&mut self) {
        let drop_it = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let server_url = std::mem::take(&mut self.server_url);
        // A runtime of its own: the test's may be the one that we are being dropped on, and cannot wait for itself.
        let dropping = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(execute(&server_url, drop_it)).ok()
        });
        let _ = dropping.join();
    }
}

/// `template0` is the one template that nobody can be connected to, and copying its files is quicker than writing
/// them all to the log as well.
async fn create(server_url: &str, name: &str) -> Result<(), sqlx::Error> {
    let mut attempt = 1;
    loop {
        let create_it = format!("CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy");
        match execute(server_url, create_it).await {
            Err(error) if is_passing(&error) && attempt < ATTEMPTS => attempt += 1,
            outcome => return outcome,
        }
    }
}

async fn execute(server_url: &str, statement: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(server_url).await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await
}

/// Whether the same statement may well succeed a moment later: the template is in use for an instant (55006), or
/// all connections are (53300).
fn is_passing(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    matches!(code.as_deref(), Some("55006" | "53300"))
}
