use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Flag;
use crate::Time;

/// What people have decided about a payment without changing what it is. All of it comes from the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Care {
    /// Who looks after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// Until when nobody wants to be told that it is stuck.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<Time>,
    /// Flags that need nobody any more. Whatever raises one of them anew takes it out of here.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub settled: BTreeSet<Flag>,
}
