//! Where the files of exports are kept: in a folder, or in a bucket of an S3-compatible store.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::multipart::MultipartStore as _;
use object_store::path::Path as Key;
use object_store::{ClientOptions, ObjectStoreExt as _, RetryConfig};
use secrecy::{ExposeSecret as _, SecretString};
use store::Export;
use thiserror::Error;
use tokio_util::io::ReaderStream;

use super::{Exporter, Halt, Snapshot, blocking};

/// Where files are kept. Whatever is only half there lies in the folder, beside the files or instead of them.
pub struct Shelf {
    folder: PathBuf,
    bucket: Option<Bucket>,
}

/// A bucket of an S3-compatible store.
pub struct Bucket {
    store: AmazonS3,
    /// What comes before the names of files.
    prefix: String,
    name: String,
}

/// Which bucket it is, and the key to it.
#[derive(Debug, Clone)]
pub struct BucketAccess {
    /// Its name.
    pub name: String,
    /// The address of the store; none for Amazon's own.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: String,
    /// What comes before the names of files, such as `finance/`.
    pub prefix: String,
    /// The name of the key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: SecretString,
}

/// A bucket that cannot be told apart from any other.
#[derive(Debug, Error)]
#[error("the bucket cannot be used: its name, address or region makes no sense")]
pub struct InvalidBucket;

/// A file that is kept, opened.
pub struct KeptFile {
    /// How long it is.
    pub length: u64,
    /// Its bytes, as they are asked for.
    pub bytes: BoxStream<'static, io::Result<Bytes>>,
}

/// What is sent to a bucket at once: all parts but the last have this size.
const PART: usize = 8 * 1024 * 1024;

/// What of a file in a folder is read at once.
const READ: usize = 64 * 1024;

/// A store that cannot be connected to, or that says nothing for so long, is given up, and the export is tried again later.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);

impl Shelf {
    /// Files are kept in a folder; processes that share the work share it.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder, bucket: None }
    }

    /// Files are kept in a bucket, and only written in the folder.
    pub fn in_bucket(folder: PathBuf, bucket: Bucket) -> Self {
        Self { folder, bucket: Some(bucket) }
    }

    /// Where the file of this name is, for people.
    pub(super) fn place(&self, name: &str) -> String {
        match &self.bucket {
            Some(bucket) => format!("s3://{}/{}", bucket.name, bucket.key(name)),
            None => self.folder.join(name).display().to_string(),
        }
    }

    /// The place of a file that is not whole yet.
    pub(super) fn part(&self, export: &Export) -> PathBuf {
        self.folder.join(format!("{}.{}.part", export.id, export.epoch))
    }

    /// Makes the folder, if it is not there.
    pub(super) async fn prepare(&self) -> Result<(), Halt> {
        let folder = self.folder.clone();
        blocking(move || Ok(fs::create_dir_all(folder)?)).await
    }

    /// Opens a file that is kept.
    pub(super) async fn open(&self, name: &str) -> io::Result<KeptFile> {
        if let Some(bucket) = &self.bucket {
            let found = bucket.store.get(&bucket.key(name)).await.map_err(|error| refused(&error))?;
            let length = found.meta.size;
            let bytes = found.into_stream().map_err(|error| refused(&error));
            return Ok(KeptFile { length, bytes: bytes.boxed() });
        }
        let file = tokio::fs::File::open(self.folder.join(name)).await?;
        let length = file.metadata().await?.len();
        Ok(KeptFile { length, bytes: ReaderStream::with_capacity(file, READ).boxed() })
    }

    /// Removes a file that is kept. One that is not there is removed.
    pub(super) async fn remove(&self, name: &str) -> io::Result<()> {
        let removed = match &self.bucket {
            Some(bucket) => bucket.store.delete(&bucket.key(name)).await.map_err(|error| refused(&error)),
            None => tokio::fs::remove_file(self.folder.join(name)).await,
        };
        removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
    }
}

impl Bucket {
    /// Nothing is sent yet.
    pub fn new(access: &BucketAccess) -> Result<Self, InvalidBucket> {
        let endpoint = access.endpoint.as_deref();
        // Plain HTTP is for loopback only, which the settings have seen to.
        let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        // A file takes as long as whoever takes it does; what counts is that something comes.
        let client = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(CONNECT_PATIENCE)
            .with_read_timeout(PATIENCE)
            .with_allow_http(is_plain);
        let retry = RetryConfig { max_retries: 2, retry_timeout: PATIENCE, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&access.name)
            .with_region(&access.region)
            .with_access_key_id(&access.access_key_id)
            .with_secret_access_key(access.secret_access_key.expose_secret())
            .with_client_options(client)
            .with_retry(retry);
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        let store = builder.build().map_err(|_| InvalidBucket)?;
        Ok(Self { store, prefix: access.prefix.clone(), name: access.name.clone() })
    }

    fn key(&self, name: &str) -> Key {
        Key::from(format!("{}{name}", self.prefix))
    }
}

impl Exporter {
    /// Puts the whole file in its place, from one moment to the next. Until then nobody sees anything of it.
    pub(super) async fn put_away(&self, export: &mut Export, part: PathBuf, name: &str) -> Result<(), Halt> {
        let Some(bucket) = &self.shelf.bucket else {
            let whole = self.shelf.folder.join(name);
            return blocking(move || {
                fs::rename(&part, &whole)?;
                if let Some(folder) = whole.parent() {
                    fs::File::open(folder)?.sync_all()?;
                }
                Ok(())
            })
            .await;
        };
        self.upload(export, bucket, &part, &bucket.key(name)).await?;
        blocking(move || Ok(fs::remove_file(part)?)).await
    }

    /// In parts, each of which is read, sent and forgotten. The name of the upload is kept before the first of them leaves, so
    /// that whoever takes over from a process that died can clear away what lies there unseen, and is paid for.
    async fn upload(&self, export: &mut Export, bucket: &Bucket, part: &Path, key: &Key) -> Result<(), Halt> {
        let path = part.to_owned();
        let mut file = blocking(move || Ok(fs::File::open(path)?)).await?;
        let mut next = read_part(&mut file).await?;
        if next.len() < PART {
            bucket.store.put(key, next.into()).await.map_err(|error| refused(&error))?;
            return Ok(());
        }
        let upload = bucket.store.create_multipart(key).await.map_err(|error| refused(&error))?;
        note_upload(export, Some(upload.clone()))?;
        self.go_on(export).await?;
        let mut sent = Vec::new();
        while !next.is_empty() {
            let one = bucket.store.put_part(key, &upload, sent.len(), next.into()).await;
            sent.push(one.map_err(|error| refused(&error))?);
            self.go_on(export).await?;
            next = read_part(&mut file).await?;
        }
        bucket.store.complete_multipart(key, &upload, sent).await.map_err(|error| refused(&error))?;
        note_upload(export, None)
    }

    /// Removes what is half there of an export, whoever left it.
    pub(super) async fn clear(&self, export: &mut Export, name: &str) -> Result<(), Halt> {
        let (folder, id) = (self.shelf.folder.clone(), export.id.to_string());
        blocking(move || Ok(remove_parts(&folder, &id)?)).await?;
        let Some(bucket) = &self.shelf.bucket else { return Ok(()) };
        let Some(upload) = snapshot_of(export)?.and_then(|snapshot| snapshot.upload) else { return Ok(()) };
        // It may have been completed, or cleared away, before; and what cannot be cleared away holds nothing up.
        if let Err(error) = bucket.store.abort_multipart(&bucket.key(name), &upload).await {
            tracing::warn!(export = %export.id, error = %refused(&error), "an upload that nobody goes on with may be left");
        }
        note_upload(export, None)
    }
}

fn snapshot_of(export: &Export) -> Result<Option<Snapshot>, Halt> {
    let read = export.snapshot.as_deref().map(serde_json::from_str).transpose();
    read.map_err(|_| Halt::Nonsense("what it looks at cannot be read"))
}

fn note_upload(export: &mut Export, upload: Option<String>) -> Result<(), Halt> {
    if let Some(snapshot) = snapshot_of(export)? {
        export.snapshot = serde_json::to_string(&Snapshot { upload, ..snapshot }).ok();
    }
    Ok(())
}

/// The next part of a file; it is shorter only at its end.
async fn read_part(file: &mut fs::File) -> Result<Bytes, Halt> {
    let mut file = file.try_clone()?;
    blocking(move || {
        let mut part = Vec::with_capacity(PART);
        file.by_ref().take(PART as u64).read_to_end(&mut part)?;
        Ok(part.into())
    })
    .await
}

/// Removes what is half written of an export.
fn remove_parts(folder: &Path, id: &str) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let is_of_it = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(id));
        if is_of_it && path.extension().is_some_and(|extension| extension == "part") {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// What the store said, in our words: its own may name keys.
fn refused(error: &object_store::Error) -> io::Error {
    use object_store::Error;
    let (kind, why) = match error {
        Error::NotFound { .. } => (io::ErrorKind::NotFound, "the bucket, or the file in it, is not there"),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            (io::ErrorKind::PermissionDenied, "the bucket refuses our key")
        }
        _ => (io::ErrorKind::Other, "the bucket cannot be reached, or did not do as it was asked"),
    };
    io::Error::new(kind, why)
}
