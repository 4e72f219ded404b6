//! Events are sent to those who want to be told.
//!
//! The feed is the queue: an endpoint has a place in it, and what it was not told yet lies behind that place. An event that is
//! not taken is parked, and the later ones of its payment behind it, so that each payment's events come in their order; all
//! others go on. An endpoint that takes nothing any more is left alone for growing pauses, in which its place rests and nothing
//! is parked. Each endpoint is leased by itself, so nobody waits for another one's receiver.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Payment, PaymentId, Time};
use futures::stream::{self, StreamExt as _};
use gateway_client::Secret;
use parking_lot::Mutex;
use store::{
    Delivery, DeliveryState, Endpoint, EndpointClaim, EndpointState, Event, Events, EventsPage, Payload, Reads,
};
use tokio::sync::watch;

use crate::event::{event_type, fits_any};
use crate::{DeedError, Desk};

/// How events are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushRules {
    /// For how long a process has an endpoint to itself. Nothing new is sent in the second half of it.
    pub lease: Duration,
    /// Events that are taken up at once.
    pub batch: u32,
    /// Messages that are on their way to one endpoint at the same time, each of another payment.
    pub in_flight: usize,
    /// The pauses before an event is sent again; the last one over and over.
    pub retries: Vec<Duration>,
    /// After how many messages in a row that it did not take an endpoint is left alone for a while.
    pub pause_after: u32,
    /// The longest such pause.
    pub pause_max: Duration,
    /// For how long an event is sent again, and how long an endpoint may take nothing before it is disabled.
    pub give_up_after: Duration,
    /// How long what was not taken at once is remembered after its end.
    pub kept: Duration,
    /// How many endpoints there may be.
    pub endpoints_max: u32,
}

impl Default for PushRules {
    fn default() -> Self {
        let minutes = Duration::from_mins;
        Self {
            lease: Duration::from_mins(1),
            batch: 50,
            in_flight: 8,
            retries: vec![Duration::from_secs(5), minutes(1), minutes(5), minutes(30), minutes(120), minutes(480)],
            pause_after: 5,
            pause_max: minutes(60),
            give_up_after: Duration::from_hours(72),
            kept: Duration::from_hours(30 * 24),
            endpoints_max: 200,
        }
    }
}

/// The way to those who want to be told.
#[async_trait]
pub trait Receivers: Send + Sync {
    /// Sends once.
    async fn send(&self, message: Message<'_>) -> Result<(), Refusal>;
}

/// One event on its way to one endpoint.
#[derive(Debug)]
pub struct Message<'a> {
    /// Where to.
    pub endpoint: &'a Endpoint,
    /// What is told.
    pub event: &'a Event,
    /// The payment as it was after the event, if the endpoint wants it.
    pub payment: Option<Payment>,
    /// What it is signed with: each of them.
    pub secrets: &'a [Secret],
    /// When it is sent.
    pub at: Time,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In our words; nothing of what the receiver said.
    pub why: String,
    /// Whether it wants none any more.
    pub gone: bool,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// Where events are sent from.
pub struct Pusher {
    pub(crate) desk: Arc<Desk>,
    pub(crate) events: Arc<dyn Events>,
    reads: Arc<dyn Reads>,
    receivers: Arc<dyn Receivers>,
    pub(crate) rules: PushRules,
    stamped: watch::Sender<()>,
}

/// An event that is to be sent, and whether it was parked before.
#[derive(Debug, Clone)]
struct Item {
    delivery: Delivery,
    is_parked: bool,
}

/// What is to be sent in one step: the events of a payment beside each other, in their order.
struct Round {
    lanes: Vec<Vec<Item>>,
    /// What waits behind a parked event of its payment.
    behind: Vec<Delivery>,
    /// How far the endpoint was told when all of it is sent or parked.
    position: u64,
}

/// How an endpoint fares, while several messages are on their way to it.
struct Fate {
    endpoint: Endpoint,
    /// Nothing new is begun.
    stopped: bool,
}

/// Changes that are stamped at once.
const STAMPED: u32 = 1_000;

/// How far one step looks along the feed: most of it may be of no interest to an endpoint.
const SIGHT: u64 = 10_000;

/// Deliveries that are forgotten at once.
const FORGOTTEN: u32 = 1_000;

/// The longest that a receiver may ask to be left alone.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

impl Pusher {
    /// Over a desk, the feed, the ledgers, and the way to receivers.
    pub fn new(
        desk: Arc<Desk>,
        events: Arc<dyn Events>,
        reads: Arc<dyn Reads>,
        receivers: Arc<dyn Receivers>,
        rules: PushRules,
    ) -> Self {
        Self { desk, events, reads, receivers, rules, stamped: watch::Sender::new(()) }
    }

    /// The feed, and who is told of it.
    pub fn events(&self) -> &Arc<dyn Events> {
        &self.events
    }

    /// Stamps what waits for its place in the feed; answers how much.
    pub async fn stamp(&self) -> Result<u64, DeedError> {
        let stamped = self.events.stamp(STAMPED).await?;
        if stamped > 0 {
            self.stamped.send_replace(());
        }
        Ok(stamped)
    }

    /// Changes whenever this process stamps something; a shortcut for waiters, who must look by themselves too, since other
    /// processes stamp as well.
    pub fn stamped(&self) -> watch::Receiver<()> {
        self.stamped.subscribe()
    }

    /// Forgets what was not taken at once and came to its end long ago; answers how much.
    pub async fn forget(&self) -> Result<u64, DeedError> {
        let before = self.desk.clock.now().minus(self.rules.kept);
        Ok(self.events.forget_deliveries(before, FORGOTTEN).await?)
    }

    /// Sends what is due to the endpoint that has waited longest. Answers whether there was one.
    pub async fn push_due(&self) -> Result<bool, DeedError> {
        let Some(endpoint) = self.claim().await? else { return Ok(false) };
        self.tell(endpoint).await?;
        Ok(true)
    }

    /// Leases the endpoint that has waited longest, if something is to be sent to one.
    pub async fn claim(&self) -> Result<Option<Endpoint>, DeedError> {
        let now = self.desk.clock.now();
        let claim = EndpointClaim { now, owner: self.desk.owner, until: now.plus(self.rules.lease) };
        Ok(self.events.claim_endpoint(&claim).await?)
    }

    /// Sends what is due to an endpoint that was claimed, and gives it back.
    pub async fn tell(&self, endpoint: Endpoint) -> Result<(), DeedError> {
        let (endpoint, deliveries) = self.push(endpoint, self.desk.clock.now()).await?;
        if !self.events.record_push(&endpoint, &deliveries).await? {
            tracing::warn!(endpoint = %endpoint.id, "the endpoint was changed meanwhile, or somebody else sends to it");
        }
        Ok(())
    }

    async fn push(&self, mut endpoint: Endpoint, now: Time) -> Result<(Endpoint, Vec<Delivery>), DeedError> {
        let Ok(secrets) = self.secrets(&endpoint, now) else {
            disable(&mut endpoint, "its secrets cannot be read with the present master key");
            return Ok((endpoint, Vec::new()));
        };
        let secrets: Vec<Secret> = secrets.into_iter().map(|one| one.secret).collect();
        let round = self.gather(&endpoint, now).await?;
        endpoint.position = round.position;
        endpoint.next_at = now;
        let fate = Mutex::new(Fate { endpoint, stopped: false });
        let until = self.desk.clock.uptime() + self.rules.lease / 2;
        let lanes = stream::iter(round.lanes).map(|lane| self.send_lane(lane, &fate, &secrets, until));
        let sent: Vec<Vec<Delivery>> = lanes.buffer_unordered(self.rules.in_flight.max(1)).collect().await;
        let deliveries = sent.into_iter().flatten().chain(round.behind).collect();
        let Fate { mut endpoint, .. } = fate.into_inner();
        self.rest(&mut endpoint, now);
        Ok((endpoint, deliveries))
    }

    /// What is due, and what is new. An endpoint that was left alone is tried with one payment's events first.
    async fn gather(&self, endpoint: &Endpoint, now: Time) -> Result<Round, DeedError> {
        let is_probe = endpoint.failures >= self.rules.pause_after;
        let payments = if is_probe { 1 } else { self.rules.batch };
        let due = self.events.due_deliveries(endpoint.id, now, payments).await?;
        let mut lanes: Vec<Vec<Item>> = due
            .chunk_by(|one, next| one.event.payment == next.event.payment)
            .map(|lane| lane.iter().map(|one| Item { delivery: one.clone(), is_parked: true }).collect())
            .collect();
        if is_probe && !lanes.is_empty() {
            return Ok(Round { lanes, behind: Vec::new(), position: endpoint.position });
        }
        let (mut new, mut position) = self.new_events(endpoint).await?;
        if is_probe && new.len() > 1 {
            new.truncate(1);
            position = new.first().map_or(position, |first| first.position);
        }
        let named: BTreeSet<PaymentId> = new.iter().map(|event| event.payment).collect();
        let named: Vec<PaymentId> = named.into_iter().collect();
        let waiting = self.events.waiting_events(endpoint.id, &named).await?;
        let held_up: BTreeSet<PaymentId> = waiting.iter().map(|(payment, _)| *payment).collect();
        let mut places: BTreeMap<PaymentId, usize> = BTreeMap::new();
        for (place, lane) in lanes.iter().enumerate() {
            places.extend(lane.first().map(|first| (first.delivery.event.payment, place)));
        }
        let mut behind = Vec::new();
        for event in new {
            let payment = event.payment;
            // Somebody has had it sent before its turn.
            if waiting.contains(&(payment, event.sequence)) {
                continue;
            }
            let delivery = parked(event, now);
            match places.get(&payment) {
                Some(place) => lanes[*place].push(Item { delivery, is_parked: false }),
                None if held_up.contains(&payment) => behind.push(delivery),
                None => {
                    places.insert(payment, lanes.len());
                    lanes.push(vec![Item { delivery, is_parked: false }]);
                }
            }
        }
        for lane in &mut lanes {
            lane.sort_by_key(|item| item.delivery.event.sequence);
        }
        Ok(Round { lanes, behind, position })
    }

    /// The next events that the endpoint wants, and the place up to which there are no others.
    async fn new_events(&self, endpoint: &Endpoint) -> Result<(Vec<Event>, u64), DeedError> {
        let end = self.events.feed_end().await?;
        let through = end.min(endpoint.position.saturating_add(SIGHT));
        if through <= endpoint.position {
            return Ok((Vec::new(), endpoint.position));
        }
        let limit = self.rules.batch;
        let shops = endpoint.shops.clone();
        let page = EventsPage { after: endpoint.position, through, shops, payment: None, limit };
        let mut events = self.events.events(&page).await?;
        let is_full = events.len() >= limit as usize;
        let position = events.last().filter(|_| is_full).map_or(through, |last| last.position);
        events.retain(|event| fits_any(endpoint.event_types.iter().map(String::as_str), &event_type(event)));
        Ok((events, position))
    }

    /// Sends the events of one payment, one after the other; answers what is to be recorded of them.
    async fn send_lane(
        &self,
        lane: Vec<Item>,
        fate: &Mutex<Fate>,
        secrets: &[Secret],
        until: Duration,
    ) -> Vec<Delivery> {
        let (mut told, mut is_held_up) = (Vec::new(), false);
        for Item { mut delivery, is_parked } in lane {
            let now = self.desk.clock.now();
            if is_held_up || fate.lock().stopped || self.desk.clock.uptime() >= until {
                // The first one that is left takes its turn later, those behind it wait for it.
                delivery.next_at = (!is_held_up).then_some(now);
                is_held_up = true;
                told.push(delivery);
                continue;
            }
            let endpoint = fate.lock().endpoint.clone();
            let sent = self.send(&endpoint, &delivery.event, secrets, now).await;
            let now = self.desk.clock.now();
            delivery.attempts = delivery.attempts.saturating_add(1);
            delivery.last_attempt_at = Some(now);
            let refusal = self.judge(sent, &mut fate.lock(), now);
            match refusal {
                None if is_parked => told.push(finished(delivery, DeliveryState::Delivered, now)),
                None => {}
                Some(why) => {
                    delivery.last_failure = Some(why);
                    if self.is_given_up(&delivery, &fate.lock().endpoint, now) {
                        told.push(finished(delivery, DeliveryState::GivenUp, now));
                        continue;
                    }
                    delivery.next_at = Some(now.plus(self.pause(delivery.attempts)));
                    is_held_up = true;
                    told.push(delivery);
                }
            }
        }
        told
    }

    async fn send(&self, endpoint: &Endpoint, event: &Event, secrets: &[Secret], at: Time) -> Result<(), Refusal> {
        let payment = match endpoint.payload {
            Payload::Thin => None,
            Payload::Full => Some(self.payment_after(event).await.map_err(|error| {
                tracing::error!(event = %event.payment, error = &error as &dyn std::error::Error, "event cannot be told");
                Refusal { why: "the payment could not be read here".to_owned(), gone: false, retry_after: None }
            })?),
        };
        self.receivers.send(Message { endpoint, event, payment, secrets, at }).await
    }

    /// A payment as it was after an event.
    pub async fn payment_after(&self, event: &Event) -> Result<Payment, DeedError> {
        let entries = u32::try_from(event.version).unwrap_or(u32::MAX);
        let ledger = self.reads.ledger(event.payment, 0, entries).await?;
        Payment::fold(&ledger).map_err(|error| DeedError::Poison(error.to_string()))
    }

    /// What a sent message says of its endpoint; why it was not taken, if it was not.
    fn judge(&self, sent: Result<(), Refusal>, fate: &mut Fate, now: Time) -> Option<String> {
        let endpoint = &mut fate.endpoint;
        let Err(Refusal { why, gone, retry_after }) = sent else {
            (endpoint.failures, endpoint.failing_since, endpoint.delivered_at) = (0, None, Some(now));
            return None;
        };
        endpoint.failures = endpoint.failures.saturating_add(1);
        endpoint.failing_since.get_or_insert(now);
        endpoint.last_failure = Some(why.clone());
        if let Some(retry_after) = retry_after {
            endpoint.next_at = endpoint.next_at.max(now.plus(retry_after.min(RETRY_AFTER_MAX)));
            fate.stopped = true;
        }
        if gone {
            disable(endpoint, "it answered 410: it wants no more");
            fate.stopped = true;
        }
        fate.stopped |= endpoint.failures >= self.rules.pause_after;
        Some(why)
    }

    /// An event that nobody takes is given up, unless nothing is taken there: then the endpoint is what is wrong.
    fn is_given_up(&self, delivery: &Delivery, endpoint: &Endpoint, now: Time) -> bool {
        let long = |since: Time| now.since(since) >= self.rules.give_up_after;
        long(delivery.parked_at) && !endpoint.failing_since.is_some_and(long)
    }

    /// What becomes of an endpoint that takes nothing.
    fn rest(&self, endpoint: &mut Endpoint, now: Time) {
        let Some(since) = endpoint.failing_since.filter(|_| endpoint.failures >= self.rules.pause_after) else {
            return;
        };
        if endpoint.state == EndpointState::Enabled && now.since(since) >= self.rules.give_up_after {
            tracing::warn!(endpoint = %endpoint.id, %since, "the endpoint takes nothing and is disabled");
            disable(endpoint, &format!("it has taken no message since {since}"));
            return;
        }
        let pause = self.pause(endpoint.failures - self.rules.pause_after + 1).min(self.rules.pause_max);
        endpoint.next_at = endpoint.next_at.max(now.plus(pause));
    }

    /// The pause after so many attempts, from 1.
    fn pause(&self, attempts: u32) -> Duration {
        let place = usize::try_from(attempts).unwrap_or(usize::MAX).saturating_sub(1);
        let pauses = &self.rules.retries;
        pauses.get(place).or(pauses.last()).copied().unwrap_or(Duration::from_mins(1))
    }
}

fn disable(endpoint: &mut Endpoint, reason: &str) {
    endpoint.state = EndpointState::Disabled;
    endpoint.reason = Some(reason.to_owned());
}

fn parked(event: Event, now: Time) -> Delivery {
    Delivery {
        event,
        state: DeliveryState::Waiting,
        attempts: 0,
        parked_at: now,
        next_at: None,
        last_attempt_at: None,
        last_failure: None,
        finished_at: None,
    }
}

fn finished(delivery: Delivery, state: DeliveryState, now: Time) -> Delivery {
    Delivery { state, next_at: None, finished_at: Some(now), ..delivery }
}
