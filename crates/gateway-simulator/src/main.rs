//! The gateway simulator on a port of this machine.

use std::{
    fs, io,
    io::Write,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use clap::{Args, Parser, Subcommand};
use gateway_simulator::{Endpoint, Engine, FaceOptions, Fault, RecordsError, Setup, Shop, Switches, load, serve};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The pay.tech gateway, simulated: the payments API, a checkout page, signed webhooks, and faults on demand.
#[derive(Parser)]
#[command(version, about)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Listen until Ctrl-C or SIGTERM.
    ///
    /// The API is under /api/v1, the checkout under /checkout, switches, faults and counters under /control.
    /// The control endpoint asks for no key, so listen on a loopback address.
    #[command(after_help = what_there_is())]
    Serve(Serve),
}

/// What it answers to, and what can be had without any set-up, by the beginning of a reference.
fn what_there_is() -> String {
    let (prefixes, switches) = (Fault::list(), Switches::list());
    let endpoints = Endpoint::ALL.map(|(_, target)| target).join("\n  ");
    format!(
        "Endpoints:\n  {endpoints}\n\nA payment whose referenceId begins with one of these meets, the first time it is \
         posted:{prefixes}\n\nSwitches, with their defaults; a JSON object of them goes to --switches FILE or PUT \
         /control/switches:{switches}\n\nPlanned faults: /control/faults."
    )
}

#[derive(Args)]
struct Serve {
    /// The address and port to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// The address under which customers reach the checkout, if it is another one.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The Bearer key of the shop.
    #[arg(long, env = "GATEWAY_SIMULATOR_API_KEY", hide_env_values = true, default_value = "sandbox-api-key")]
    api_key: String,
    /// The key that the shop's webhooks are signed with.
    #[arg(long, env = "GATEWAY_SIMULATOR_SIGNING_KEY", hide_env_values = true, default_value = "sandbox-signing-key")]
    signing_key: String,
    /// Where webhooks go when a payment names no place of its own.
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    /// Further shops: a JSON array of {"name", "apiKey", "signingKey", "webhookUrl"}.
    #[arg(long, value_name = "FILE")]
    shops: Option<PathBuf>,
    /// The switches: a JSON object as GET /control/switches shows it; what is left out keeps its default.
    #[arg(long, value_name = "FILE")]
    switches: Option<PathBuf>,
    /// Keep payments in this file, so that the next run finds them again.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Where all chance comes from; by default another one each time.
    #[arg(long)]
    seed: Option<u64>,
}

/// Why the simulator could not start, or not go on.
#[derive(Debug, Error)]
enum SimulatorError {
    #[error("cannot read {path}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{path} does not hold what is expected there")]
    Misfit { path: PathBuf, source: serde_json::Error },
    #[error("cannot take up the data file {path}")]
    Records { path: PathBuf, source: RecordsError },
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("the simulator stopped")]
    Stopped(#[from] io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let Command::Serve(arguments) = CommandLine::parse().command;
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Serve) -> Result<(), SimulatorError> {
    let address = arguments.listen;
    let listener = TcpListener::bind(address).map_err(|source| SimulatorError::Listen { address, source })?;
    let options =
        FaceOptions { public_url: arguments.public_url.clone(), data: arguments.data.clone(), ..Default::default() };
    let running = serve(listener, Arc::new(Mutex::new(engine(arguments)?)), options)?;
    writeln!(io::stdout(), "The gateway simulator listens on {0}; checkout pages on {0}/checkout", running.url())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminated.recv() => {}
    }
    Ok(running.stop().await?)
}

fn engine(arguments: Serve) -> Result<Engine, SimulatorError> {
    let Serve { api_key, signing_key, webhook_url, shops, switches, data, seed, .. } = arguments;
    let first = Shop { webhook_url, ..Shop::new("sandbox", api_key, signing_key) };
    let further: Vec<Shop> = shops.map(from_file).transpose()?.unwrap_or_default();
    let switches: Switches = switches.map(from_file).transpose()?.unwrap_or_default();
    let setup = Setup {
        shops: std::iter::once(first).chain(further).collect(),
        switches,
        seed: seed.unwrap_or_else(rand::random),
        ..Setup::of_shop(Shop::new("", "", ""))
    };
    match data {
        Some(path) => load(setup, &path).map_err(|source| SimulatorError::Records { path, source }),
        None => Ok(Engine::new(setup)),
    }
}

fn from_file<T: serde::de::DeserializeOwned>(path: PathBuf) -> Result<T, SimulatorError> {
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| SimulatorError::Misfit { path, source }),
        Err(source) => Err(SimulatorError::Unreadable { path, source }),
    }
}

/// The whole chain: the first line says what could not be done, the others why.
fn report(error: &dyn std::error::Error) {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // There is nowhere left to say that standard error is closed.
        let _ = writeln!(io::stderr(), "{error}");
        cause = error.source();
    }
}
