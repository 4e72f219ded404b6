//! A service with everything around it: its data, its address, its settings, and a simulated gateway that outlives it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Output;
use std::sync::{Arc, Mutex};

use domain::Time;
use gateway_simulator::{Engine, FaceOptions, Fault, Running, Setup, Shop, Switches, WebhookDelivery};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use store::{KeyRecord, Scope};
use strum::VariantArray as _;
use tempfile::TempDir;
use test_postgres::{Cluster, TestDatabase};
use tokio::time::timeout;

use crate::caller::Caller;
use crate::port::own_address;
use crate::process::{Process, program};
use crate::waiting::PATIENCE;

/// Makes two tests of each: one on SQLite, one on PostgreSQL.
macro_rules! on_every_store {
    ($($(#[$about:meta])* async fn $name:ident($kind:ident: Kind) $test:block)*) => {
        $($(#[$about])* async fn $name($kind: $crate::deployment::Kind) $test)*

        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::deployment::Kind::Sqlite).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::deployment::Kind::Postgres).await;
            })*
        }
    };
}
pub(crate) use on_every_store;

pub(crate) const MASTER_KEY: &str = "a-master-key-for-tests-of-32-characters";
pub(crate) const API_KEY: &str = "an-api-key-of-the-shop";
pub(crate) const SIGNING_KEY: &str = "a-signing-key-of-the-shop";
pub(crate) const CALLER_KEY: &str = "pk_a-key-that-may-do-everything";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// Where the data lies, for as long as the deployment stands.
pub(crate) enum Data {
    Sqlite,
    Postgres(TestDatabase),
    /// A server of the test's own, which it may stop.
    OwnServer(Cluster),
}

impl Data {
    async fn of(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self::Sqlite,
            Kind::Postgres => Self::Postgres(test_postgres::database().await),
        }
    }
}

pub(crate) struct Deployment {
    pub(crate) gateway: Running,
    pub(crate) data: Data,
    /// Holds the SQLite file and the log.
    pub(crate) folder: TempDir,
    environment: BTreeMap<String, String>,
}

impl Deployment {
    /// Everything but the service's process, with a caller's key let in.
    pub(crate) async fn new(kind: Kind) -> Self {
        Self::on(Data::of(kind).await).await
    }

    /// The same over data that the test has chosen.
    pub(crate) async fn on(data: Data) -> Self {
        let deployment = Self::over(data);
        let_in(deployment.setting("DATABASE__URL"), CALLER_KEY).await;
        deployment
    }

    /// A database in which nobody has made a table.
    pub(crate) async fn without_schema(kind: Kind) -> Self {
        Self::over(Data::of(kind).await)
    }

    /// Nothing but settings, some of them other than usual.
    pub(crate) fn of_settings(pairs: &[(&str, &str)]) -> Self {
        Self::over(Data::Sqlite).with(pairs)
    }

    /// The same with some settings other than they were.
    pub(crate) fn with(mut self, pairs: &[(&str, &str)]) -> Self {
        self.environment.extend(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.remove(name);
    }

    fn over(data: Data) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = match &data {
            Data::Sqlite => format!("sqlite:{}", folder.path().join("payments.db").display()),
            Data::Postgres(database) => database.url.clone(),
            Data::OwnServer(cluster) => cluster.url().to_owned(),
        };
        let gateway = simulated_gateway();
        let mut environment = environment(&database, &gateway.url());
        let exports = folder.path().join("exports").display().to_string();
        environment.insert("EXPORTS__FOLDER".to_owned(), exports);
        Self { gateway, data, folder, environment }
    }

    /// A setting, by its name as in the environment.
    pub(crate) fn setting(&self, name: &str) -> &str {
        &self.environment[name]
    }

    /// All of them.
    pub(crate) fn settings(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Where the data lies if it is in a file.
    pub(crate) fn database_file(&self) -> PathBuf {
        self.folder.path().join("payments.db")
    }

    /// Changes the data behind the program's back.
    pub(crate) async fn tamper(&self, statement: &'static str) {
        match &self.data {
            Data::Sqlite => {
                // Patient beside a service that writes all the time; and whoever reads before it writes would not wait for
                // it at all.
                let file: SqliteConnectOptions = self.setting("DATABASE__URL").parse().unwrap();
                let mut connection = SqliteConnection::connect_with(&file.busy_timeout(PATIENCE)).await.unwrap();
                let mut transaction = connection.begin_with("begin immediate").await.unwrap();
                transaction.execute(statement).await.unwrap();
                transaction.commit().await.unwrap();
                connection.close().await.unwrap();
            }
            Data::Postgres(_) | Data::OwnServer(_) => {
                let mut connection = PgConnection::connect(self.setting("DATABASE__URL")).await.unwrap();
                connection.execute(statement).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.setting("HTTP__LISTEN"))
    }

    /// Starts the service, with more in its environment, and does not wait until it serves.
    pub(crate) fn start_with(&self, more: &[(&str, &str)]) -> Process {
        let mut command = program(["serve"]);
        command.envs(&self.environment).envs(more.iter().copied());
        Process::start(command, self.folder.path().join("log"))
    }

    /// Starts the service and waits until it serves.
    pub(crate) async fn serve(&self) -> Process {
        self.serve_with(&[]).await
    }

    /// The same with more in its environment.
    pub(crate) async fn serve_with(&self, more: &[(&str, &str)]) -> Process {
        let mut process = self.start_with(more);
        self.caller().until_ready(&mut process).await;
        process
    }

    /// Starts one more process of the service over the same data, at an address of its own.
    pub(crate) async fn serve_another(&self) -> (Process, Caller) {
        let address = own_address().to_string();
        let url = format!("http://{address}");
        let mut process = self.start_with(&[("HTTP__LISTEN", &address), ("PUBLIC_URL", &url)]);
        let caller = Caller::new(&url, CALLER_KEY);
        caller.until_ready(&mut process).await;
        (process, caller)
    }

    /// Runs one command beside the service, with the same settings.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[]).await
    }

    /// The same with more in its environment.
    pub(crate) async fn run_with(&self, arguments: &[&str], more: &[(&str, &str)]) -> Output {
        let mut command = program(arguments);
        command.envs(&self.environment).envs(more.iter().copied());
        let ended = timeout(PATIENCE, command.output()).await;
        ended.unwrap_or_else(|_| panic!("{arguments:?} does not end")).unwrap()
    }

    /// A caller who may do everything.
    pub(crate) fn caller(&self) -> Caller {
        Caller::new(&self.url(), CALLER_KEY)
    }

    /// A caller with a key of their own.
    pub(crate) fn caller_with(&self, key: &str) -> Caller {
        Caller::new(&self.url(), key)
    }

    /// `api verify` finds nothing.
    pub(crate) async fn prove_the_books(&self) {
        let verified = self.run(&["verify"]).await;
        assert_eq!(verified.status.code(), Some(0), "{verified:?}");
    }

    /// Every webhook that was answered with 2xx is in the inbox; answers how many there are.
    pub(crate) async fn prove_the_inbox(&self) -> usize {
        let statement = "select gateway_payment_id, state from webhook_notices";
        let pair = |(id, state): (Option<String>, Option<String>)| Some((id?, state?));
        let url = self.setting("DATABASE__URL");
        let kept: BTreeSet<(String, String)> = match &self.data {
            Data::Sqlite => {
                let mut connection = SqliteConnection::connect(url).await.unwrap();
                let rows = sqlx::query_as(statement).fetch_all(&mut connection).await.unwrap();
                rows.into_iter().filter_map(pair).collect()
            }
            Data::Postgres(_) | Data::OwnServer(_) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let rows = sqlx::query_as(statement).fetch_all(&mut connection).await.unwrap();
                rows.into_iter().filter_map(pair).collect()
            }
        };
        let acknowledged = self.gateway.with(|engine, _| engine.counters().acknowledged_webhooks().clone());
        let lost: Vec<_> = acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        acknowledged.len()
    }

    // What the gateway does and saw.

    pub(crate) fn fault(&self, reference: &str, fault: Fault) {
        self.gateway.with(|engine, _| engine.faults_mut().add(reference, fault, Some(1)));
    }

    pub(crate) fn posts_of(&self, reference: &str) -> u32 {
        self.gateway.with(|engine, _| engine.counters().posts_of(reference))
    }

    pub(crate) fn gateway_payments_of(&self, reference: &str) -> usize {
        self.gateway.with(|engine, _| engine.payments_of(reference).count())
    }
}

/// Its notices come twice, and again until they are answered with 2xx.
fn simulated_gateway() -> Running {
    let switches = Switches {
        webhooks: WebhookDelivery::Twice,
        webhook_retries: 1_000,
        webhook_retry_pause_millis: 100,
        ..Switches::default()
    };
    let shop = Shop::new("main", API_KEY, SIGNING_KEY);
    let engine = Engine::new(Setup { switches, ..Setup::of_shop(shop) });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    gateway_simulator::serve(listener, Arc::new(Mutex::new(engine)), FaceOptions::default()).unwrap()
}

/// Short times, so that whatever a killed process leaves behind is resolved within seconds.
fn environment(database: &str, gateway: &str) -> BTreeMap<String, String> {
    let address = own_address().to_string();
    let public_url = format!("http://{address}");
    let every_second = (1..600).map(|second| second.to_string()).collect::<Vec<_>>().join(",");
    let pairs = [
        ("HTTP__LISTEN", address.as_str()),
        ("HTTP__WORKERS", "2"),
        ("PUBLIC_URL", &public_url),
        ("DATABASE__URL", database),
        ("DATABASE__REQUEST_CONNECTIONS", "1"),
        ("DATABASE__WEBHOOK_CONNECTIONS", "1"),
        ("DATABASE__WORKER_CONNECTIONS", "1"),
        ("DATABASE__READ_CONNECTIONS", "1"),
        ("GATEWAY__BASE_URL", gateway),
        ("GATEWAY__CONNECT_SECONDS", "1"),
        ("GATEWAY__ANSWER_SECONDS", "1"),
        ("GATEWAY__COMMAND_SECONDS", "1"),
        ("GATEWAY__BREAKER_SECONDS", "1"),
        // The simulated gateway takes them, and a crowd of payments that end at once is looked at soon.
        ("GATEWAY__REQUESTS_PER_SECOND", "1000"),
        ("GATEWAY__REQUESTS_BURST", "1000"),
        ("MASTER_KEY", MASTER_KEY),
        ("SHOPS__MAIN__API_KEY", API_KEY),
        ("SHOPS__MAIN__SIGNING_KEY", SIGNING_KEY),
        ("PAYMENTS__LEASE_SECONDS", "4"),
        ("PAYMENTS__COMMAND_LEASE_SECONDS", "4"),
        ("PAYMENTS__QUARANTINE_SECONDS", "4"),
        ("PAYMENTS__EMPTY_LOOK_UP_PAUSE_SECONDS", "1"),
        ("PAYMENTS__LOOK_UP_SECONDS", &every_second),
        // Never within a test: what a notice tells must come from the notice.
        ("PAYMENTS__POLL_SECONDS", "86400"),
        ("SWEEP__ENABLED", "false"),
        ("RECONCILIATION__ENABLED", "false"),
        ("PAYMENTS__CONFIRM_SECONDS", "1"),
        ("WORKERS__COUNT", "1"),
        ("WORKERS__BATCH", "32"),
        ("WORKERS__IDLE_MILLISECONDS", "200"),
        ("LOG__FORMAT", "text"),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Brings the schema up to date and lets a key in.
async fn let_in(database: &str, key: &str) {
    let url = database.parse().unwrap();
    store::migrate(&url).await.unwrap();
    let pools = store::PoolSettings {
        requests: 1,
        webhooks: 1,
        workers: 1,
        reads: 1,
        acquire_timeout: PATIENCE,
        ..Default::default()
    };
    let database = store::connect(&url, &pools).await.unwrap();
    let record = KeyRecord {
        scopes: Scope::VARIANTS.iter().copied().collect(),
        ..KeyRecord::new(api::Ids.next(), "test", api::http::digest(key).to_vec(), Time::EPOCH)
    };
    database.keys.add_key(&record).await.unwrap();
    database.close().await;
}
