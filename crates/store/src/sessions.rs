use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{ShopName, Time};
use uuid::Uuid;

use crate::{KeyRecord, Scope, StoreError};

/// People who are signed in at the console. Only a digest of what their browsers hold is ever stored.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Begins a session, and forgets those that expired before it began.
    async fn begin_session(&self, session: &Session) -> Result<(), StoreError>;

    /// Who is behind the session with this digest. None once it has ended or expired, or its key is revoked.
    async fn holder_of_session(&self, digest: &[u8], now: Time) -> Result<Option<Holder>, StoreError>;

    /// Ends a session; one that is not there is ended already.
    async fn end_session(&self, digest: &[u8]) -> Result<(), StoreError>;
}

/// Somebody has shown who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the token, which has too many random bits to be guessed from it.
    pub digest: Vec<u8>,
    /// By what.
    pub proof: Proof,
    /// When.
    pub begun_at: Time,
    /// When it must be shown again.
    pub expires_at: Time,
}

/// By what somebody has shown who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// This key: looked up whenever the session is, so that the session is over when the key is.
    Key(Uuid),
    /// The word of whoever signs people in elsewhere, which is taken until the session ends.
    Person(Person),
}

/// Who is behind a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// Whoever has shown this key, as it is now.
    Key(KeyRecord),
    /// A person who was signed in elsewhere.
    Person(Person),
}

/// A person, as whoever has signed them in knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The same for the same person, whenever and wherever they sign in.
    pub id: Uuid,
    /// What they are called in the ledger.
    pub name: String,
    /// What they may do.
    pub scopes: BTreeSet<Scope>,
    /// The shops that they may see; empty means all.
    pub shops: BTreeSet<ShopName>,
}
