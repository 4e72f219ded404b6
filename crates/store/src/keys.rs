use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{ShopName, Time};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::StoreError;

/// The callers' keys. Only a digest is ever stored.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Stores a new key.
    async fn add_key(&self, key: &KeyRecord) -> Result<(), StoreError>;

    /// The key with this digest, whether it opens anything or not. While its owner changes over, it has two.
    async fn key_by_digest(&self, digest: &[u8]) -> Result<Option<KeyRecord>, StoreError>;

    /// All keys, oldest first.
    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError>;

    /// Revokes a key; false if there is none with this id that is not revoked.
    async fn revoke_key(&self, id: Uuid, at: Time) -> Result<bool, StoreError>;

    /// Gives a key another digest; none if somebody was faster, or it is revoked.
    async fn rotate_key(&self, rotation: &KeyRotation) -> Result<Option<KeyRecord>, StoreError>;

    /// Notes when keys were used last.
    async fn note_used(&self, used: &[(Uuid, Time)]) -> Result<(), StoreError>;
}

/// What a key may do (REST contract, "Scopes").
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
pub enum Scope {
    /// Read payments.
    #[serde(rename = "payments:read")]
    #[strum(serialize = "payments:read")]
    PaymentsRead,
    /// Take deposits.
    #[serde(rename = "deposits:write")]
    #[strum(serialize = "deposits:write")]
    DepositsWrite,
    /// Make refunds.
    #[serde(rename = "refunds:write")]
    #[strum(serialize = "refunds:write")]
    RefundsWrite,
    /// Make withdrawals.
    #[serde(rename = "payouts:write")]
    #[strum(serialize = "payouts:write")]
    PayoutsWrite,
    /// Approve withdrawals that somebody else made.
    #[serde(rename = "payouts:approve")]
    #[strum(serialize = "payouts:approve")]
    PayoutsApprove,
    /// Export and reconcile.
    #[serde(rename = "finance:read")]
    #[strum(serialize = "finance:read")]
    FinanceRead,
    /// Start reconciliations, and say what became of a difference.
    #[serde(rename = "finance:write")]
    #[strum(serialize = "finance:write")]
    FinanceWrite,
    /// Say who is told of events.
    #[serde(rename = "webhooks:write")]
    #[strum(serialize = "webhooks:write")]
    WebhooksWrite,
    /// See what is stuck.
    #[serde(rename = "ops:read")]
    #[strum(serialize = "ops:read")]
    OpsRead,
    /// Unstick it.
    #[serde(rename = "ops:write")]
    #[strum(serialize = "ops:write")]
    OpsWrite,
    /// Everything.
    #[serde(rename = "admin")]
    #[strum(serialize = "admin")]
    Admin,
}

/// A caller's key, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyRecord {
    /// Our name for it.
    pub id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// SHA-256 of the key, which has too many random bits to be guessed from it.
    #[serde(skip)]
    pub digest: Vec<u8>,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// The shops that it may see; empty means all.
    pub shops: BTreeSet<ShopName>,
    /// When it was made.
    pub created_at: Time,
    /// Since when it is good for nothing.
    pub revoked_at: Option<Time>,
    /// The one before, while its owner changes over.
    pub previous: Option<PreviousKey>,
    /// From when on it is good for nothing.
    pub expires_at: Option<Time>,
    /// When it was used last, to a minute or so.
    pub used_at: Option<Time>,
    /// From where it may be used; empty means from everywhere.
    pub networks: BTreeSet<IpNet>,
}

/// A key that another one has taken the place of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviousKey {
    /// SHA-256 of it.
    #[serde(skip)]
    pub digest: Vec<u8>,
    /// Until when it is taken too.
    pub until: Time,
}

/// A key that another one takes the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRotation {
    /// Which one.
    pub id: Uuid,
    /// Its digest as it was seen: whoever was faster has given it another one.
    pub seen: Vec<u8>,
    /// The digest of the new one.
    pub digest: Vec<u8>,
    /// The one that is taken too meanwhile.
    pub previous: PreviousKey,
}

impl KeyRecord {
    /// A key that works from now on, for ever, and from everywhere.
    pub fn new(id: Uuid, name: impl Into<String>, digest: Vec<u8>, created_at: Time) -> Self {
        Self {
            id,
            name: name.into(),
            digest,
            scopes: BTreeSet::new(),
            shops: BTreeSet::new(),
            created_at,
            revoked_at: None,
            previous: None,
            expires_at: None,
            used_at: None,
            networks: BTreeSet::new(),
        }
    }

    /// Whether what was shown, which has this digest, opens anything `now`.
    pub fn opens(&self, digest: &[u8], now: Time) -> bool {
        let is_previous = |previous: &PreviousKey| previous.digest == digest && now < previous.until;
        let is_known = self.digest == digest || self.previous.as_ref().is_some_and(is_previous);
        is_known && self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// The one before, if it is still taken `now`.
    pub fn previous(&self, now: Time) -> Option<&PreviousKey> {
        self.previous.as_ref().filter(|previous| now < previous.until)
    }
}
