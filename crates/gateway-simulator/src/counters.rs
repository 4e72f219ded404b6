//! What a test wants to know about a run.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// `POST /api/v1/payments`
    #[default]
    Create,
    /// `GET /api/v1/payments`
    List,
    /// `GET /api/v1/payments/{id}`
    Read,
    /// `PATCH /api/v1/payments/{id}`
    Patch,
    /// `POST /api/v1/payments/{id}/capture`
    Capture,
    /// `POST /api/v1/payments/{id}/void`
    Void,
    /// `POST /api/v1/payments/{id}/chargebacks`
    Chargeback,
    /// `POST /api/v1/payments/{id}/approve`
    Approve,
    /// `POST /api/v1/payments/{id}/reject`
    Reject,
    /// `GET /api/v1/payments/{id}/operations`
    Operations,
    /// `GET /api/v1/customers/{referenceId}/card-tokens`
    CardTokens,
    /// `GET /api/v1/customers/{referenceId}/terminals/{terminalId}/tokens`
    TerminalTokens,
    /// `GET /api/v1/subscriptions/{id}`
    ReadSubscription,
    /// `PATCH /api/v1/subscriptions/{id}`
    PatchSubscription,
    /// `GET /api/v1/balances`
    Balances,
    /// `GET /api/v1/available-withdrawal-balances`
    AvailableWithdrawalBalances,
    /// Anything else.
    Unknown,
}

impl Endpoint {
    /// All that the contract has, in its order (section 5).
    pub const ALL: [(Self, &'static str); 16] = [
        (Self::Create, "POST /api/v1/payments"),
        (Self::List, "GET /api/v1/payments"),
        (Self::Read, "GET /api/v1/payments/{id}"),
        (Self::Patch, "PATCH /api/v1/payments/{id}"),
        (Self::Capture, "POST /api/v1/payments/{id}/capture"),
        (Self::Void, "POST /api/v1/payments/{id}/void"),
        (Self::Chargeback, "POST /api/v1/payments/{id}/chargebacks"),
        (Self::Approve, "POST /api/v1/payments/{id}/approve"),
        (Self::Reject, "POST /api/v1/payments/{id}/reject"),
        (Self::Operations, "GET /api/v1/payments/{id}/operations"),
        (Self::CardTokens, "GET /api/v1/customers/{referenceId}/card-tokens"),
        (Self::TerminalTokens, "GET /api/v1/customers/{referenceId}/terminals/{terminalId}/tokens"),
        (Self::ReadSubscription, "GET /api/v1/subscriptions/{id}"),
        (Self::PatchSubscription, "PATCH /api/v1/subscriptions/{id}"),
        (Self::Balances, "GET /api/v1/balances"),
        (Self::AvailableWithdrawalBalances, "GET /api/v1/available-withdrawal-balances"),
    ];
}

/// Counts since the engine was made; kept with its state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    requests: BTreeMap<Endpoint, u64>,
    posts: BTreeMap<String, u32>,
    faults: BTreeMap<String, u64>,
    webhooks: u64,
    /// Not kept with the state: there may be very many.
    #[serde(skip)]
    acknowledged: BTreeSet<(String, String)>,
}

impl Counters {
    /// How many POSTs with this `referenceId` arrived, also those that were refused or lost before they
    /// had an effect.
    pub fn posts_of(&self, reference_id: &str) -> u32 {
        self.posts.get(reference_id).copied().unwrap_or(0)
    }

    /// How many requests arrived at this endpoint.
    pub fn requests_to(&self, endpoint: Endpoint) -> u64 {
        self.requests.get(&endpoint).copied().unwrap_or(0)
    }

    /// How many webhooks were handed out to be delivered.
    pub const fn webhooks(&self) -> u64 {
        self.webhooks
    }

    /// The webhooks that were answered with 2xx: the payment's id and the state that was told, each once.
    pub const fn acknowledged_webhooks(&self) -> &BTreeSet<(String, String)> {
        &self.acknowledged
    }

    /// How often each fault struck, by name.
    pub const fn faults(&self) -> &BTreeMap<String, u64> {
        &self.faults
    }

    pub(crate) fn count_request(&mut self, endpoint: Endpoint) {
        *self.requests.entry(endpoint).or_default() += 1;
    }

    pub(crate) fn count_post(&mut self, reference_id: &str) {
        match self.posts.get_mut(reference_id) {
            Some(count) => *count += 1,
            None => {
                self.posts.insert(reference_id.to_owned(), 1);
            }
        }
    }

    pub(crate) fn count_fault(&mut self, name: &str) {
        match self.faults.get_mut(name) {
            Some(count) => *count += 1,
            None => {
                self.faults.insert(name.to_owned(), 1);
            }
        }
    }

    pub(crate) fn count_acknowledgement(&mut self, payment_id: String, state: String) {
        self.acknowledged.insert((payment_id, state));
    }

    pub(crate) const fn count_webhooks(&mut self, taken: u64) {
        self.webhooks += taken;
    }
}
