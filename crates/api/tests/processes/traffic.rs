//! A stream of callers and customers that does not mind what happens to the service.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use tokio::time::sleep;

use crate::caller::{Caller, HandedOut, has_redirect, is_settled};
use crate::deployment::Deployment;

/// Orders and pays one deposit after the other, several at the same time, until it is told to stop.
pub(crate) struct Traffic<'a> {
    deployment: &'a Deployment,
    caller: Caller,
    stopping: AtomicBool,
    begun: AtomicUsize,
    acknowledged: Mutex<Vec<(String, HandedOut)>>,
}

/// Callers that order at the same time.
const CALLERS: usize = 6;
/// Payments whose end is waited for at the same time.
const WAITERS: usize = 24;

impl<'a> Traffic<'a> {
    pub(crate) fn to(deployment: &'a Deployment) -> Self {
        Self {
            deployment,
            caller: deployment.caller(),
            stopping: AtomicBool::new(false),
            begun: AtomicUsize::new(0),
            acknowledged: Mutex::default(),
        }
    }

    /// Lets them come until `event` is over, and what they began come to its end; then proves that nothing was lost,
    /// doubled or invented. Answers how many payments there were, and what the event came to.
    pub(crate) async fn around<T>(&self, event: impl Future<Output = T>) -> (usize, T) {
        let event = async {
            let outcome = event.await;
            self.stopping.store(true, Ordering::Relaxed);
            outcome
        };
        let (outcome, _) = tokio::join!(event, join_all((0..CALLERS).map(|_| self.callers())));
        let acknowledged = std::mem::take(&mut *self.acknowledged.lock().unwrap());
        let count = acknowledged.len();
        // Not all at once: a thousand who ask again and again keep a small service from doing what they wait for.
        stream::iter(acknowledged)
            .for_each_concurrent(WAITERS, |(reference, handed_out)| self.see_to_its_end(reference, handed_out))
            .await;
        self.deployment.prove_the_books().await;
        (count, outcome)
    }

    /// One caller after the other, each with an order of its own, some of them with a customer who pays at once.
    async fn callers(&self) {
        while !self.stopping.load(Ordering::Relaxed) {
            let number = self.begun.fetch_add(1, Ordering::Relaxed);
            let reference = format!("order-{number}");
            let mut handed_out = HandedOut::default();
            let taken = self.caller.order(&reference, &mut handed_out).await;
            if has_redirect(&taken.body) && number.is_multiple_of(2) {
                self.caller.pay(&taken.body).await;
            }
            self.acknowledged.lock().unwrap().push((reference, handed_out));
            // The machine has other things to do than this.
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn see_to_its_end(&self, reference: String, mut handed_out: HandedOut) {
        let reference = reference.as_str();
        let is_open_or_paid = |payment: &serde_json::Value| has_redirect(payment) || is_settled(payment);
        let payment = self.caller.payment(reference, is_open_or_paid, &mut handed_out).await;
        if has_redirect(&payment) && !self.is_paid(reference) {
            self.caller.pay(&payment).await;
        }
        self.caller.payment(reference, is_settled, &mut handed_out).await;
        handed_out.prove_that_it_is_one();
        assert_eq!(self.deployment.gateway_payments_of(reference), 1, "{reference}");
        assert_eq!(self.deployment.posts_of(reference), 1, "{reference}");
    }

    /// Whether the customer was at the checkout page; the notice of it may still be on its way.
    fn is_paid(&self, reference: &str) -> bool {
        self.deployment.gateway.with(|engine, _| {
            let state = engine.payments_of(reference).next().map(gateway_simulator::Payment::state);
            state != Some(gateway_simulator::PaymentState::Checkout)
        })
    }
}
