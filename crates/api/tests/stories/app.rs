//! The application under test, and what a story does with it.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::application::{Application, Ingredients, open_database};
use api::settings::{self, Settings};
use chrono::TimeDelta;
use domain::Time;
use gateway_simulator::{Engine, FaceOptions, Fault, ManualClock, Running, Setup, Shop};
use orchestrator::Clock;
use serde_json::{Value, json};
use store::{KeyRecord, Scope};
use strum::VariantArray as _;

use crate::document::{Sent, hold_against};

pub(crate) const SIGNING_KEY: &str = "a-signing-key-of-the-shop";
pub(crate) const API_KEY: &str = "an-api-key-of-the-shop";
pub(crate) const SECOND_API_KEY: &str = "an-api-key-of-the-second-shop";
pub(crate) const SECOND_SIGNING_KEY: &str = "a-signing-key-of-the-second-shop";
pub(crate) const CALLER_KEY: &str = "pk_a-key-that-may-do-everything";

/// Makes two tests of each story: one on SQLite, one on PostgreSQL.
macro_rules! on_every_store {
    ($($(#[$about:meta])* async fn $name:ident($app:ident: TestApp) $story:block)*) => {
        $($(#[$about])* async fn $name(#[allow(unused_mut)] mut $app: $crate::app::TestApp) $story)*

        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::app::TestApp::start($crate::app::Kind::Sqlite).await).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::app::TestApp::start($crate::app::Kind::Postgres).await).await;
            })*
        }
    };
}
pub(crate) use on_every_store;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// Time that moves only when a story says so.
#[derive(Clone)]
pub(crate) struct HandClock {
    gateway: ManualClock,
    ours: ManualClock,
    started: chrono::DateTime<chrono::Utc>,
}

impl Clock for HandClock {
    fn now(&self) -> Time {
        Time::new(self.ours.now())
    }

    fn uptime(&self) -> Duration {
        Duration::from_secs(1_000) + (self.gateway.now() - self.started).to_std().unwrap()
    }
}

/// Where the data lies, for as long as the story goes.
pub(crate) enum Data {
    Sqlite(tempfile::TempDir),
    Postgres(test_postgres::TestDatabase),
    /// A server that the story has for itself, to stop and to start.
    Server(test_postgres::Cluster),
}

impl Data {
    pub(crate) async fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self::Sqlite(tempfile::tempdir().unwrap()),
            Kind::Postgres => Self::Postgres(test_postgres::database().await),
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("payments.db").display()),
            Self::Postgres(database) => database.url.clone(),
            Self::Server(cluster) => cluster.url().to_owned(),
        }
    }
}

pub(crate) struct TestApp {
    pub(crate) application: Option<Application>,
    pub(crate) gateway: Running,
    pub(crate) clock: HandClock,
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) data: Data,
    pub(crate) settings: Settings,
    /// Where files for finance are written.
    files: tempfile::TempDir,
}

/// An answer of the service, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.unwrap();
        let sent = Sent::of(&request);
        let response = client.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        hold_against(&sent, status, &headers, &bytes);
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
        Self { status, headers, body }
    }
}

impl TestApp {
    pub(crate) async fn start(kind: Kind) -> Self {
        Self::start_with(kind, &[]).await
    }

    /// Starts with settings of its own: pairs of names and values as in the environment.
    pub(crate) async fn start_with(kind: Kind, pairs: &[(&str, &str)]) -> Self {
        Self::start_on(Data::new(kind).await, pairs).await
    }

    pub(crate) async fn start_on(data: Data, pairs: &[(&str, &str)]) -> Self {
        let gateway_clock = ManualClock::at(now());
        let (ours, started) = (ManualClock::at(gateway_clock.now()), gateway_clock.now());
        let clock = HandClock { gateway: gateway_clock.clone(), ours, started };
        let gateway = simulated_gateway(gateway_simulator::Clock::Manual(gateway_clock));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let files = tempfile::tempdir().unwrap();
        let settings = read_settings(environment(&data, &gateway.url(), &url, &kept_in(&files, pairs)));
        let open = open_database(&settings).await.unwrap();
        admit(open.database.keys.as_ref(), CALLER_KEY, Scope::VARIANTS, &[]).await;
        let ingredients = Ingredients { listener, database: open, clock: Arc::new(clock.clone()), workers: false };
        let application = Application::start(&settings, ingredients).unwrap();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { application: Some(application), gateway, clock, http, url, data, settings, files }
    }

    /// Stops the service and starts it again over the same data, at the same address.
    pub(crate) async fn restart(&mut self) {
        self.restart_with(&[]).await;
    }

    /// The same, with other settings.
    pub(crate) async fn restart_with(&mut self, pairs: &[(&str, &str)]) {
        assert!(self.application.take().unwrap().stop().await);
        let pairs = kept_in(&self.files, pairs);
        self.settings = read_settings(environment(&self.data, &self.gateway.url(), &self.url, &pairs));
        self.start_again().await;
    }

    /// Starts what is stopped, as its settings are.
    pub(crate) async fn start_again(&mut self) {
        let listener = TcpListener::bind(self.url.strip_prefix("http://").unwrap()).unwrap();
        let open = open_database(&self.settings).await.unwrap();
        let clock = Arc::new(self.clock.clone());
        let ingredients = Ingredients { listener, database: open, clock, workers: false };
        self.application = Some(Application::start(&self.settings, ingredients).unwrap());
    }

    /// The service itself.
    pub(crate) fn serving(&self) -> &Application {
        self.application.as_ref().unwrap()
    }

    // What callers do.

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.http.post(self.at(path)).json(body).bearer_auth(CALLER_KEY)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(self.at(path)).bearer_auth(CALLER_KEY)).await
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        Answer::of(request).await
    }

    /// What Prometheus would read.
    pub(crate) async fn metrics(&self) -> String {
        // As the worker does, now and then.
        let _ = self.serving().sampler().step(self.clock.now()).await;
        self.http.get(self.at("/metrics")).send().await.unwrap().text().await.unwrap()
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Orders a deposit of 11.12 EUR.
    pub(crate) async fn take(&self, reference: &str) -> Answer {
        self.post("/v1/payments", &order(reference)).await
    }

    /// Orders this, which is taken.
    pub(crate) async fn take_order(&self, order: &Value) -> Value {
        let taken = self.post("/v1/payments", order).await;
        assert_eq!(taken.status, 201, "{taken:?}");
        taken.body
    }

    /// The payment as the service shows it now.
    pub(crate) async fn payment(&self, reference: &str) -> Value {
        let found = self.get(&format!("/v1/payments/by-reference/{reference}")).await;
        assert_eq!(found.status, 200, "{found:?}");
        found.body
    }

    /// Waits until the payment is final, as a caller does.
    pub(crate) async fn end_of(&self, reference: &str) -> Value {
        self.get(&format!("/v1/payments/by-reference/{reference}?wait=20")).await.body
    }

    // What the customer does, at the checkout page.

    pub(crate) async fn customer(&self, reference: &str, deed: &str, form: &[(&str, &str)]) -> Answer {
        let url = format!("{}/checkout/by-reference/{reference}/{deed}", self.gateway.url());
        self.send(self.http.post(url).form(form)).await
    }

    pub(crate) async fn pay(&self, reference: &str) {
        let paid = self.customer(reference, "pay", &[]).await;
        assert_eq!(paid.status, 200, "{paid:?}");
    }

    // What the gateway does.

    pub(crate) fn fault(&self, reference: &str, fault: Fault) {
        self.gateway.with(|engine, _| engine.faults_mut().add(reference, fault, Some(1)));
    }

    pub(crate) fn posts_of(&self, reference: &str) -> u32 {
        self.gateway.with(|engine, _| engine.counters().posts_of(reference))
    }

    pub(crate) fn gateway_payments_of(&self, reference: &str) -> usize {
        self.gateway.with(|engine, _| engine.payments_of(reference).count())
    }

    /// How often the faults of the gateway struck so far, all of them together.
    pub(crate) fn faults_struck(&self) -> u64 {
        self.gateway.with(|engine, _| engine.counters().faults().values().sum())
    }

    /// Delivers a notice to the service, as the gateway would.
    pub(crate) async fn notify(&self, body: &str, signature: Option<&str>) -> Answer {
        let mut request = self.http.post(self.at("/webhooks/paytech/main")).body(body.to_owned());
        if let Some(signature) = signature {
            request = request.header("Signature", signature);
        }
        self.send(request).await
    }

    // What time does.

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.gateway.advance(TimeDelta::from_std(by).unwrap());
        self.clock.ours.advance(TimeDelta::from_std(by).unwrap());
    }

    /// From now on the gateway's clock is that much slow.
    pub(crate) fn let_the_gateways_clock_fall_behind(&self, by: Duration) {
        self.clock.ours.advance(TimeDelta::from_std(by).unwrap());
    }

    pub(crate) async fn run_workers_until_idle(&self) {
        let desk = self.application.as_ref().unwrap().desk();
        for _ in 0..2_000 {
            if !api::workers::step(desk, 16).await.unwrap() {
                return;
            }
        }
        panic!("the workers never come to rest");
    }

    /// Moves time on in small steps and lets the workers work, as the hours go by.
    pub(crate) async fn pass(&self, total: Duration, step: Duration) {
        let mut passed = Duration::ZERO;
        while passed < total {
            self.advance(step);
            passed += step;
            self.run_workers_until_idle().await;
        }
    }

    /// The database, past the service.
    pub(crate) async fn database(&self) -> store::Database {
        store_of(&self.settings).await
    }

    /// What the proof of the books finds.
    pub(crate) async fn prove_the_books(&self) {
        let open = store_of(&self.settings).await;
        let verified = orchestrator::Verified::run(open.reads.as_ref(), None).await.unwrap();
        assert!(verified.is_fine(), "{verified:?}");
    }
}

pub(crate) fn order(reference: &str) -> Value {
    json!({
        "referenceId": reference, "paymentType": "DEPOSIT", "amount": "11.12", "currency": "EUR",
        "paymentMethod": "BASIC_CARD",
    })
}

/// The settings with a folder for files, unless they name one.
fn kept_in<'a>(files: &'a tempfile::TempDir, pairs: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let folder = ("EXPORTS__FOLDER", files.path().to_str().unwrap());
    std::iter::once(folder).chain(pairs.iter().copied()).collect()
}

async fn store_of(settings: &Settings) -> store::Database {
    let url = settings.database.url.expose().parse().unwrap();
    let pools = store::PoolSettings { requests: 1, webhooks: 1, workers: 1, reads: 1, ..Default::default() };
    store::connect(&url, &pools).await.unwrap()
}

/// Lets a key in; without shops it may see all.
pub(crate) async fn admit(keys: &dyn store::Keys, key: &str, scopes: &[Scope], shops: &[&str]) {
    let record = KeyRecord {
        scopes: scopes.iter().copied().collect(),
        shops: shops.iter().map(|shop| shop.parse().unwrap()).collect(),
        ..KeyRecord::new(api::Ids.next(), "test", api::http::digest(key).to_vec(), Time::EPOCH)
    };
    keys.add_key(&record).await.unwrap();
}

pub(crate) fn simulated_gateway(clock: gateway_simulator::Clock) -> Running {
    let mut setup = Setup::of_shop(Shop::new("main", API_KEY, SIGNING_KEY));
    setup.shops.push(Shop::new("second", SECOND_API_KEY, SECOND_SIGNING_KEY));
    let engine = Engine::new(setup);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = FaceOptions { clock, public_url: None, data: None };
    gateway_simulator::serve(listener, Arc::new(Mutex::new(engine)), options).unwrap()
}

/// What the service is told about where it is; `pairs` win.
pub(crate) fn environment(data: &Data, gateway: &str, url: &str, pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let data = data.url();
    let usual = [
        ("DATABASE__URL", data.as_str()),
        ("GATEWAY__BASE_URL", gateway),
        ("PUBLIC_URL", url),
        ("MASTER_KEY", "a-master-key-for-tests-of-32-characters"),
        ("SHOPS__MAIN__API_KEY", API_KEY),
        ("SHOPS__MAIN__SIGNING_KEY", SIGNING_KEY),
        ("HTTP__WORKERS", "2"),
        // Where a story does not want it, no window is compared, whatever time it is.
        ("RECONCILIATION__ENABLED", "false"),
        ("CONSOLE__PLAIN_COOKIES", "true"),
        ("DATABASE__REQUEST_CONNECTIONS", "2"),
        ("DATABASE__WEBHOOK_CONNECTIONS", "1"),
        ("DATABASE__WORKER_CONNECTIONS", "1"),
        ("DATABASE__READ_CONNECTIONS", "2"),
    ];
    usual.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn read_settings(environment: BTreeMap<String, String>) -> Settings {
    let settings = settings::load(None, environment).unwrap();
    settings.check_for_serving().unwrap();
    settings
}

/// Waits for something that happens by itself; a story fails when it does not.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    let came = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert!(came.is_ok(), "{what} never came");
}

/// Stories begin now, so that the service's clock and the database's agree until a story moves time.
#[allow(clippy::disallowed_methods, reason = "the beginning of a story is the one moment taken from the machine")]
fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}
