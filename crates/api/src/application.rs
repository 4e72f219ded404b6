//! Where everything is wired. Tests start the application exactly as `main` does, on port 0.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App as ActixApp, HttpServer};
use domain::ShopName;
use gateway_client::client::{Client, ClientError};
use gateway_client::signature::{EmptySigningKey, Encoding, SigningKeys};
use orchestrator::{
    BulkWorker, Clock, Desk, Exporter, Gateway, HttpGateway, InvalidBucket, InvalidMasterKey, Parts, Publisher, Pusher,
    Reconciler, Repeater, Resolver, Vault,
};
use store::{Coalescer, Database, OwnerId, StoreError};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::console::{self, OpenId, OpenIdError};
use crate::http::{self, App, KnownKeys, RateLimit, UsedKeys};
use crate::ids::Ids;
use crate::metered::{MeteredGateway, MeteredStore};
use crate::metrics::Metrics;
use crate::nats::NatsStream;
use crate::receivers::{HttpReceivers, Reachable};
use crate::sampling::Sampler;
use crate::settings::{self, Settings, SignatureEncoding};
use crate::traced::TracedGateway;
use crate::traces::{NotTraceable, Traces};
use crate::trend::Trend;
use crate::workers;
use crate::works::Works;

/// Idle connections of callers are kept for this long.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The service, serving.
pub struct Application {
    address: SocketAddr,
    app: Data<App>,
    sampler: Arc<Sampler>,
    publisher: Option<Arc<Publisher>>,
    server: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
    drain: Duration,
    open: OpenDatabase,
}

/// What an application is made of, beside its settings.
pub struct Ingredients {
    /// Where it listens.
    pub listener: TcpListener,
    /// The database, open and migrated.
    pub database: OpenDatabase,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Whether the workers' loops run; a test steps them by hand.
    pub workers: bool,
}

/// A database, and whatever must be held while it is served.
pub struct OpenDatabase {
    /// Its three faces.
    pub database: Database,
    /// The lock of an embedded database: a second process must not serve from it.
    pub lock: Option<store::ServingLock>,
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// `database.url`.
    #[error("database.url: {0}")]
    DatabaseUrl(#[from] store::InvalidDatabaseUrl),
    /// `gateway.*` or a shop's API key.
    #[error("gateway: {0}")]
    Client(#[from] ClientError),
    /// A shop's signing key.
    #[error("a signing key is empty")]
    SigningKey(#[from] EmptySigningKey),
    /// What events are sent with.
    #[error("webhook_endpoints: nothing can be sent")]
    Receivers(#[from] reqwest::Error),
    /// `master_key`.
    #[error("master_key: {0}")]
    MasterKey(#[from] InvalidMasterKey),
    /// `console.openid`.
    #[error("console.openid: {0}")]
    OpenId(#[from] OpenIdError),
    /// `exports.bucket`.
    #[error("exports.bucket: {0}")]
    Bucket(#[from] InvalidBucket),
    /// `tracing`.
    #[error("tracing: {0}")]
    Tracing(#[from] NotTraceable),
    /// The socket.
    #[error("cannot listen")]
    Listen(#[from] io::Error),
}

/// Opens the database that the settings name, brings it up to date if they say so, and locks it for serving.
pub async fn open_database(settings: &Settings) -> Result<OpenDatabase, StartError> {
    let url: store::DatabaseUrl = settings.database.url.expose().parse()?;
    let lock = url.file().map(store::lock_for_serving).transpose()?;
    if settings.database.migrate {
        store::migrate(&url).await?;
    }
    let database = store::connect(&url, &pools(settings)).await?;
    Ok(OpenDatabase { database, lock })
}

/// Where exports are written, as the settings say.
pub fn exporter(settings: &Settings, database: &Database, desk: Arc<Desk>) -> Result<Exporter, StartError> {
    let exports = crate::failpoint::around_exports(database.exports.clone());
    let books = database.books.clone();
    let differences = database.reconciliations.clone();
    let (shelf, rules) = (settings.shelf()?, settings.export_rules());
    Ok(Exporter::new(desk, exports, books, differences, shelf, rules, env!("CARGO_PKG_VERSION")))
}

/// Where the same is done to many, as the settings say.
pub fn bulk_worker(settings: &Settings, database: &Database, desk: Arc<Desk>) -> BulkWorker {
    let records = crate::failpoint::around_bulk_actions(database.bulk_actions.clone());
    let (reads, inbox, events) = (database.reads.clone(), database.inbox.clone(), database.events.clone());
    BulkWorker::new(desk, records, reads, inbox, events, settings.stuck.bulk_items_max)
}

/// What compares the books with the gateway's.
fn reconciler(settings: &Settings, database: &Database, desk: Arc<Desk>) -> Reconciler {
    let (records, settlements) = (database.reconciliations.clone(), database.settlements.clone());
    Reconciler::new(desk, records, settlements, settings.reconciliation_rules())
}

/// Where people resolve what the machine may not, as the settings say.
pub fn resolver(settings: &Settings, database: &Database, desk: Arc<Desk>) -> Resolver {
    Resolver::new(desk, database.proposals.clone(), settings.resolve_rules())
}

/// The sizes of the pools, from the settings.
pub fn pools(settings: &Settings) -> store::PoolSettings {
    let database = &settings.database;
    store::PoolSettings {
        requests: database.request_connections,
        webhooks: database.webhook_connections,
        workers: database.worker_connections,
        reads: database.read_connections,
        ..store::PoolSettings::default()
    }
}

impl Application {
    /// Starts the service; to be called on the runtime that its work shall run on.
    pub fn start(settings: &Settings, ingredients: Ingredients) -> Result<Self, StartError> {
        let Ingredients { listener, database: open, clock, workers: with_workers } = ingredients;
        let address = listener.local_addr()?;
        let works = Works::on(Handle::current());
        let metrics = Arc::new(Metrics::default());
        let traces = Arc::new(Traces::new(&settings.tracing, Handle::current(), &metrics)?);
        let desk = Arc::new(metered_desk(settings, &open.database, Arc::clone(&clock), &metrics, &traces)?);
        let sampler = Arc::new(sampler(settings, &open.database, &metrics));
        let reconciler = Arc::new(reconciler(settings, &open.database, Arc::clone(&desk)));
        let resolver = Arc::new(resolver(settings, &open.database, Arc::clone(&desk)));
        let bulk = Arc::new(bulk_worker(settings, &open.database, Arc::clone(&desk)));
        let exporter = Arc::new(exporter(settings, &open.database, Arc::clone(&desk))?);
        let receivers = Arc::new(HttpReceivers::new(&settings.webhook_endpoints, Arc::clone(&traces))?);
        let (events, reads) = (open.database.events.clone(), open.database.reads.clone());
        let pusher = Arc::new(Pusher::new(Arc::clone(&desk), events, reads, receivers, settings.push_rules()));
        let publisher = publisher(settings, &open.database, &desk);
        let repeater = Arc::new(repeater(settings, &open.database, &desk));
        let rate_limit = settings.callers.rate().map(|rate| Arc::new(RateLimit::new(rate, clock)));
        let webhooks = &settings.webhook_endpoints;
        let reachable = Arc::new(Reachable::new(webhooks.allowed_networks.clone(), webhooks.allow_http));
        if with_workers {
            let hands = workers::Hands {
                desk: &desk,
                books: open.database.books.clone(),
                switches: open.database.switches.clone(),
                reconciler: &reconciler,
                exporter: &exporter,
                bulk: &bulk,
                pusher: &pusher,
                repeater: &repeater,
                publisher: publisher.as_ref(),
                sampler: &sampler,
            };
            workers::start(hands, &works, settings);
        }
        let app = Data::new(App {
            desk,
            reconciler,
            window_max: http::window_max(settings.reconciliation.window_days_max),
            settlement_columns: settings.settlement_columns(),
            settlement_bytes_max: settings.settlements.bytes_max,
            exporter,
            bulk,
            export_window_max: http::window_max(settings.exports.window_days_max),
            pusher,
            reachable,
            repeater,
            resolver,
            switches: open.database.switches.clone(),
            reads: open.database.reads.clone(),
            inbox: open.database.inbox.clone(),
            keys: open.database.keys.clone(),
            sessions: open.database.sessions.clone(),
            replicas: open.database.replicas.clone(),
            trend: Trend::default(),
            console: settings.console.clone(),
            openid: OpenId::of(settings)?.map(Arc::new),
            known_keys: KnownKeys::default(),
            used_keys: UsedKeys::default(),
            trusted_proxies: settings.callers.trusted_proxies.clone(),
            rate_limit,
            works,
            ids: Ids,
            metrics,
            traces,
            shops: settings.shops.keys().cloned().collect::<BTreeSet<_>>(),
            default_shop: settings.default_shop(),
            unknown_methods: settings.payments.unknown_methods,
            runbook_url: settings.stuck.runbook_url.clone(),
            flows: settings.payments.flow_rules.clone(),
            body_patience: Duration::from_secs(settings.http.body_seconds),
            stopping: AtomicBool::new(false),
        });
        if with_workers {
            app.works.begin(workers::watch(app.clone().into_inner()));
        }
        let (drain, shared) = (Duration::from_secs(settings.http.drain_seconds), app.clone());
        let mut server = HttpServer::new(move || {
            let app = ActixApp::new().app_data(shared.clone()).wrap(from_fn(http::around));
            app.configure(console::routes).configure(http::routes)
        })
        .disable_signals()
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(Duration::from_secs(settings.http.head_seconds))
        .max_connections(settings.http.connections_max)
        .shutdown_timeout(settings.http.drain_seconds);
        if settings.http.workers > 0 {
            server = server.workers(settings.http.workers);
        }
        let server = server.listen(listener)?.run();
        Ok(Self {
            address,
            app,
            sampler,
            publisher,
            server: server.handle(),
            serving: tokio::spawn(server),
            drain,
            open,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where all deeds are done, for those who step the workers by hand.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.app.desk
    }

    /// Where runs of reconciliation are carried out, likewise.
    pub fn reconciler(&self) -> &Reconciler {
        &self.app.reconciler
    }

    /// Where files for finance are written, likewise.
    pub fn exporter(&self) -> &Exporter {
        &self.app.exporter
    }

    /// Where the same is done to many, likewise.
    pub fn bulk(&self) -> &BulkWorker {
        &self.app.bulk
    }

    /// Where events are told from, likewise.
    pub fn pusher(&self) -> &Arc<Pusher> {
        &self.app.pusher
    }

    /// Where requests with names are held against those before, likewise.
    pub fn repeater(&self) -> &Repeater {
        &self.app.repeater
    }

    /// Where events are published from, if they are, likewise.
    pub fn publisher(&self) -> Option<&Publisher> {
        self.publisher.as_deref()
    }

    /// Where the database is asked for the metrics, likewise.
    pub fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// Says that it serves, and keeps how things stand, as it does every minute.
    pub async fn watch(&self) -> Result<(), StoreError> {
        workers::watch_once(&self.app, self.app.desk.now()).await
    }

    /// The callers' keys.
    pub fn keys(&self) -> &dyn store::Keys {
        self.app.keys.as_ref()
    }

    /// Stops: says so at `/readyz`, takes no new connection, and finishes what was begun. False if work was left when
    /// the patience was over; it is looked after at the next start.
    pub async fn stop(self) -> bool {
        self.app.stopping.store(true, Ordering::Relaxed);
        self.app.works.stopping().cancel();
        self.server.stop(true).await;
        let drained = self.app.works.drain(self.drain).await;
        let served = self.serving.await;
        self.app.traces.stop().await;
        self.open.database.close().await;
        drained && matches!(served, Ok(Ok(())))
    }
}

fn sampler(settings: &Settings, database: &Database, metrics: &Metrics) -> Sampler {
    let (interval, full) = (settings.metrics.interval_seconds, settings.metrics.full_interval_seconds);
    let full = Some(Duration::from_secs(full)).filter(|full| !full.is_zero());
    let stream = Some(settings.nats.stream.clone()).filter(|_| settings.nats.is_on());
    Sampler::new(database, stream, Duration::from_secs(interval), full, Arc::clone(metrics.latest()))
}

/// Where requests with names are held against those before, as the settings say.
fn repeater(settings: &Settings, database: &Database, desk: &Arc<Desk>) -> Repeater {
    let requests = crate::failpoint::around_named_requests(database.named_requests.clone());
    Repeater::new(Arc::clone(desk), requests, settings.callers.idempotency_kept())
}

/// Where events are published from, if the settings name a server.
fn publisher(settings: &Settings, database: &Database, desk: &Arc<Desk>) -> Option<Arc<Publisher>> {
    let nats = Some(settings.nats.clone()).filter(settings::Nats::is_on)?;
    let (events, streams) = (database.events.clone(), database.streams.clone());
    Some(Arc::new(Publisher::new(Arc::clone(desk), events, streams, Arc::new(NatsStream::new(nats)))))
}

/// A desk for a command that is over in a moment: nobody reads what it measures.
pub(crate) fn desk(settings: &Settings, database: &Database, clock: Arc<dyn Clock>) -> Result<Desk, StartError> {
    let traces = Arc::new(Traces::unrecorded(&settings.tracing));
    metered_desk(settings, database, clock, &Arc::default(), &traces)
}

fn metered_desk(
    settings: &Settings,
    database: &Database,
    clock: Arc<dyn Clock>,
    metrics: &Arc<Metrics>,
    traces: &Arc<Traces>,
) -> Result<Desk, StartError> {
    let store = crate::failpoint::around_store(database.store.clone());
    let store = Arc::new(MeteredStore { store, metrics: Arc::clone(metrics) });
    let gateway: Arc<dyn Gateway> = Arc::new(HttpGateway::new(clients(settings)?));
    let gateway: Arc<dyn Gateway> =
        Arc::new(MeteredGateway { gateway, clock: Arc::clone(&clock), metrics: Arc::clone(metrics) });
    let gateway = crate::failpoint::around_gateway(gateway);
    Ok(Desk::new(Parts {
        store: Arc::new(Coalescer::new(store, settings.database.batch_max)),
        means: database.means.clone(),
        gateway: Arc::new(TracedGateway { gateway, traces: Arc::clone(traces) }),
        clock,
        vault: Vault::new(settings.master_key.secret())?,
        signing_keys: signing_keys(settings)?,
        owner: OwnerId(Ids.next()),
        rules: settings.rules(),
    }))
}

fn clients(settings: &Settings) -> Result<BTreeMap<ShopName, Client>, ClientError> {
    let gateway = &settings.gateway;
    let seconds = Duration::from_secs;
    let client = |api_key: secrecy::SecretString| {
        let mut settings = gateway_client::client::Settings::new(&gateway.base_url, api_key);
        settings.connect_timeout = seconds(gateway.connect_seconds);
        settings.read_timeout = seconds(gateway.answer_seconds);
        settings.post_timeout = seconds(gateway.answer_seconds);
        settings.command_timeout = seconds(gateway.command_seconds);
        settings.idle_timeout = seconds(gateway.idle_seconds);
        Client::new(&settings)
    };
    settings.shops.iter().map(|(name, shop)| Ok((name.clone(), client(shop.api_key.secret().clone())?))).collect()
}

fn signing_keys(settings: &Settings) -> Result<BTreeMap<ShopName, SigningKeys>, EmptySigningKey> {
    let encoding = match settings.gateway.signature {
        SignatureEncoding::Hex => Encoding::Hex,
        SignatureEncoding::Base64 => Encoding::Base64,
        SignatureEncoding::Auto => Encoding::Auto,
    };
    let keys = |shop: &crate::settings::Shop| {
        let previous = Some(&shop.previous_signing_key).filter(|key| key.is_set()).map(|key| key.secret().clone());
        SigningKeys::new(shop.signing_key.secret().clone(), previous, encoding)
    };
    settings.shops.iter().map(|(name, shop)| Ok((name.clone(), keys(shop)?))).collect()
}
