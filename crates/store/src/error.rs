/// Why the store could not do what it was asked.
///
/// The difference between the first two decides whether a caller may simply repeat.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written: no connection could be had, or the transaction was rolled back. Repeating is safe.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The statement left and its answer was lost: it may have been committed. Read back before anything else.
    #[error("the database's answer was lost, the change may have been made")]
    OutcomeUnknown(#[source] sqlx::Error),
    /// The statement itself was refused: a broken constraint, a value that the database does not take.
    #[error("the database refused the statement")]
    Refused(#[source] sqlx::Error),
    /// What is stored cannot be read as what it must be.
    #[error("stored {what} of {of} cannot be read")]
    Unreadable {
        /// Which column or row.
        what: &'static str,
        /// Whose: a payment's id, a key's id.
        of: String,
        /// What the reader said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The schema is not the one that this program was built with.
    #[error("the schema could not be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// The server is older than what the statements were written for.
    #[error("the database is PostgreSQL {found}, and version {needed} or newer is needed")]
    TooOld {
        /// The server's version, as it tells it.
        found: String,
        /// The oldest version that will do.
        needed: u32,
    },
    /// Another process has the embedded database open for serving.
    #[error("{path} is in use by another process")]
    InUse {
        /// The database file.
        path: String,
    },
    /// The embedded database's file or folder cannot be used.
    #[error("{path} cannot be opened")]
    File {
        /// The database file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
