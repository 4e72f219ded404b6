//! The engine behind sockets: the gateway's API, a checkout page, a control endpoint, webhooks really sent.

mod checkout;
mod clock;
mod control;
mod gateway;
mod keeper;
mod page;
mod postman;
mod wire;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::{App, HttpServer, dev::ServerHandle, web};
use chrono::{DateTime, Utc};
use tokio::{sync::Notify, task::JoinHandle};

use crate::engine::Engine;
use keeper::Keeper;
use postman::Postman;
use wire::Wire;

pub use clock::{Clock, ManualClock};
pub use keeper::{RecordsError, load};

/// How the face shows itself.
#[derive(Debug, Clone)]
pub struct FaceOptions {
    /// Whose time it is.
    pub clock: Clock,
    /// The address under which customers reach the checkout, without a slash at the end; by default where
    /// the face listens.
    pub public_url: Option<String>,
    /// The file that the engine's records are kept in.
    pub data: Option<PathBuf>,
}

impl Default for FaceOptions {
    fn default() -> Self {
        Self { clock: Clock::System, public_url: None, data: None }
    }
}

/// A face that is being shown. Dropping it leaves it running; [`Running::stop`] ends it.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    desk: Arc<Desk>,
    server: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
    postman: JoinHandle<()>,
    keeper: Option<Keeper>,
}

/// Shows `engine` on `listener` until it is stopped; to be called within a tokio runtime.
///
/// The control endpoint asks for no key, so the listener belongs on a loopback address.
pub fn serve(listener: TcpListener, engine: Arc<Mutex<Engine>>, options: FaceOptions) -> io::Result<Running> {
    let address = listener.local_addr()?;
    let public_url = options.public_url.unwrap_or_else(|| format!("http://{address}"));
    let desk = Arc::new(Desk { engine, clock: options.clock, moved: Notify::new(), to_keep: Notify::new() });
    desk.lock().set_checkout_url(format!("{public_url}/checkout"));

    let postman = Postman::new(Arc::clone(&desk)).map_err(io::Error::other)?;
    let shared = web::Data::from(Arc::clone(&desk));
    let mail = web::Data::new(postman.clone());
    let server = HttpServer::new(move || App::new().app_data(shared.clone()).app_data(mail.clone()).configure(routes))
        .workers(2)
        .disable_signals()
        .shutdown_timeout(1)
        .on_connect(Wire::remember)
        .listen(listener)?
        .run();

    Ok(Running {
        address,
        server: server.handle(),
        serving: tokio::spawn(server),
        postman: tokio::spawn(async move { postman.run().await }),
        keeper: options.data.map(|path| Keeper::start(path, Arc::clone(&desk))),
        desk,
    })
}

impl Running {
    /// Where the face listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as an address to call, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets a deed happen in the engine at the face's time, as a request would.
    pub fn with<T>(&self, deed: impl FnOnce(&mut Engine, DateTime<Utc>) -> T) -> T {
        self.desk.with(deed)
    }

    /// Closes the sockets, lets running requests end for a moment, and writes the records a last time.
    pub async fn stop(self) -> io::Result<()> {
        self.server.stop(true).await;
        self.postman.abort();
        let served = self.serving.await.map_err(io::Error::other)?;
        if let Some(keeper) = self.keeper {
            keeper.stop().await?;
        }
        served
    }
}

/// What all handlers share.
#[derive(Debug)]
struct Desk {
    engine: Arc<Mutex<Engine>>,
    clock: Clock,
    /// Wakes the postman: something may be due now, or sooner than it thought.
    moved: Notify,
    /// Wakes the keeper.
    to_keep: Notify,
}

impl Desk {
    /// The one way for the face to use the engine, so that nobody forgets to wake the others.
    fn with<T>(&self, deed: impl FnOnce(&mut Engine, DateTime<Utc>) -> T) -> T {
        let outcome = deed(&mut self.lock(), self.clock.now());
        self.moved.notify_one();
        self.to_keep.notify_one();
        outcome
    }

    /// Without waking anybody. A panic elsewhere leaves the engine as it was between two calls at worst,
    /// and a simulator that answers on is worth more than one that does not.
    fn lock(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn routes(app: &mut web::ServiceConfig) {
    app.app_data(web::PayloadConfig::new(4 * 1024 * 1024))
        .service(web::scope("/control").configure(control::routes))
        .service(web::scope("/checkout").configure(checkout::routes))
        .default_service(web::to(gateway::handle));
}
