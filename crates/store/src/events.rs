use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{Actor, Money, PaymentId, PaymentState, PaymentType, ReferenceId, ShopName, Time, TraceParent};
use uuid::Uuid;

use crate::{OwnerId, StoreError};

/// Events out: every change of a payment's state, in an order that never changes. A change is written with the ledger entry that
/// makes it, and gets its place (it is *stamped*) afterwards, since commits do not finish in the order in which they begin. The
/// places are counted from 1 without gaps, and the events of one payment stand in their order.
#[async_trait]
pub trait Events: Send + Sync {
    /// Stamps changes that wait for it, at most `limit`; answers how many. Of several that stamp at the same time, one does.
    async fn stamp(&self, limit: u32) -> Result<u64, StoreError>;

    /// The place of the last event; 0 if there is none.
    async fn feed_end(&self) -> Result<u64, StoreError>;

    /// Events in their order.
    async fn events(&self, page: &EventsPage) -> Result<Vec<Event>, StoreError>;

    /// One event, if it is stamped.
    async fn event(&self, payment: PaymentId, sequence: u64) -> Result<Option<Event>, StoreError>;

    /// Adds an endpoint; false, and nothing is added, if there are `most` already.
    async fn add_endpoint(&self, endpoint: &Endpoint, most: u32) -> Result<bool, StoreError>;

    /// One of them.
    async fn endpoint(&self, id: Uuid) -> Result<Option<Endpoint>, StoreError>;

    /// All of them, the one that was made first first.
    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError>;

    /// Replaces what a person says of an endpoint, and raises its epoch: whoever sends to it records nothing any more. False if
    /// the epoch is not the one that the change was made on.
    async fn change_endpoint(&self, endpoint: &Endpoint) -> Result<bool, StoreError>;

    /// Removes an endpoint and what waits for it; false if there is none.
    async fn remove_endpoint(&self, id: Uuid) -> Result<bool, StoreError>;

    /// Leases the endpoint that waits longest of those that are enabled, that nobody is on, and that something is to be sent to.
    async fn claim_endpoint(&self, claim: &EndpointClaim) -> Result<Option<Endpoint>, StoreError>;

    /// What waits for an endpoint, of the payments whose next event is due, at most `payments` of them: the events of a payment
    /// beside each other, in their order.
    async fn due_deliveries(&self, endpoint: Uuid, now: Time, payments: u32) -> Result<Vec<Delivery>, StoreError>;

    /// What waits for an endpoint of these payments: each with its sequence.
    async fn waiting_events(
        &self,
        endpoint: Uuid,
        payments: &[PaymentId],
    ) -> Result<BTreeSet<(PaymentId, u64)>, StoreError>;

    /// Records how far an endpoint was told, how it fares, and what it did not take; gives the lease up. False, and nothing is
    /// recorded, if the epoch is another one by now.
    async fn record_push(&self, endpoint: &Endpoint, deliveries: &[Delivery]) -> Result<bool, StoreError>;

    /// What an endpoint did not take at once, the latest first.
    async fn deliveries(&self, page: &DeliveriesPage) -> Result<Vec<Delivery>, StoreError>;

    /// Has an event that an endpoint was told of, or not, sent to it again.
    async fn resend(&self, endpoint: Uuid, event: &Event, now: Time) -> Result<(), StoreError>;

    /// Forgets deliveries that were finished before; answers how many.
    async fn forget_deliveries(&self, before: Time, limit: u32) -> Result<u64, StoreError>;
}

/// A change of a payment's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the feed.
    pub position: u64,
    /// Whose.
    pub payment: PaymentId,
    /// Counted from 1 without gaps over the changes of this payment's state.
    pub sequence: u64,
    /// The ledger entry that made the change: the payment's version after it.
    pub version: u64,
    /// The state that the payment then had.
    pub state: PaymentState,
    /// When it was seen.
    pub occurred_at: Time,
    /// Whose keys are used.
    pub shop: ShopName,
    /// The caller's name for the payment.
    pub reference_id: ReferenceId,
    /// Which way the money goes.
    pub payment_type: PaymentType,
    /// How much was asked for.
    pub requested: Money,
    /// Where the payment began, for whoever follows its trace.
    pub trace: Option<TraceParent>,
}

/// A page of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsPage {
    /// From behind this place.
    pub after: u64,
    /// Up to and with this one.
    pub through: u64,
    /// Only of these shops; all if there is none.
    pub shops: BTreeSet<ShopName>,
    /// Only of this payment.
    pub payment: Option<PaymentId>,
    /// How many at most.
    pub limit: u32,
}

/// Who is told of events, and how far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name.
    pub id: Uuid,
    /// Where events are sent.
    pub url: String,
    /// Its owner's word for it.
    pub description: String,
    /// Only events of these shops; empty for all.
    pub shops: BTreeSet<ShopName>,
    /// Only events of these types; `*` stands for one word; empty for all.
    pub event_types: BTreeSet<String>,
    /// What a message holds.
    pub payload: Payload,
    /// What its messages are signed with, encrypted.
    pub secrets: Vec<u8>,
    /// Whether it is told of anything.
    pub state: EndpointState,
    /// Why it is disabled.
    pub reason: Option<String>,
    /// Whose key made it; none on the command line.
    pub made_by: Option<Actor>,
    /// When it was made.
    pub made_at: Time,
    /// It was told of everything up to this place of the feed, or that stands among its deliveries.
    pub position: u64,
    /// How many messages in a row it did not take.
    pub failures: u32,
    /// Since when; none if it took the last one.
    pub failing_since: Option<Time>,
    /// What it last answered instead of taking one.
    pub last_failure: Option<String>,
    /// When it last took one.
    pub delivered_at: Option<Time>,
    /// It is left alone until then.
    pub next_at: Time,
    /// Raised with each lease and each change.
    pub epoch: u64,
}

/// What a message holds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::Display, strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Payload {
    /// What happened.
    Thin,
    /// The payment beside it, as it then was.
    Full,
}

/// Whether an endpoint is told of anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum EndpointState {
    /// It is.
    Enabled,
    /// It is not, and nothing is forgotten.
    Disabled,
}

/// A claim on an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointClaim {
    /// What time it is.
    pub now: Time,
    /// Who claims.
    pub owner: OwnerId,
    /// Until when others leave it alone.
    pub until: Time,
}

/// An event that an endpoint did not take at once, or that waits behind one of the same payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which event.
    pub event: Event,
    /// What came of it.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: u32,
    /// When it was first not taken.
    pub parked_at: Time,
    /// When it is sent again; none while an earlier event of its payment waits, and when it is finished.
    pub next_at: Option<Time>,
    /// When it was last sent.
    pub last_attempt_at: Option<Time>,
    /// What came of that.
    pub last_failure: Option<String>,
    /// When it was taken or given up.
    pub finished_at: Option<Time>,
}

/// What came of a delivery.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::Display, strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum DeliveryState {
    /// It will be sent.
    Waiting,
    /// It was taken.
    Delivered,
    /// It is not sent again by itself.
    GivenUp,
}

/// A page of deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveriesPage {
    /// To which endpoint.
    pub endpoint: Uuid,
    /// Only these.
    pub state: Option<DeliveryState>,
    /// Only those that were parked before; or at the same time, of an earlier payment or with a smaller sequence.
    pub before: Option<(Time, PaymentId, u64)>,
    /// How many at most.
    pub limit: u32,
}
