use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use domain::Time;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::control::{Control, Unresolved};
use crate::file::Format;
use crate::report::Report;

/// What an export is about; the same in the manifest of every format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Heading {
    /// The name of the export.
    pub export_id: String,
    /// What it tells.
    pub report: Report,
    /// How it is written.
    pub format: Format,
    /// The shops that it is about.
    pub shops: Vec<String>,
    /// What was posted, or seen, then or later is in it.
    pub from: Time,
    /// What was posted, or seen, then or later is not.
    pub to: Time,
    /// The IANA name of the zone of its business days.
    pub zone: String,
    /// The place in the books up to which it looks.
    pub as_of: u64,
    /// When it was ordered: what changes, such as what is reconciled, is told as it was then.
    pub ordered_at: Time,
    /// The version of the program that made it.
    pub program_version: String,
}

/// The file, and what is said about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// What it is about.
    #[serde(flatten)]
    pub heading: Heading,
    /// What it adds up to.
    #[serde(flatten)]
    pub control: Control,
    /// What is in no total, because it has not ended.
    pub unresolved: Vec<Unresolved>,
    /// Its name.
    pub file_name: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// The length of a file, and its SHA-256 in hex.
pub(crate) fn digest(path: &Path) -> io::Result<(u64, String)> {
    let (mut file, mut digest, mut bytes) = (File::open(path)?, Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hex::encode(digest.finalize())));
        }
        digest.update(buffer.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
}
