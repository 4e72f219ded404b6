use async_trait::async_trait;
use domain::{Actor, Switch, Time, Via};
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// What is stopped by hand, and by whom.
#[async_trait]
pub trait Switches: Send + Sync {
    /// How each switch stands that was ever turned: the latest change of it.
    async fn switches(&self) -> Result<Vec<SwitchChange>, StoreError>;

    /// Turns a switch. False if somebody else was faster: nothing is changed.
    async fn turn_switch(&self, change: &SwitchChange) -> Result<bool, StoreError>;

    /// The changes of a switch, the latest first; at most `limit`.
    async fn switch_changes(&self, switch: Switch, limit: u32) -> Result<Vec<SwitchChange>, StoreError>;
}

/// One change of a switch. Rows are only added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchChange {
    /// Which one.
    pub switch: Switch,
    /// Counted from 1 without gaps, per switch.
    pub sequence: u64,
    /// Whether it is stopped from then on.
    pub stopped: bool,
    /// When.
    pub at: Time,
    /// Whose key it was.
    pub by: Actor,
    /// From where.
    pub via: Via,
    /// Why, in their own words.
    pub reason: String,
}

/// Who turned it, and from where, as it is stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct TurnedBy {
    pub(crate) by: Actor,
    pub(crate) via: Via,
}
