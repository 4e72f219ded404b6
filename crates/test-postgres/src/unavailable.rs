use std::error::Error;
use std::fmt;
use std::io;

use testcontainers::TestcontainersError;

/// Why a test cannot have its PostgreSQL. Each message is a sentence for the person who runs the tests.
#[derive(thiserror::Error)]
pub enum Unavailable {
    /// Neither an address, nor Docker, nor binaries, nor a way to install them.
    #[error(
        "the tests need a PostgreSQL: set TEST_DATABASE_URL, or start Docker, or install PostgreSQL 15 or newer \
         (Debian and Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; \
         macOS: brew install postgresql)"
    )]
    Nothing,

    /// A [`Cluster`](crate::Cluster) was asked for on a machine without the binaries for it.
    #[error(
        "this test stops its own PostgreSQL server, so neither TEST_DATABASE_URL nor Docker will do: \
         install PostgreSQL 15 or newer (Debian and Ubuntu: apt-get install postgresql; \
         Fedora: dnf install postgresql-server; macOS: brew install postgresql)"
    )]
    NoBinaries,

    /// PostgreSQL refuses to run as root, and root has nobody to run it as.
    #[error("PostgreSQL does not run as root, and this machine has neither a user `postgres` nor a user `nobody`")]
    NoAccount,

    /// `TEST_DATABASE_URL` is not an address.
    #[error("TEST_DATABASE_URL is not an address like postgres://user:password@host:5432/database")]
    NotAnAddress(#[from] url::ParseError),

    /// The server does not answer, or not as it should.
    #[error("the PostgreSQL {origin} does not answer as it should")]
    NoAnswer {
        /// Where the server comes from, e.g. `from TEST_DATABASE_URL`.
        origin: String,
        /// What the driver met.
        #[source]
        source: sqlx::Error,
    },

    /// The server is older than the oldest one that we support.
    #[error("the PostgreSQL {origin} is version {found}; the tests need 15 or newer")]
    TooOld {
        /// Where the server comes from.
        origin: String,
        /// The version it says it has.
        found: String,
    },

    /// A Docker daemon answers but could not give us a server, and there are no binaries to fall back on.
    #[error("Docker answers but could not start PostgreSQL")]
    Container(#[from] TestcontainersError),

    /// One of PostgreSQL's programs, or the package manager, ended with an error.
    #[error("{program} failed: {said}")]
    Failed {
        /// The program's name.
        program: String,
        /// What it printed last.
        said: String,
    },

    /// A program could not be started, or a file or folder of the cluster not be written.
    #[error("could not use {what}")]
    Machine {
        /// The program or file.
        what: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl Unavailable {
    /// Names the program or file that an error of the operating system is about.
    pub(crate) fn machine(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        |source| Self::Machine { what, source }
    }
}

/// The sentence and its causes: what `unwrap` in a test, or `main`, shows is then fit to be read.
impl fmt::Debug for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
