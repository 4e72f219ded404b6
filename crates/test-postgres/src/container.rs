use std::process::Command;
use std::time::Duration;

use testcontainers::core::client::docker_client_instance;
use testcontainers::core::wait::LogWaitStrategy;
use testcontainers::core::{IntoContainerPort as _, Mount, WaitFor};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _};

use crate::database::unique;
use crate::keeper::Keeper;
use crate::{Place, Unavailable};

const IMAGE: &str = "postgres";
const TAG: &str = "17";
const PORT: u16 = 5432;
const DATA: &str = "/var/lib/postgresql/data";

/// How long a daemon may take to answer before we take it for absent.
const PING_SECONDS: u64 = 3;
/// How long the image may take to start, its download not counted.
const START_SECONDS: u64 = 120;

/// A PostgreSQL in a container, removed when [`Container::remove`] is called or the process ends.
#[derive(Debug)]
pub(crate) struct Container {
    handle: ContainerAsync<GenericImage>,
    url: String,
    // For a process that ends without `remove`; needs the command line client, which a daemon rarely lacks.
    keeper: Option<Keeper>,
}

impl Container {
    /// Whether a Docker daemon answers.
    pub(crate) async fn possible() -> bool {
        let ping = async { docker_client_instance().await.ok()?.ping().await.ok() };
        matches!(tokio::time::timeout(Duration::from_secs(PING_SECONDS), ping).await, Ok(Some(_)))
    }

    /// Starts a server with the same settings as a [`Cluster`](crate::Cluster). Docker publishes its port beyond
    /// the loopback address, so this one has a password.
    pub(crate) async fn start(place: Place) -> Result<Self, Unavailable> {
        let password = unique();
        // The image starts its server twice; the first is there for its own set-up only.
        let ready = LogWaitStrategy::stderr("database system is ready to accept connections").with_times(2);
        let image = GenericImage::new(IMAGE, TAG).with_exposed_port(PORT.tcp()).with_wait_for(WaitFor::log(ready));
        let mut request = image
            .with_env_var("POSTGRES_PASSWORD", &password)
            .with_env_var("POSTGRES_INITDB_ARGS", "--no-locale --encoding=UTF8 --no-sync")
            .with_cmd(["postgres", "-c", "max_connections=300", "-c", "checkpoint_timeout=30min"])
            .with_startup_timeout(Duration::from_secs(START_SECONDS));
        if place == Place::Memory {
            request = request.with_mount(Mount::tmpfs_mount(DATA));
        }
        let handle = request.pull_image().await?.start().await?;
        let keeper = Keeper::start(Command::new("sh"), CLEAN_UP, [handle.id()]).ok();
        let (host, port) = (handle.get_host().await?, handle.get_host_port_ipv4(PORT).await?);
        let url = format!("postgres://postgres:{password}@{host}:{port}/postgres");
        Ok(Self { handle, url, keeper })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn origin() -> String {
        format!("in a container ({IMAGE}:{TAG})")
    }

    pub(crate) async fn remove(self) -> Result<(), Unavailable> {
        let removed = self.handle.rm().await;
        drop(self.keeper); // finds nothing left to do
        Ok(removed?)
    }
}

const CLEAN_UP: &str = r#"docker rm --force --volumes "$1" >/dev/null 2>&1"#;
