use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cargo::Cargo;
use super::flight::{Flight, Passenger, Seat};
use crate::{Store, StoreError};

/// The queue of one kind of cargo, and its flights.
pub(super) struct Lane<C: Cargo> {
    store: Arc<dyn Store>,
    batch_max: usize,
    flights_max: usize,
    state: Mutex<State<C>>,
}

/// What went through one lane, and what is in it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneCounts {
    /// Batches that were begun.
    pub batches: u64,
    /// Items in all of them.
    pub items: u64,
    /// Items in the largest.
    pub largest: usize,
    /// Items that wait for a batch.
    pub waiting: usize,
    /// Batches that are being committed.
    pub in_flight: usize,
}

struct State<C: Cargo> {
    waiting: VecDeque<Ticket<C>>,
    /// What the flights in the air change.
    aloft: BTreeSet<C::Key>,
    counts: LaneCounts,
}

struct Ticket<C: Cargo> {
    item: C,
    keys: Vec<C::Key>,
    passenger: Passenger<C>,
}

/// How far behind the head of the queue passengers are looked for, in batches: with a queue full of changes of one
/// payment, each flight would otherwise look through all of it to find one.
const LOOK_AHEAD: usize = 8;

impl<C: Cargo> Lane<C> {
    pub(super) fn new(store: Arc<dyn Store>, batch_max: usize, flights_max: usize) -> Arc<Self> {
        let state = State { waiting: VecDeque::new(), aloft: BTreeSet::new(), counts: LaneCounts::default() };
        Arc::new(Self { store, batch_max: batch_max.max(1), flights_max: flights_max.max(1), state: Mutex::new(state) })
    }

    /// Queues `item`, waits for its flight, and drives that flight if told to.
    pub(super) async fn carry(self: &Arc<Self>, item: C) -> Result<C::Answer, Arc<StoreError>> {
        let (passenger, Seat { mut answer, baton }) = Passenger::new();
        let keys = item.keys();
        self.state().waiting.push_back(Ticket { item, keys, passenger });
        self.launch();
        let flight = tokio::select! {
            biased;
            answer = &mut answer => return answer.unwrap_or_else(|_| Err(lost())),
            flight = baton => flight,
        };
        if let Ok(flight) = flight {
            flight.await;
        }
        answer.await.unwrap_or_else(|_| Err(lost()))
    }

    /// Starts as many flights as may be in the air. Each is handed to one of its passengers outside of the lock, since
    /// that wakes somebody.
    pub(super) fn launch(self: &Arc<Self>) {
        while let Some(flight) = self.next_flight() {
            flight.hand_over();
        }
    }

    /// Makes room for the next flight and starts it.
    pub(super) fn landed(self: &Arc<Self>, keys: &[C::Key]) {
        let mut state = self.state();
        state.counts.in_flight -= 1;
        for key in keys {
            state.aloft.remove(key);
        }
        drop(state);
        self.launch();
    }

    pub(super) fn counts(&self) -> LaneCounts {
        let state = self.state();
        LaneCounts { waiting: state.waiting.len(), ..state.counts }
    }

    fn next_flight(self: &Arc<Self>) -> Option<Flight<C>> {
        let mut state = self.state();
        if state.counts.in_flight >= self.flights_max {
            return None;
        }
        let tickets = state.take_batch(self.batch_max);
        if tickets.is_empty() {
            return None;
        }
        state.counts.batches += 1;
        state.counts.items += tickets.len() as u64;
        state.counts.largest = state.counts.largest.max(tickets.len());
        state.counts.in_flight += 1;
        drop(state);

        let mut items = Vec::with_capacity(tickets.len());
        let mut keys = Vec::with_capacity(tickets.len());
        let mut passengers = Vec::with_capacity(tickets.len());
        for ticket in tickets {
            items.push(ticket.item);
            keys.extend(ticket.keys);
            passengers.push(ticket.passenger);
        }
        let store = Arc::clone(&self.store);
        let work = Box::pin(async move { C::deliver(store.as_ref(), &items).await });
        Some(Flight::new(Arc::clone(self), work, keys, passengers))
    }

    // Nothing panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Cargo> State<C> {
    /// Takes from the queue, oldest first, what can fly together. What must wait keeps its place, and so does whatever
    /// came after it and changes the same.
    fn take_batch(&mut self, batch_max: usize) -> Vec<Ticket<C>> {
        let mut batch = Vec::new();
        let mut passed_over = Vec::new();
        let mut blocked = self.aloft.clone();
        let looked_at_max = batch_max.saturating_mul(LOOK_AHEAD);
        while batch.len() < batch_max && batch.len() + passed_over.len() < looked_at_max {
            let Some(ticket) = self.waiting.pop_front() else { break };
            if ticket.passenger.is_gone() {
                continue;
            }
            let clear = ticket.keys.iter().all(|key| !blocked.contains(key));
            blocked.extend(ticket.keys.iter().cloned());
            if clear { batch.push(ticket) } else { passed_over.push(ticket) }
        }
        for ticket in passed_over.into_iter().rev() {
            self.waiting.push_front(ticket);
        }
        for ticket in &batch {
            self.aloft.extend(ticket.keys.iter().cloned());
        }
        batch
    }
}

/// The flight crashed: nobody knows what came of it.
fn lost() -> Arc<StoreError> {
    Arc::new(StoreError::OutcomeUnknown(sqlx::Error::WorkerCrashed))
}
