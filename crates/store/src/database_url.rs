use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

/// Where the database is. Shown without its password.
#[derive(Clone)]
pub struct DatabaseUrl(pub(crate) Place);

/// Why a text is not the address of a database. Without the text, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// Neither of the two databases.
    #[error("must begin with postgres:// or sqlite:")]
    Scheme,
    /// `sqlite:` and nothing behind it.
    #[error("must name a file, as in sqlite:data/payments.db")]
    NoFile,
    /// PostgreSQL's address has an unknown parameter or a part that cannot be read.
    #[error("must be an address such as postgres://user:password@host:5432/database?sslmode=verify-full")]
    Postgres(#[source] sqlx::Error),
}

#[derive(Clone)]
pub(crate) enum Place {
    Postgres(Box<PgConnectOptions>),
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Whether this is the embedded database, which is one process's own.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Place::Postgres(_) => None,
            Place::Sqlite(file) => Some(file),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return text
                .parse()
                .map(|server| Self(Place::Postgres(Box::new(server))))
                .map_err(InvalidDatabaseUrl::Postgres);
        }
        let file = text.strip_prefix("sqlite:").ok_or(InvalidDatabaseUrl::Scheme)?;
        let file = file.strip_prefix("//").unwrap_or(file);
        if file.is_empty() { Err(InvalidDatabaseUrl::NoFile) } else { Ok(Self(Place::Sqlite(file.into()))) }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Postgres(server) => {
                write!(f, "postgres://{}:{}", server.get_host(), server.get_port())?;
                server.get_database().map_or(Ok(()), |database| write!(f, "/{database}"))
            }
            Place::Sqlite(file) => write!(f, "sqlite:{}", file.display()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let url: DatabaseUrl = "postgres://merchant:s3cret@db.internal:5433/payments?sslmode=require".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://db.internal:5433/payments");
        assert_eq!(format!("{url:?}"), "postgres://db.internal:5433/payments");
    }

    #[test]
    fn a_file_is_named_with_or_without_slashes() {
        let file = |text: &str| text.parse::<DatabaseUrl>().unwrap().file().map(Path::to_owned);
        assert_eq!(file("sqlite:data/payments.db"), Some("data/payments.db".into()));
        assert_eq!(file("sqlite://data/payments.db"), Some("data/payments.db".into()));
        assert_eq!(file("sqlite:///var/lib/payments.db"), Some("/var/lib/payments.db".into()));
        assert_eq!(file("postgresql://localhost/payments"), None);
    }

    #[test]
    fn what_is_no_address_says_what_one_looks_like() {
        let error = |text: &str| text.parse::<DatabaseUrl>().unwrap_err();
        assert!(matches!(error("mysql://localhost/payments"), InvalidDatabaseUrl::Scheme));
        assert!(matches!(error(""), InvalidDatabaseUrl::Scheme));
        assert!(matches!(error("sqlite:"), InvalidDatabaseUrl::NoFile));
        assert!(matches!(error("sqlite://"), InvalidDatabaseUrl::NoFile));
        assert!(matches!(error("postgres://localhost:port/payments"), InvalidDatabaseUrl::Postgres(_)));
    }
}
