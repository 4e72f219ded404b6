use chrono::{DateTime, Utc};

use super::fields::Fields;
use super::outcome::Answer;
use crate::Secret;
use crate::vocabulary::{Open, OperationType, PaymentState};

/// One step of the gateway's own processing of a payment (gateway contract, section 6.10). Nothing in
/// it is certain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operation {
    /// The gateway's number of it.
    pub id: Option<u64>,
    /// What was done.
    pub operation: Option<Open<OperationType>>,
    /// When it began.
    pub started: Option<DateTime<Utc>>,
    /// When it ended; missing while it runs.
    pub completed: Option<DateTime<Utc>>,
    /// Where the payment stood, most likely afterwards: the contract does not say.
    pub payment_state: Option<Open<PaymentState>>,
    /// What the gateway said to its provider, raw: it may hold anything about anybody.
    pub outgoing_messages: Option<Secret>,
    /// What the provider said, raw.
    pub incoming_messages: Option<Secret>,
    /// The names of the fields that were there and could not be read.
    pub oddities: Vec<&'static str>,
}

impl Answer for Operation {
    fn read(json: &str) -> Option<Self> {
        let mut fields = Fields::read(json)?;
        Some(Self {
            id: fields.count("id"),
            operation: fields.word("operation"),
            started: fields.time("started"),
            completed: fields.time("completed"),
            payment_state: fields.word("paymentState"),
            outgoing_messages: fields.secret("outgoingMessages"),
            incoming_messages: fields.secret("incomingMessages"),
            oddities: fields.into_oddities(),
        })
    }
}
