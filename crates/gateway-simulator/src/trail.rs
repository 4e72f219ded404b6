//! What the engine did with a payment, step by step (gateway contract, section 6.10).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::payment::PaymentState;

/// The words of the contract that the simulator has a use for (section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Operation {
    CreatePayment,
    Checkout,
    Cancel,
    Continue,
    Deposit,
    Withdrawal,
    Refund,
    Chargeback,
    TriggerWebhook,
    Capture,
    Void,
    Approve,
    Reject,
}

/// One step.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) operation: Operation,
    pub(crate) at: DateTime<Utc>,
    /// Where the payment stood afterwards.
    pub(crate) state: PaymentState,
}
