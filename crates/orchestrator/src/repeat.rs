//! `Idempotency-Key`: a request that its caller has given a name to is done once, and answered alike.
//!
//! What makes payments has a name already, the reference: there the key is held against the reference and nothing else.
//! Elsewhere the key is the name. Whoever takes it has it for a while; one who died with it is followed by the next, who does
//! the request again, which is safe: a command that was given is recognised by the payment.

use std::sync::Arc;
use std::time::Duration;

use domain::{Fingerprint, Order, ReferenceId, ShopName};
use store::{Claimed, NamedRequests, RequestClaim};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::fingerprint::normalised;
use crate::vault::Purpose;
use crate::{DeedError, Desk, RefundOrder};

/// Where requests with names are held against those before.
pub struct Repeater {
    desk: Arc<Desk>,
    requests: Arc<dyn NamedRequests>,
    kept: Duration,
}

/// A caller's name for one request of its.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestName {
    /// Whose.
    pub client: Uuid,
    /// Which.
    pub key: String,
    /// A new name of ours for this attempt, used for nothing else.
    pub attempt: Uuid,
}

/// What becomes of a request that has a name.
#[derive(Debug)]
pub enum Begun {
    /// It is to be done now.
    Ours(Attempt),
    /// It was done, and answered so.
    Answered(Zeroizing<Vec<u8>>),
}

/// Whoever is on a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    digest: [u8; 32],
    id: Uuid,
}

/// For how long an attempt has its request to itself. Longer than a command and a wait for somebody else's take.
const LEASE: Duration = Duration::from_mins(3);

impl Repeater {
    /// Over a desk and what is remembered, which is for so long.
    pub fn new(desk: Arc<Desk>, requests: Arc<dyn NamedRequests>, kept: Duration) -> Self {
        Self { desk, requests, kept }
    }

    /// Holds a key against the order that it comes with: the first one that it came with is the only one.
    pub async fn name_order(&self, name: &RequestName, order: &Order) -> Result<(), DeedError> {
        let fingerprint = self.desk.vault.fingerprint(order);
        self.name_reference(name, &order.shop, &order.reference_id, &fingerprint).await
    }

    /// The same with a refund of a shop's deposit.
    pub async fn name_refund(&self, name: &RequestName, shop: &ShopName, order: &RefundOrder) -> Result<(), DeedError> {
        let fingerprint = self.desk.vault.refund_fingerprint(shop, order);
        self.name_reference(name, shop, &order.reference_id, &fingerprint).await
    }

    /// Whatever else becomes of it, the reference says.
    async fn name_reference(
        &self,
        name: &RequestName,
        shop: &ShopName,
        reference: &ReferenceId,
        order: &Fingerprint,
    ) -> Result<(), DeedError> {
        let order = serde_json::to_vec(order).unwrap_or_default();
        let parts =
            [b"reference".as_slice(), shop.as_str().as_bytes(), reference.as_str().as_bytes(), order.as_slice()];
        match self.claim(name, &parts, Duration::ZERO).await? {
            Claimed::Differs => Err(DeedError::RequestDiffers),
            Claimed::Ours | Claimed::InFlight | Claimed::Answered { .. } => Ok(()),
        }
    }

    /// Begins a request, which says what its parts and its body say. A body that is written differently says the same.
    pub async fn begin(&self, name: &RequestName, parts: &[&[u8]], body: &[u8]) -> Result<Begun, DeedError> {
        let normalised = std::str::from_utf8(body).map(|text| normalised(text.trim()));
        let body = normalised.as_ref().map_or(body, |text| text.as_bytes());
        // No body is an empty one.
        let body = if body.is_empty() { b"{}".as_slice() } else { body };
        match self.claim(name, &[&[b"request".as_slice()][..], parts, &[body][..]].concat(), LEASE).await? {
            Claimed::Ours => Ok(Begun::Ours(Attempt { digest: self.digest(name), id: name.attempt })),
            Claimed::Differs => Err(DeedError::RequestDiffers),
            Claimed::InFlight => Err(DeedError::RequestInFlight),
            Claimed::Answered { attempt, answer } => {
                let answer = self.desk.vault.unseal(Purpose::Answer, attempt, &answer);
                answer.map(Begun::Answered).ok_or(DeedError::Sealed)
            }
        }
    }

    /// Keeps what a request was answered. One that took too long for its lease keeps nothing: another one is on it.
    pub async fn keep(&self, attempt: &Attempt, answer: &[u8]) -> Result<(), DeedError> {
        let sealed = self.desk.vault.seal(Purpose::Answer, attempt.id, answer);
        self.requests.keep_answer(&attempt.digest, attempt.id, &sealed).await?;
        Ok(())
    }

    /// Gives the name of a request up that was not done.
    pub async fn let_go(&self, attempt: &Attempt) -> Result<(), DeedError> {
        Ok(self.requests.release_request(&attempt.digest, attempt.id).await?)
    }

    /// Forgets names that are older than the settings say; answers how many.
    pub async fn forget(&self) -> Result<u64, DeedError> {
        Ok(self.requests.forget_requests(self.desk.now().minus(self.kept)).await?)
    }

    async fn claim(&self, name: &RequestName, parts: &[&[u8]], lease: Duration) -> Result<Claimed, DeedError> {
        let now = self.desk.now();
        let claim = RequestClaim {
            digest: self.digest(name).to_vec(),
            fingerprint: self.desk.vault.digest(parts).to_vec(),
            attempt: name.attempt,
            now,
            until: now.plus(lease),
        };
        Ok(self.requests.claim_request(&claim).await?)
    }

    fn digest(&self, name: &RequestName) -> [u8; 32] {
        self.desk.vault.digest(&[b"request name", name.client.as_bytes(), name.key.as_bytes()])
    }
}
