use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{Actor, ShopName, StuckReason, Time, Via};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{OwnerId, StoreError};

/// What is done to everything that is stuck and fits a filter, on order: who is on which, and how far it is. What is done to
/// each is the caller's own word here.
#[async_trait]
pub trait BulkActions: Send + Sync {
    /// Orders one; one that has the id already will do. Answers the one that is there.
    async fn order_bulk_action(&self, action: &BulkAction) -> Result<BulkAction, StoreError>;

    /// Takes the one that was ordered first of those that nobody is on and that are due.
    async fn claim_bulk_action(&self, claim: &BulkClaim) -> Result<Option<BulkAction>, StoreError>;

    /// Records where one stands, if the claim's epoch is still the latest. `until` keeps the lease, none gives it up. Who stopped
    /// it is no part of that, and comes back with the answer.
    async fn record_bulk_action(&self, action: &BulkAction, until: Option<Time>) -> Result<BulkRecorded, StoreError>;

    /// Has one stopped: at once if nobody is on it, else by whoever is. False if it is over, or was stopped before.
    async fn stop_bulk_action(&self, id: Uuid, by: &Actor, now: Time) -> Result<bool, StoreError>;

    /// One of them.
    async fn bulk_action(&self, id: Uuid) -> Result<Option<BulkAction>, StoreError>;

    /// The one that was ordered last first.
    async fn bulk_actions(&self, page: &BulkActionsPage) -> Result<Vec<BulkAction>, StoreError>;
}

/// Something that is done to many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkAction {
    /// Its name.
    pub id: Uuid,
    /// What is done to each: JSON, the doer's own.
    pub action: String,
    /// To what is stuck for one of these reasons.
    pub reasons: BTreeSet<StuckReason>,
    /// And belongs to one of these shops; all if there is none.
    pub shops: BTreeSet<ShopName>,
    /// To no more than this many.
    pub items_max: u64,
    /// Why, in their own words.
    pub reason: String,
    /// Where it is written up.
    pub ticket: Option<String>,
    /// Who ordered it.
    pub ordered_by: Actor,
    /// From where.
    pub via: Via,
    /// When it was ordered: what needs a person only since then is left alone.
    pub ordered_at: Time,
    /// How far it is.
    pub state: BulkState,
    /// How many there were when it was ordered, as far as it goes.
    pub expected: u64,
    /// To how many it was done.
    pub done: u64,
    /// With how many it could not be done.
    pub failed: u64,
    /// Why not, of the first of these.
    pub troubles: Vec<BulkTrouble>,
    /// The last item that was gone through.
    pub place: Option<(Time, Uuid)>,
    /// Who stopped it.
    pub stopped_by: Option<Actor>,
    /// When it was first taken up.
    pub begun_at: Option<Time>,
    /// When it came to its end.
    pub finished_at: Option<Time>,
    /// When it is due.
    pub next_at: Time,
    /// Raised with each claim.
    pub epoch: u64,
}

/// With what it could not be done, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkTrouble {
    /// The payment's id, or the notice's.
    pub of: Uuid,
    /// Why not.
    pub why: String,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum BulkState {
    /// Nobody has taken it up.
    Waiting,
    /// Somebody is on it, or will go on.
    Running,
    /// All was gone through.
    Completed,
    /// Somebody stopped it; what was done is done.
    Stopped,
    /// It makes no sense to this version of the program.
    Failed,
}

/// What came of recording where one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkRecorded {
    /// It is recorded.
    Kept,
    /// It is recorded, and somebody wants it to stop.
    ToBeStopped,
    /// It is another one's by now, or over; nothing is recorded.
    Lost,
}

/// A claim on the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkClaim {
    /// What time it is.
    pub now: Time,
    /// Who claims.
    pub owner: OwnerId,
    /// Until when others leave it alone.
    pub until: Time,
}

/// A page of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkActionsPage {
    /// Only those about none but these shops; all if there is none.
    pub shops: BTreeSet<ShopName>,
    /// Only those that were ordered before, or at the same time under a smaller id.
    pub before: Option<(Time, Uuid)>,
    /// How many at most.
    pub limit: u32,
}

impl BulkRecorded {
    /// By what the database answers: nothing if the epoch is another one.
    pub(crate) fn of(is_stopped: Option<bool>) -> Self {
        match is_stopped {
            None => Self::Lost,
            Some(true) => Self::ToBeStopped,
            Some(false) => Self::Kept,
        }
    }
}
