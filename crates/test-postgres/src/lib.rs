//! A private PostgreSQL for tests, without any set-up by hand.
//!
//! A test asks for a [`database`] and gets a fresh one on a server that the whole test run shares. Where
//! that server comes from is decided once, in [`Server::start`]: `TEST_DATABASE_URL`, Docker, PostgreSQL
//! binaries found on the machine, or (on Debian, as root) binaries installed on the spot. A test is never
//! skipped because there is none: it fails, with a sentence that says what to install.
//!
//! `test-postgres run -- cargo test` starts one server for all the test processes of a run. Without it each
//! test process starts its own, at its first database, and the server goes away with that process.
//!
//! A test that stops the server under the program's feet takes a [`Cluster`] of its own.

mod account;
mod binaries;
mod cluster;
mod container;
mod database;
mod debian;
mod keeper;
mod server;
mod unavailable;

use tokio::sync::OnceCell;

pub use cluster::{Cluster, Place};
pub use database::TestDatabase;
pub use server::{Server, TEST_DATABASE_URL};
pub use unavailable::Unavailable;

/// The server of this process. Never dropped, as no static is: its keeper notices the end of the process.
static SERVER: OnceCell<Server> = OnceCell::const_new();

/// A fresh, empty database with a name of its own, which lives as long as the returned value.
///
/// # Panics
///
/// When no server can be had or it refuses the database: a test that needs PostgreSQL fails without it, and
/// the message says what to do.
pub async fn database() -> TestDatabase {
    let database = async {
        let server = SERVER.get_or_try_init(|| Server::start(Place::Memory)).await?;
        TestDatabase::create(server.url()).await
    };
    #[allow(clippy::panic, reason = "called by tests only, for which this is the way to fail")]
    match database.await {
        Ok(database) => database,
        Err(unavailable) => panic!("{unavailable:?}"),
    }
}
