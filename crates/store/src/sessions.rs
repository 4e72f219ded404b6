use async_trait::async_trait;
use domain::Time;
use uuid::Uuid;

use crate::{KeyRecord, StoreError};

/// People who are signed in at the console. Only a digest of what their browsers hold is ever stored.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Begins a session, and forgets those that expired before it began.
    async fn begin_session(&self, session: &Session) -> Result<(), StoreError>;

    /// The key behind the session with this digest. None once it has ended or expired, or its key is revoked.
    async fn key_of_session(&self, digest: &[u8], now: Time) -> Result<Option<KeyRecord>, StoreError>;

    /// Ends a session; one that is not there is ended already.
    async fn end_session(&self, digest: &[u8]) -> Result<(), StoreError>;
}

/// Somebody has shown a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the token, which has too many random bits to be guessed from it.
    pub digest: Vec<u8>,
    /// Which key.
    pub key: Uuid,
    /// When.
    pub begun_at: Time,
    /// When it must be shown again.
    pub expires_at: Time,
}
