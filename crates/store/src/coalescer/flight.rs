use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::cargo::Cargo;
use super::lane::Lane;
use crate::StoreError;

/// One batch on its way. It belongs to whichever of its passengers drives it, and moves on to another one when that
/// one goes away: a batch is given up only when nobody waits for it any more.
pub(super) struct Flight<C: Cargo> {
    lane: Arc<Lane<C>>,
    /// None once it has ended.
    work: Option<Work<C>>,
    keys: Vec<C::Key>,
    passengers: Vec<Passenger<C>>,
    /// True only while the store's own code runs, so that a flight that is dropped meanwhile is known to have crashed.
    in_store: bool,
}

pub(super) type Work<C> = Pin<Box<dyn Future<Output = Result<Vec<<C as Cargo>::Answer>, StoreError>> + Send>>;

/// One who waits for a flight's end, as the flight sees it.
pub(super) struct Passenger<C: Cargo> {
    answer: oneshot::Sender<Result<C::Answer, Arc<StoreError>>>,
    /// None once the passenger was asked to drive.
    baton: Option<oneshot::Sender<Flight<C>>>,
}

/// The other end of a [`Passenger`].
pub(super) struct Seat<C: Cargo> {
    pub(super) answer: oneshot::Receiver<Result<C::Answer, Arc<StoreError>>>,
    /// The flight comes here if its passenger is to drive it.
    pub(super) baton: oneshot::Receiver<Flight<C>>,
}

impl<C: Cargo> Flight<C> {
    pub(super) fn new(lane: Arc<Lane<C>>, work: Work<C>, keys: Vec<C::Key>, passengers: Vec<Passenger<C>>) -> Self {
        Self { lane, work: Some(work), keys, passengers, in_store: false }
    }

    /// To the first passenger who is still there and was not asked before.
    pub(super) fn hand_over(mut self) {
        while let Some(baton) = self.passengers.iter_mut().find_map(|passenger| passenger.baton.take()) {
            match baton.send(self) {
                Ok(()) => return,
                Err(flight) => self = flight,
            }
        }
        self.end();
    }

    /// The next flight starts before the answers of this one are given out, so that the store is not kept waiting.
    fn arrive(&mut self, result: Result<Vec<C::Answer>, StoreError>) {
        let passengers = std::mem::take(&mut self.passengers);
        self.end();
        match result {
            Ok(answers) => {
                for (passenger, answer) in passengers.into_iter().zip(answers) {
                    // Who is gone needs no answer.
                    drop(passenger.answer.send(Ok(answer)));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for passenger in passengers {
                    drop(passenger.answer.send(Err(Arc::clone(&error))));
                }
            }
        }
    }

    fn end(&mut self) {
        if self.work.take().is_some() {
            self.lane.landed(&self.keys);
        }
    }
}

impl<C: Cargo> Passenger<C> {
    pub(super) fn new() -> (Self, Seat<C>) {
        let (answer, answered) = oneshot::channel();
        let (baton, handed) = oneshot::channel();
        (Self { answer, baton: Some(baton) }, Seat { answer: answered, baton: handed })
    }

    pub(super) fn is_gone(&self) -> bool {
        self.answer.is_closed()
    }
}

impl<C: Cargo> Future for Flight<C> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let flight = self.get_mut();
        let Some(work) = flight.work.as_mut() else { return Poll::Ready(()) };
        flight.in_store = true;
        let polled = work.as_mut().poll(context);
        flight.in_store = false;
        polled.map(|result| flight.arrive(result))
    }
}

impl<C: Cargo> Drop for Flight<C> {
    fn drop(&mut self) {
        if self.work.is_none() {
            return;
        }
        if self.in_store {
            // Work that panicked must not be polled again: its passengers learn that nobody knows what came of it.
            return self.end();
        }
        let lane = Arc::clone(&self.lane);
        let passengers = std::mem::take(&mut self.passengers);
        let keys = std::mem::take(&mut self.keys);
        if let Some(work) = self.work.take() {
            Self::new(lane, work, keys, passengers).hand_over();
        }
    }
}
