use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{ShopName, Time};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::StoreError;

/// The callers' keys. Only a digest is ever stored.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Stores a new key.
    async fn add_key(&self, key: &KeyRecord) -> Result<(), StoreError>;

    /// The key with this digest, revoked or not.
    async fn key_by_digest(&self, digest: &[u8]) -> Result<Option<KeyRecord>, StoreError>;

    /// All keys, oldest first.
    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError>;

    /// Revokes a key; false if there is none with this id that is not revoked.
    async fn revoke_key(&self, id: Uuid, at: Time) -> Result<bool, StoreError>;
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
}
