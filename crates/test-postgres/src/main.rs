//! `test-postgres`: one PostgreSQL for a whole test run, or a scratch database for a person at a prompt.

mod run;

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use test_postgres::{Place, Unavailable};

#[derive(Parser)]
#[command(about = "One PostgreSQL for a whole test run", version)]
struct Arguments {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Subcommand)]
enum Deed {
    /// Starts a server, runs COMMAND with its address in `TEST_DATABASE_URL`, and removes the server again
    Run {
        /// Keeps the server's files on disk even where memory would be quicker: for figures
        #[arg(long)]
        on_disk: bool,
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Prints the address of a fresh database, and keeps it until standard input ends
    Database,
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().deed {
        Deed::Run { on_disk, command } => run::run(if on_disk { Place::Disk } else { Place::Memory }, command).await,
        Deed::Database => scratch_database().await,
    };
    outcome.unwrap_or_else(|unavailable| {
        run::say(&format!("{unavailable:?}"));
        ExitCode::FAILURE
    })
}

async fn scratch_database() -> Result<ExitCode, Unavailable> {
    let database = test_postgres::database().await;
    let kept = writeln!(io::stdout(), "{}", database.url).and_then(|()| io::stdin().read_to_end(&mut Vec::new()));
    kept.map(|_| ExitCode::SUCCESS)
        .map_err(|source| Unavailable::Machine { what: "standard input or output".to_owned(), source })
}
