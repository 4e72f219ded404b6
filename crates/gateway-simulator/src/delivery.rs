//! Webhooks that wait to be delivered.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::payment::{PaymentId, PaymentState};

/// One webhook on its way. Who takes it out of the engine delivers it, or does not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Numbers deliveries in the order in which they were caused.
    pub number: u64,
    /// The payment that it is about.
    pub payment_id: PaymentId,
    /// The state that it tells.
    pub state: PaymentState,
    /// Where to POST it.
    pub url: String,
    /// The body: exactly these bytes are signed.
    #[serde(with = "body_as_text")]
    pub body: Bytes,
    /// The value of the `Signature` header, if there is one.
    pub signature: Option<String>,
    /// When it leaves.
    pub due_at: DateTime<Utc>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// How often it comes again, where a fault says so and not the switches.
    #[serde(default)]
    pub(crate) retries: Option<Retries>,
}

/// How often a webhook comes again that was not answered with 2xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Retries {
    pub(crate) times: u32,
    pub(crate) pause_millis: u32,
}

/// Without the body and the address: both may hold what a log must not.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("number", &self.number)
            .field("payment_id", &self.payment_id)
            .field("state", &self.state)
            .field("due_at", &self.due_at)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// Deliveries in the order in which they leave.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeliveryQueue {
    next_number: u64,
    waiting: BTreeMap<(DateTime<Utc>, u64), Delivery>,
}

impl DeliveryQueue {
    pub(crate) fn resume(next_number: u64, waiting: Vec<Delivery>) -> Self {
        let waiting = waiting.into_iter().map(|delivery| ((delivery.due_at, delivery.number), delivery)).collect();
        Self { next_number, waiting }
    }

    pub(crate) const fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Adds a delivery and gives it its number.
    pub(crate) fn add(&mut self, delivery: Delivery) {
        let number = self.next_number;
        self.next_number += 1;
        self.waiting.insert((delivery.due_at, number), Delivery { number, ..delivery });
    }

    pub(crate) fn take_due(&mut self, now: DateTime<Utc>) -> Vec<Delivery> {
        let mut due = Vec::new();
        while let Some(first) = self.waiting.first_entry().filter(|first| first.key().0 <= now) {
            due.push(first.remove());
        }
        due
    }

    pub(crate) fn take_all(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.waiting).into_values().collect()
    }

    pub(crate) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.waiting.first_key_value().map(|((due_at, _), _)| *due_at)
    }

    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Delivery> {
        self.waiting.values()
    }
}

/// A body is JSON, so a text in the data file is readable and loses nothing.
mod body_as_text {
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(body))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        String::deserialize(deserializer).map(Bytes::from)
    }
}
