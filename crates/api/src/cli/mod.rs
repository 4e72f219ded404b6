//! The command line: each command a file, each outcome an exit code.

mod breaks;
mod bulk;
mod care;
mod check;
mod events;
mod export;
mod keys;
mod listen;
mod local;
mod migrate;
mod operator;
mod output;
mod proposals;
mod reconcile;
mod resolve;
mod serve;
mod settings;
mod stuck;
mod switch;
mod table;
mod trigger;
mod verify;
mod webhooks;
mod why;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
pub use local::Demo;
pub use output::Output;
use table::table;
pub(crate) use why::{in_words, state as gateway_state_in_words};

use crate::application::StartError;
use crate::logs::InvalidLog;
use crate::sandbox::SandboxError;
use crate::settings::{InvalidSettings, Settings, load};
use crate::simulator::SimulatorError;
use crate::window::WindowError;

/// Takes payments through the pay.tech gateway, exactly once, and never guesses.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    /// A settings file; what it leaves out has the defaults of deploy/settings.toml. The environment wins over it.
    #[arg(long, global = true, value_name = "FILE", env = "SETTINGS_FILE")]
    settings: Option<PathBuf>,
    /// Answer in JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves: HTTP, and the workers that bring every payment to its end.
    Serve,
    /// Serves on this machine alone, with a simulated gateway beside it, and prints what to try.
    Local(local::Args),
    /// Brings the database's schema up to date.
    Migrate,
    /// Makes, lists, changes over and revokes the keys of callers.
    #[command(subcommand)]
    Keys(keys::Args),
    /// Lists what needs a person, with why, since when and what to do.
    Stuck(stuck::Args),
    /// Tells why a payment is what it is, by any of its three names.
    Why(why::Args),
    /// Asks the gateway about a payment now.
    Check(check::Args),
    /// Assigns a payment, notes something, puts it off, or says that it is settled.
    Care(care::Args),
    /// Does the same to everything that is stuck and fits a filter.
    Bulk(bulk::Args),
    /// Forces a payment's state, accepts the gateway's, or sends again what nobody knows of.
    #[command(disable_version_flag = true)]
    Resolve(resolve::Args),
    /// Lists and decides what waits for a second person.
    Proposals(proposals::Args),
    /// Stops new payments, withdrawals or polling by hand, and lets them go again.
    Switch(switch::Args),
    /// Lists what the gateway told, runs it again, dismisses and restores it.
    #[command(subcommand)]
    Webhooks(webhooks::Args),
    /// Compares our payments of a window with the gateway's list.
    Reconcile(reconcile::Args),
    /// Writes a file for finance: transactions, breaks or daily-summary.
    Export(export::Args),
    /// Lists the differences that were found.
    Breaks(breaks::Args),
    /// Forwards the events of a service to a program, one after the other, and loses none.
    Listen(listen::Args),
    /// Has events sent again.
    #[command(subcommand)]
    Events(events::Args),
    /// Ends a payment of yours at a simulated gateway, so that you see what you are told then.
    Trigger(trigger::Args),
    /// Folds every ledger, compares it with its payment, and looks for broken invariants.
    Verify,
    /// Prints the settings that are in force, secrets masked.
    Settings,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All is well.
    Fine,
    /// It did its work and found something: a violation, no such payment.
    Found,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The settings or the arguments.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// `log.*`.
    #[error(transparent)]
    Log(#[from] InvalidLog),
    /// Something that a person must put right before it can work.
    #[error("{0}")]
    Usage(String),
    /// The service did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The tables are not there, or are another version's.
    #[error("the database's schema is not the one of this program; `api migrate` brings an older one up to date")]
    Schema,
    /// The database does not do what it is asked.
    #[error("the database cannot be used")]
    Store(#[from] store::StoreError),
    /// The gateway is no simulated one, or does not answer as one.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A deed was refused, or failed.
    #[error(transparent)]
    Deed(#[from] orchestrator::DeedError),
    /// A run that could not be brought to its end.
    #[error("the comparison failed; what it found is kept, and nothing was closed")]
    Unfinished,
    /// A file that could not be written to its end.
    #[error("the export failed; no file was written")]
    NotExported,
    /// The terminal, a file or a socket.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl CommandError {
    /// What is wrong with a window, by its options.
    fn of_window(wrong: Vec<WindowError>) -> Self {
        let wrong: Vec<String> = wrong.into_iter().map(|(field, detail)| format!("--{field} {detail}")).collect();
        Self::Usage(wrong.join("; "))
    }

    fn exit_code(&self) -> u8 {
        match self {
            // What stands against it is what was found.
            Self::Deed(error) if !error.is_unavailability() => 1,
            Self::Settings(_)
            | Self::Log(_)
            | Self::Usage(_)
            | Self::Sandbox(SandboxError::Settings(_) | SandboxError::Simulator(SimulatorError::Real(_)))
            | Self::Start(
                StartError::Client(_)
                | StartError::SigningKey(_)
                | StartError::MasterKey(_)
                | StartError::Receivers(_)
                | StartError::Bucket(_)
                | StartError::Tracing(_)
                | StartError::OpenId(_)
                | StartError::DatabaseUrl(_),
            ) => 2,
            Self::Start(StartError::Store(_) | StartError::Listen(_))
            | Self::Schema
            | Self::Store(_)
            | Self::Sandbox(SandboxError::Simulator(_))
            | Self::Deed(_)
            | Self::Unfinished
            | Self::NotExported
            | Self::Io(_) => 3,
        }
    }

    /// The error and what caused it, in one line.
    fn line(&self) -> String {
        let mut line = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !line.ends_with(&cause_text) {
                line = format!("{line}: {cause_text}");
            }
            source = cause.source();
        }
        line.replace('\n', " ")
    }
}

/// Runs one command. Exit codes: 0 fine, 1 found something, 2 usage or settings, 3 unavailable.
pub fn run(cli: Cli) -> ExitCode {
    let output = Output::new(cli.json);
    let outcome = runtime().map_err(CommandError::from).and_then(|runtime| {
        let outcome = runtime.block_on(dispatch(cli, &output));
        // What still waits for somebody else is cut off here; everything durable is looked after at the next start.
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        outcome
    });
    match outcome {
        Ok(Ending::Fine) => ExitCode::SUCCESS,
        Ok(Ending::Found) => ExitCode::from(1),
        Err(error) => {
            output.error(&error.line());
            ExitCode::from(error.exit_code())
        }
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("work").build()
}

async fn dispatch(cli: Cli, output: &Output) -> Result<Ending, CommandError> {
    let settings = || -> Result<Settings, CommandError> { Ok(load(cli.settings.as_deref(), std::env::vars())?) };
    match cli.command {
        Command::Serve => serve::run(&settings()?).await,
        Command::Local(args) => local::run(&args, cli.settings.as_deref(), output).await,
        Command::Migrate => migrate::run(&settings()?, output).await,
        Command::Keys(args) => keys::run(args, &settings()?, output).await,
        Command::Stuck(args) => stuck::run(&args, &settings()?, output).await,
        Command::Why(args) => why::run(&args, &settings()?, output).await,
        Command::Check(args) => check::run(&args, &settings()?, output).await,
        Command::Care(args) => care::run(&args, &settings()?, output).await,
        Command::Bulk(args) => bulk::run(&args, &settings()?, output).await,
        Command::Resolve(args) => Box::pin(resolve::run(&args, &settings()?, output)).await,
        Command::Proposals(args) => Box::pin(proposals::run(&args, &settings()?, output)).await,
        Command::Switch(args) => switch::run(&args, &settings()?, output).await,
        Command::Webhooks(args) => webhooks::run(args, &settings()?, output).await,
        Command::Reconcile(args) => reconcile::run(&args, &settings()?, output).await,
        Command::Export(args) => export::run(&args, &settings()?, output).await,
        Command::Breaks(args) => breaks::run(&args, &settings()?, output).await,
        Command::Listen(args) => listen::run(&args, output).await,
        Command::Events(args) => events::run(args, &settings()?, output).await,
        Command::Trigger(args) => trigger::run(&args, output).await,
        Command::Verify => verify::run(&settings()?, output).await,
        Command::Settings => self::settings::run(&settings()?, *output),
    }
}

/// The database of the settings, as it is; short commands use it beside a process that serves.
async fn connect(settings: &Settings) -> Result<store::Database, CommandError> {
    let url: store::DatabaseUrl = settings.database.url.expose().parse().map_err(StartError::from)?;
    let pools = store::PoolSettings { requests: 1, webhooks: 1, workers: 1, reads: 1, ..Default::default() };
    let database = store::connect(&url, &pools).await?;
    if database.reads.health().await?.migrated { Ok(database) } else { Err(CommandError::Schema) }
}
