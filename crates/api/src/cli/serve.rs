use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::{CommandError, Ending};
use crate::application::{Application, Ingredients, StartError, open_database};
use crate::clock::SystemClock;
use crate::logs;
use crate::sandbox;
use crate::settings::{Settings, refuse_proxies};

/// Serves until it is told to stop; a second signal does not wait for work in hand.
pub(super) async fn run(settings: &Settings) -> Result<Ending, CommandError> {
    settings.check_for_serving()?;
    refuse_proxies(std::env::vars())?;
    logs::start(&settings.log)?;
    // The socket first: a port that is taken is found before the database is touched.
    let listener = listen("the service", settings.http.listen)?;
    let application = start(settings, listener).await?;
    tracing::info!(address = %application.address(), version = env!("CARGO_PKG_VERSION"), "serving");
    stop_signal().await?;
    stop(application).await
}

/// A socket for `who`; an error names both.
pub(super) fn listen(who: &str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|error| {
        let message = format!("{who} cannot listen on {address}: {error}");
        StartError::Listen(io::Error::new(error.kind(), message))
    })
}

/// Starts the service on this socket.
pub(super) async fn start(settings: &Settings, listener: TcpListener) -> Result<Application, CommandError> {
    sandbox::open(settings).await?;
    let database = open_database(settings).await?;
    let ingredients = Ingredients { listener, database, clock: Arc::new(SystemClock), workers: true };
    Ok(Application::start(settings, ingredients)?)
}

/// Finishes what was begun, unless a second signal comes.
pub(super) async fn stop(application: Application) -> Result<Ending, CommandError> {
    tracing::info!("stopping");
    tokio::select! {
        drained = application.stop() => {
            if !drained {
                tracing::warn!("work was left; it is looked after at the next start");
            }
        }
        signal = stop_signal() => {
            signal?;
            tracing::warn!("stopped at once");
        }
    }
    Ok(Ending::Fine)
}

/// Waits for SIGTERM or SIGINT.
pub(super) async fn stop_signal() -> Result<(), CommandError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
