use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqlitePool};

use crate::StoreError;

/// The pool of the one writer, and that of the readers.
pub(super) async fn open(
    path: &Path,
    readers: u32,
    patience: Duration,
) -> Result<(SqlitePool, SqlitePool), StoreError> {
    let cannot = |source| StoreError::File { path: path.display().to_string(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    // Made here and not by SQLite, whose error would not say why it cannot be.
    std::fs::OpenOptions::new().append(true).create(true).open(path).map_err(cannot)?;
    let file = SqliteConnectOptions::new().filename(path).busy_timeout(patience).disable_statement_logging();
    // A write-ahead log lets others read while one writes. FULL flushes it at each commit: what was acknowledged
    // survives a power failure.
    let writer = file.clone().journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let reader = file.pragma("query_only", "on");
    let pool =
        |size| SqlitePoolOptions::new().max_connections(size).acquire_timeout(patience).test_before_acquire(false);
    let writer = pool(1).connect_with(writer).await.map_err(|error| cannot(std::io::Error::other(error)))?;
    Ok((writer, pool(readers.max(1)).connect_lazy_with(reader)))
}
