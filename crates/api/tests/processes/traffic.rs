//! A stream of callers and customers that does not mind what happens to the service.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::caller::{Caller, HandedOut, has_redirect, is_settled, order};
use crate::deployment::Deployment;
use crate::waiting::Waiting;

/// Orders and pays one deposit after the other, several at the same time, until it is told to stop; some are captured,
/// voided or refunded later.
pub(crate) struct Traffic<'a> {
    deployment: &'a Deployment,
    caller: Caller,
    stopping: AtomicBool,
    begun: AtomicUsize,
    acknowledged: Mutex<Vec<(usize, HandedOut)>>,
    /// How often each of the callers was answered.
    answered: [AtomicUsize; CALLERS],
}

/// Callers that order at the same time.
const CALLERS: usize = 6;
/// How many orders later a caller goes on with a payment.
const EARLIER: usize = 24;
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
            answered: Default::default(),
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
        let (outcome, _) = tokio::join!(event, join_all(self.answered.iter().map(|answered| self.callers(answered))));
        let acknowledged = std::mem::take(&mut *self.acknowledged.lock().unwrap());
        let count = acknowledged.len();
        // Not all at once: a thousand who ask again and again keep a small service from doing what they wait for.
        stream::iter(acknowledged)
            .for_each_concurrent(WAITERS, |(number, handed_out)| self.see_to_its_end(number, handed_out))
            .await;
        self.deployment.prove_the_books().await;
        (count, outcome)
    }

    /// Waits until one order more than now has been answered.
    pub(crate) async fn until_one_more_is_acknowledged(&self) {
        let acknowledged = || self.acknowledged.lock().unwrap().len();
        let before = acknowledged();
        let mut waiting = Waiting::until("another order is answered");
        while acknowledged() == before {
            waiting.pause().await;
        }
    }

    /// Waits until each of the callers has been answered once more. Whoever is cut off again and again, while others are
    /// answered, comes to an end at last.
    pub(crate) async fn until_everyone_is_answered(&self) {
        let counts = || self.answered.iter().map(|answered| answered.load(Ordering::Relaxed)).collect::<Vec<_>>();
        let before = counts();
        let mut waiting = Waiting::until("everyone is answered");
        while counts().iter().zip(&before).any(|(now, before)| now == before) {
            waiting.pause().await;
        }
    }

    /// One caller after the other, each with an order of its own, some of them with a customer who pays at once.
    async fn callers(&self, answered: &AtomicUsize) {
        while !self.stopping.load(Ordering::Relaxed) {
            let number = self.begun.fetch_add(1, Ordering::Relaxed);
            let reference = format!("order-{number}");
            let mut handed_out = HandedOut::default();
            let mut order = order(&reference);
            order["preAuth"] = json!(matches!(Plan::of(number), Plan::Capture | Plan::Void));
            let taken = self.caller.take(&order, &mut handed_out).await;
            if has_redirect(&taken.body) && number.is_multiple_of(2) {
                self.caller.pay(&taken.body).await;
            }
            self.acknowledged.lock().unwrap().push((number, handed_out));
            answered.fetch_add(1, Ordering::Relaxed);
            if let Some(earlier) = number.checked_sub(EARLIER) {
                self.go_on_with(earlier).await;
            }
            // The machine has other things to do than this.
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// What is planned for an earlier payment, if it can be done now: tried once, whatever comes of it.
    async fn go_on_with(&self, number: usize) {
        let path = format!("/v1/payments/by-reference/order-{number}");
        let Ok(payment) = self.caller.try_get(&path).await.map(|answer| answer.body) else { return };
        if let Some((path, body)) = Plan::of(number).request(number, &payment) {
            let _ = self.caller.try_post(&path, &body).await;
        }
    }

    async fn see_to_its_end(&self, number: usize, mut handed_out: HandedOut) {
        let reference = format!("order-{number}");
        let reference = reference.as_str();
        let is_open_or_paid = |payment: &Value| has_redirect(payment) || !self.is_unpaid(reference);
        let is_known = |payment: &Value| is_open_or_paid(payment) || self.may_have_left_twice(reference, payment);
        let payment = self.caller.payment(reference, is_known, &mut handed_out).await;
        if !is_open_or_paid(&payment) {
            assert_eq!(self.deployment.posts_of(reference), 0, "{reference}");
            return;
        }
        if has_redirect(&payment) && self.is_unpaid(reference) {
            self.caller.pay(&payment).await;
        }
        self.carry_out(number, reference, &mut handed_out).await;
        handed_out.prove_that_it_is_one();
        assert_eq!(self.deployment.gateway_payments_of(reference), 1, "{reference}");
        assert_eq!(self.deployment.posts_of(reference), 1, "{reference}");
    }

    /// What was planned, to its end.
    async fn carry_out(&self, number: usize, reference: &str, handed_out: &mut HandedOut) {
        let plan = Plan::of(number);
        let can_be_done = |payment: &Value| plan.request(number, payment).is_some() || plan.is_done(payment);
        let payment = self.caller.payment(reference, can_be_done, handed_out).await;
        if let Some((path, body)) = plan.request(number, &payment) {
            let answer = self.caller.post_until_answered(&path, body).await;
            // It may have been done by now, if it was tried before.
            assert!(matches!(answer.status, 200..=202 | 409), "{reference}: {answer:?}");
        }
        self.caller.payment(reference, |payment| plan.is_done(payment), handed_out).await;
        if plan == Plan::Refund {
            self.see_the_refund(number).await;
        }
    }

    /// Its request left once, or nobody can know that it did not. It may leave while it is waited for.
    async fn see_the_refund(&self, number: usize) {
        let refund = format!("refund-{number}");
        let is_as_told = |payment: &Value| match self.deployment.posts_of(&refund) {
            0 => payment["state"] == "SUBMITTED",
            1 => payment["state"] == "COMPLETED",
            posts => panic!("{refund}: {posts} requests"),
        };
        self.caller.payment_until(&refund, is_as_told).await;
    }

    /// Killed twice between the entry of a request and the request: nobody can know that neither left, so that a third one
    /// is not sent, and a person is waited for.
    fn may_have_left_twice(&self, reference: &str, payment: &Value) -> bool {
        let why = payment["why"].as_str().unwrap_or_default();
        payment["state"] == "SUBMITTED"
            && why.contains("request 2 was about to leave")
            && why.contains("looked up")
            && self.deployment.gateway_payments_of(reference) == 0
    }

    /// Whether the customer was not at the checkout page yet; the notice of it may still be on its way.
    fn is_unpaid(&self, reference: &str) -> bool {
        self.deployment.gateway.with(|engine, _| {
            let state = engine.payments_of(reference).next().map(gateway_simulator::Payment::state);
            state.is_none_or(|state| state == gateway_simulator::PaymentState::Checkout)
        })
    }
}

/// What becomes of a deposit once it is paid.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    Nothing,
    Capture,
    Void,
    Refund,
}

impl Plan {
    fn of(number: usize) -> Self {
        match number % 8 {
            3 | 4 => Self::Refund,
            5 => Self::Capture,
            6 => Self::Void,
            _ => Self::Nothing,
        }
    }

    /// The request for it, as soon as it can be made: its path and its body.
    fn request(self, number: usize, payment: &Value) -> Option<(String, Value)> {
        let id = payment["id"].as_str()?;
        let held = payment["state"] == "AUTHORIZED" && payment["pendingCommand"].is_null();
        match self {
            Self::Capture if held => Some((format!("/v1/payments/{id}/capture"), json!({}))),
            Self::Void if held => Some((format!("/v1/payments/{id}/void"), json!({}))),
            Self::Refund if is_settled(payment) => {
                let body = json!({ "referenceId": format!("refund-{number}"), "amount": "11" });
                Some((format!("/v1/payments/{id}/refunds"), body))
            }
            Self::Nothing | Self::Capture | Self::Void | Self::Refund => None,
        }
    }

    fn is_done(self, payment: &Value) -> bool {
        match self {
            Self::Nothing | Self::Capture => is_settled(payment),
            Self::Void => payment["state"] == "CANCELLED",
            // Reserved, on its way, or gone.
            Self::Refund => payment["state"] == "COMPLETED" && payment["refundableAmount"] == "0.12",
        }
    }
}
