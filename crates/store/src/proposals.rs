use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{Actor, PaymentId, ShopName, Time};
use uuid::Uuid;

use crate::StoreError;

/// What one person asks for and another one must approve.
#[async_trait]
pub trait Proposals: Send + Sync {
    /// Records a proposal. False if one is open for its payment already.
    async fn propose(&self, proposal: &Proposal) -> Result<bool, StoreError>;

    /// One by its id.
    async fn proposal(&self, id: Uuid) -> Result<Option<Proposal>, StoreError>;

    /// One page, the latest first.
    async fn proposals(&self, page: &ProposalsPage) -> Result<Vec<Proposal>, StoreError>;

    /// Ends one that is open. None if it is not.
    async fn decide_proposal(&self, id: Uuid, decided: &Decided) -> Result<Option<Proposal>, StoreError>;
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Our name for it.
    pub id: Uuid,
    /// About which payment.
    pub payment: PaymentId,
    /// Whose it is.
    pub shop: ShopName,
    /// What is asked for, with its reason and its ticket, as JSON.
    pub action: String,
    /// The version of the payment that it was asked for: at another one it is done no more.
    pub version: u64,
    /// Whose key asked.
    pub asked_by: Actor,
    /// When.
    pub asked_at: Time,
    /// It is not done before then.
    pub not_before: Time,
    /// What came of it; none while it is open.
    pub decided: Option<Decided>,
}

/// The end of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Whether it was done; else it was declined.
    pub done: bool,
    /// Whose key decided.
    pub by: Actor,
    /// When.
    pub at: Time,
}

/// One page of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProposalsPage {
    /// Any of these shops; empty means all.
    pub shops: BTreeSet<ShopName>,
    /// Only those that are open.
    pub open: bool,
    /// The last of the page before.
    pub before: Option<(Time, Uuid)>,
    /// No more than this many.
    pub limit: u32,
}
