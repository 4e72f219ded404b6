use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Held by the one process that serves from a file; given back when it is dropped, and when the process dies.
#[derive(Debug)]
pub struct ServingLock {
    _file: File,
}

/// Makes sure that no other process serves from this file: workers and the coalescer believe to be alone. The command
/// line needs no lock, it writes in short transactions.
///
/// [`StoreError::InUse`] if another one does. The lock stands on a file of its own, because closing a second handle of
/// the database's file would give up SQLite's own locks on it.
pub fn lock_for_serving(path: &Path) -> Result<ServingLock, StoreError> {
    let shown = || path.display().to_string();
    let cannot = |source| StoreError::File { path: shown(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    // Never removed: whoever did could remove it under the feet of one who just locked it.
    let file = OpenOptions::new().append(true).create(true).open(lock_path(path)).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(ServingLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: shown() }),
        Err(TryLockError::Error(source)) => Err(cannot(source)),
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".serving");
    name.into()
}
