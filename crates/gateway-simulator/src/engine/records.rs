//! What an engine remembers, as JSON: for a face that keeps it in a file between runs.

use chrono::{DateTime, Utc};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Engine, Setup};
use crate::counters::Counters;
use crate::delivery::{Delivery, DeliveryQueue};
use crate::ledger::Ledger;
use crate::payment::Payment;

/// Everything that happened. What was set up (keys, switches, faults) is not part of it: that comes from
/// whoever starts the engine, and keys do not belong in a data file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Records {
    shops: Vec<String>,
    latest: DateTime<Utc>,
    chance: ChaCha8Rng,
    counters: Counters,
    next_delivery: u64,
    deliveries: Vec<Delivery>,
    payments: Vec<Payment>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordsView<'a> {
    shops: Vec<&'a str>,
    latest: DateTime<Utc>,
    chance: &'a ChaCha8Rng,
    counters: &'a Counters,
    next_delivery: u64,
    deliveries: Vec<&'a Delivery>,
    payments: &'a [Payment],
}

/// Why records could not be taken up again.
#[derive(Debug, Error)]
pub enum ResumeError {
    /// They are not the JSON that [`Engine::records`] writes.
    #[error("the records of the gateway simulator cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// They hold payments of a shop that is not set up.
    #[error("the records of the gateway simulator name the shop `{0}`, which is not set up")]
    UnknownShop(String),
}

impl Engine {
    /// Everything that happened so far, as JSON.
    pub fn records(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&RecordsView {
            shops: self.shops.iter().map(|shop| shop.name.as_str()).collect(),
            latest: self.latest,
            chance: &self.chance,
            counters: &self.counters,
            next_delivery: self.deliveries.next_number(),
            deliveries: self.deliveries.waiting().collect(),
            payments: self.ledger.payments(),
        })
    }

    /// An engine that goes on where another one's records end; shops are matched by name.
    pub fn resume(setup: Setup, records: &[u8]) -> Result<Self, ResumeError> {
        let records: Records = serde_json::from_slice(records).map_err(ResumeError::Unreadable)?;
        let mut engine = Self::new(setup);
        let shops = engine.places_of_shops(&records.shops)?;
        let mut ledger = Ledger::new(engine.shops.len());
        for payment in records.payments {
            let shop = shops
                .get(payment.shop)
                .copied()
                .ok_or_else(|| ResumeError::UnknownShop(format!("number {}", payment.shop)))?;
            ledger.add(Payment { shop, ..payment });
        }
        engine.ledger = ledger;
        engine.deliveries = DeliveryQueue::resume(records.next_delivery, records.deliveries);
        engine.counters = records.counters;
        engine.chance = records.chance;
        engine.latest = records.latest;
        Ok(engine)
    }

    fn places_of_shops(&self, names: &[String]) -> Result<Vec<usize>, ResumeError> {
        let place = |name: &String| {
            let found = self.shops.iter().position(|shop| shop.name == *name);
            found.ok_or_else(|| ResumeError::UnknownShop(name.clone()))
        };
        names.iter().map(place).collect()
    }
}
