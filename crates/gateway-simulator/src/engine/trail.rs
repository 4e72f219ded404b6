//! GET operations: the trail of a payment (gateway contract, section 6.10).

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Engine;
use crate::contract::stamp::EnvelopeStamp;
use crate::envelope::{self, Refusal};
use crate::exchange::Response;
use crate::ledger::Place;
use crate::payment::{Payment, PaymentState};
use crate::trail::{Operation, Step};

impl Engine {
    /// Writes a step down, with the state that the payment now has.
    pub(super) fn note(&mut self, place: Place, operation: Operation, at: DateTime<Utc>) {
        if let Some(payment) = self.ledger.get_mut(place) {
            let state = payment.state();
            payment.trail.push(Step { operation, at, state });
        }
    }

    /// Newest first.
    pub(super) fn operations(&self, refusal: &Refusal<'_>, place: Place) -> Response {
        let Some(payment) = self.ledger.get(place) else { return refusal.answer(404, "Payment not found") };
        let views: Vec<_> = payment
            .trail
            .iter()
            .enumerate()
            .rev()
            // Numbers that grow with time within a payment, and differ between payments.
            .map(|(index, step)| StepView::new(place * STEPS_APART + index + 1, payment, *step))
            .collect();
        envelope::success(refusal.now, views)
    }
}

/// More steps than a payment ever has.
const STEPS_APART: usize = 1_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepView {
    id: usize,
    operation: Operation,
    started: EnvelopeStamp,
    completed: EnvelopeStamp,
    payment_state: PaymentState,
    #[serde(skip_serializing_if = "Option::is_none")]
    outgoing_messages: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incoming_messages: Option<String>,
}

impl StepView {
    /// The simulator's provider is a word and an answer; a webhook's address is the one of the payment.
    fn new(id: usize, payment: &Payment, step: Step) -> Self {
        use Operation as O;
        let (outgoing, incoming) = match step.operation {
            O::Deposit | O::Withdrawal | O::Refund => {
                let result = payment.error_code().map_or("00", |code| code.code());
                (Some("execute".to_owned()), Some(format!("result={result}")))
            }
            O::TriggerWebhook => (payment.order.webhook_url.as_ref().map(|url| format!("POST {url}")), None),
            _ => (None, None),
        };
        Self {
            id,
            operation: step.operation,
            started: EnvelopeStamp(step.at),
            completed: EnvelopeStamp(step.at),
            payment_state: step.state,
            outgoing_messages: outgoing,
            incoming_messages: incoming,
        }
    }
}
