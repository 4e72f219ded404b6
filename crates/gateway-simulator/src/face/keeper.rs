//! The engine's records in a file, so that a second run finds the payments of the first.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use thiserror::Error;
use tokio::task::JoinHandle;

use super::Desk;
use crate::engine::{Engine, ResumeError, Setup};

/// Writes the records a moment after each change.
#[derive(Debug)]
pub(super) struct Keeper {
    path: PathBuf,
    desk: Arc<Desk>,
    keeping: JoinHandle<()>,
}

/// Why a data file was of no use.
#[derive(Debug, Error)]
pub enum RecordsError {
    /// The file is there and cannot be read.
    #[error("the data file cannot be read")]
    File(#[source] io::Error),
    /// It holds something else.
    #[error("the data file does not fit")]
    Content(#[source] ResumeError),
}

/// The engine whose records stand in a file; a new one if there is no such file yet.
pub fn load(setup: Setup, path: &Path) -> Result<Engine, RecordsError> {
    match fs::read(path) {
        Ok(records) => Engine::resume(setup, &records).map_err(RecordsError::Content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Engine::new(setup)),
        Err(error) => Err(RecordsError::File(error)),
    }
}

impl Keeper {
    /// Changes come in bursts, and each write is of everything.
    const PAUSE: Duration = Duration::from_millis(200);

    pub(super) fn start(path: PathBuf, desk: Arc<Desk>) -> Self {
        let keeping = tokio::spawn({
            let (path, desk) = (path.clone(), Arc::clone(&desk));
            async move {
                loop {
                    desk.to_keep.notified().await;
                    if let Err(error) = write(&path, &desk).await {
                        tracing::error!(%error, "the simulator's data file could not be written");
                    }
                    tokio::time::sleep(Self::PAUSE).await;
                }
            }
        });
        Self { path, desk, keeping }
    }

    /// Writes a last time.
    pub(super) async fn stop(self) -> io::Result<()> {
        self.keeping.abort();
        // Cancelled or not, it is over: two writers must not meet at the same file.
        let _ = self.keeping.await;
        write(&self.path, &self.desk).await
    }
}

/// Writes beside the file and renames: whoever reads sees the old records or the new ones, never half of them.
async fn write(path: &Path, desk: &Desk) -> io::Result<()> {
    let records = desk.lock().records().map_err(io::Error::other)?;
    let beside = path.with_extension("new");
    tokio::fs::write(&beside, records).await?;
    tokio::fs::rename(&beside, path).await
}
