use std::env;
use std::path::PathBuf;

use sqlx::{Connection as _, PgConnection};

use crate::binaries::{Binaries, OLDEST_MAJOR};
use crate::cluster::{Cluster, blocking};
use crate::container::Container;
use crate::{Place, Unavailable, debian};

/// The variable that names a server to use; `test-postgres run` sets it for the command that it runs.
pub const TEST_DATABASE_URL: &str = "TEST_DATABASE_URL";

/// The server that a test run shares, wherever it comes from.
#[derive(Debug)]
pub struct Server {
    source: Source,
    version: String,
    note: String,
}

#[derive(Debug)]
enum Source {
    Given { url: String },
    Container(Box<Container>),
    Cluster(Cluster),
}

impl Server {
    /// The first of these that there is: the server named by `TEST_DATABASE_URL`, one in Docker, one of our own
    /// from the newest binaries on this machine, and on Debian as root the same after installing them.
    pub async fn start(place: Place) -> Result<Self, Unavailable> {
        Self::start_on(Machine::this(), place).await
    }

    /// Its address. Who connects with it may create databases.
    pub fn url(&self) -> &str {
        match &self.source {
            Source::Given { url } => url,
            Source::Container(container) => container.url(),
            Source::Cluster(cluster) => cluster.url(),
        }
    }

    /// What it is and where it comes from, for the summary of a run: never its address, which may hold a password.
    pub fn origin(&self) -> String {
        format!("PostgreSQL {} {}{}", self.version, self.source.origin(), self.note)
    }

    /// Ends it, if it is ours, and removes all that is left of it. Blocks until that is done.
    pub async fn stop(self) -> Result<(), Unavailable> {
        match self.source {
            Source::Given { .. } => Ok(()),
            Source::Container(container) => container.remove().await,
            Source::Cluster(cluster) => {
                blocking(move || {
                    drop(cluster);
                    Ok(())
                })
                .await
            }
        }
    }

    async fn start_on(machine: Machine, place: Place) -> Result<Self, Unavailable> {
        let (source, note) = machine.source(place).await?;
        let mut server = Self { source, version: String::new(), note };
        server.version = server.check_version().await?;
        Ok(server)
    }

    async fn check_version(&self) -> Result<String, Unavailable> {
        let asked = async {
            let mut connection = PgConnection::connect(self.url()).await?;
            let told: (String, i32) = sqlx::query_as(
                "SELECT split_part(current_setting('server_version'), ' ', 1), \
                 current_setting('server_version_num')::int / 10000",
            )
            .fetch_one(&mut connection)
            .await?;
            connection.close().await?;
            Ok(told)
        };
        let (version, major) =
            asked.await.map_err(|source| Unavailable::NoAnswer { origin: self.source.origin(), source })?;
        if u32::try_from(major).is_ok_and(|major| OLDEST_MAJOR <= major) {
            Ok(version)
        } else {
            Err(Unavailable::TooOld { origin: self.source.origin(), found: version })
        }
    }
}

impl Source {
    fn origin(&self) -> String {
        match self {
            Self::Given { .. } => format!("from {TEST_DATABASE_URL}"),
            Self::Container(_) => Container::origin(),
            Self::Cluster(cluster) => cluster.origin().to_owned(),
        }
    }
}

/// What a machine offers to run a server on.
struct Machine {
    given_url: Option<String>,
    docker: bool,
    binary_folders: Vec<PathBuf>,
    can_install: bool,
}

impl Machine {
    fn this() -> Self {
        Self {
            given_url: env::var(TEST_DATABASE_URL).ok().filter(|url| !url.is_empty()),
            docker: true,
            binary_folders: Binaries::usual_folders(),
            can_install: debian::can_install(),
        }
    }

    /// The server, and what is to be said about the way to it.
    async fn source(self, place: Place) -> Result<(Source, String), Unavailable> {
        if let Some(url) = self.given_url {
            return Ok((Source::Given { url }, String::new()));
        }
        let mut refused = None;
        if self.docker && Container::possible().await {
            match Container::start(place).await {
                Ok(container) => return Ok((Source::Container(container.into()), String::new())),
                Err(error) => refused = Some(error),
            }
        }
        let note = refused.as_ref().map(|error| format!(" ({error:?})")).unwrap_or_default();
        let (binaries, note) = match Binaries::newest(&self.binary_folders) {
            Some(found) => (found, note),
            None if self.can_install => (blocking(debian::install).await?, format!("{note} (installed just now)")),
            None => return Err(refused.unwrap_or(Unavailable::Nothing)),
        };
        let cluster = blocking(move || Cluster::start(&binaries, place)).await?;
        Ok((Source::Cluster(cluster), note))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A machine with nothing on it.
    fn bare() -> Machine {
        Machine { given_url: None, docker: false, binary_folders: Vec::new(), can_install: false }
    }

    #[tokio::test]
    async fn a_machine_with_nothing_is_told_what_to_install() {
        let error = Server::start_on(bare(), Place::Disk).await.unwrap_err();
        assert!(matches!(error, Unavailable::Nothing));
        let said = format!("{error:?}");
        for way_out in ["TEST_DATABASE_URL", "Docker", "PostgreSQL 15 or newer", "apt-get install postgresql"] {
            assert!(said.contains(way_out), "{said}");
        }
    }

    #[tokio::test]
    async fn a_server_that_was_named_and_does_not_answer_is_not_replaced_by_another() {
        let machine = Machine {
            given_url: Some("postgres://someone:secret@127.0.0.1:1/tests".to_owned()),
            binary_folders: Binaries::usual_folders(),
            ..bare()
        };
        let error = Server::start_on(machine, Place::Disk).await.unwrap_err();
        assert!(matches!(error, Unavailable::NoAnswer { .. }));
        let said = format!("{error:?}");
        assert!(said.contains("from TEST_DATABASE_URL") && !said.contains("secret"), "{said}");
    }
}
