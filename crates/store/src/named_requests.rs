use async_trait::async_trait;
use domain::Time;
use uuid::Uuid;

use crate::StoreError;

/// Requests that callers have given a name to, so that each is done once. Neither the name nor the request is stored, only
/// digests of them.
#[async_trait]
pub trait NamedRequests: Send + Sync {
    /// Takes a name for an attempt, if nobody is on the request and nobody has answered it.
    async fn claim_request(&self, claim: &RequestClaim) -> Result<Claimed, StoreError>;

    /// Keeps the answer of an attempt. False, and nothing is kept, if another attempt has the name by now.
    async fn keep_answer(&self, digest: &[u8], attempt: Uuid, answer: &[u8]) -> Result<bool, StoreError>;

    /// Gives a name up that was claimed for an attempt, as if it had never been used.
    async fn release_request(&self, digest: &[u8], attempt: Uuid) -> Result<(), StoreError>;

    /// Forgets names that came first before `before`; answers how many.
    async fn forget_requests(&self, before: Time) -> Result<u64, StoreError>;
}

/// A claim on a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestClaim {
    /// Whose name, and which.
    pub digest: Vec<u8>,
    /// What is asked for under it.
    pub fingerprint: Vec<u8>,
    /// A new name for this attempt. A row that has it is ours even if the claim's answer was lost.
    pub attempt: Uuid,
    /// When.
    pub now: Time,
    /// Until when others are told that somebody is on it.
    pub until: Time,
}

/// What came of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// Nobody had the name, or whoever had it never came to an end.
    Ours,
    /// Something else was asked for under this name.
    Differs,
    /// Somebody is on it.
    InFlight,
    /// It was answered, by this attempt.
    Answered {
        /// Which one.
        attempt: Uuid,
        /// The encrypted answer.
        answer: Vec<u8>,
    },
}

/// A name as it stands that could not be taken.
pub(crate) struct Held {
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) attempt: Uuid,
    pub(crate) answer: Option<Vec<u8>>,
}

impl Held {
    /// What this says to a claim.
    pub(crate) fn met_by(self, claim: &RequestClaim) -> Claimed {
        match self.answer {
            _ if self.fingerprint != claim.fingerprint => Claimed::Differs,
            Some(answer) => Claimed::Answered { attempt: self.attempt, answer },
            None if self.attempt == claim.attempt => Claimed::Ours,
            None => Claimed::InFlight,
        }
    }
}
