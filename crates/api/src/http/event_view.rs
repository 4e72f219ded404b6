//! An event as others are told of it, by the feed and by messages alike.

use domain::{Payment, Progress};
use orchestrator::{event_id, event_type};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Event, Stored};

use super::document::{Amount, As, Id, Moment};
use super::payment_view::PaymentView;

/// What happened (Standard Webhooks, "Payload structure").
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub(super) struct EventView<'a> {
    id: String,
    r#type: String,
    #[schemars(with = "Moment")]
    timestamp: String,
    data: EventData<'a>,
}

/// To which payment.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EventData")]
struct EventData<'a> {
    cursor: String,
    #[schemars(with = "Id")]
    payment_id: String,
    sequence: u64,
    version: u64,
    reference_id: &'a str,
    shop: &'a str,
    #[schemars(with = "As<domain::PaymentType>")]
    payment_type: domain::PaymentType,
    #[schemars(with = "As<domain::PaymentState>")]
    state: domain::PaymentState,
    r#final: bool,
    #[schemars(with = "Amount")]
    amount: String,
    #[schemars(with = "As<domain::Currency>")]
    currency: domain::Currency,
    /// As it was then.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<PaymentView<'a>>,
}

impl<'a> EventView<'a> {
    /// An event, with its payment as it then was if that is wanted.
    pub(super) fn of(event: &'a Event, payment_then: Option<&'a Stored>) -> Self {
        Self {
            id: event_id(event),
            r#type: event_type(event),
            timestamp: event.occurred_at.to_string(),
            data: EventData {
                cursor: event.position.to_string(),
                payment_id: event.payment.to_string(),
                sequence: event.sequence,
                version: event.version,
                reference_id: event.reference_id.as_str(),
                shop: event.shop.as_str(),
                payment_type: event.payment_type,
                state: event.state,
                r#final: event.state.is_final(),
                amount: event.requested.amount_text(),
                currency: event.requested.currency(),
                payment: payment_then.map(PaymentView::from),
            },
        }
    }
}

/// A payment as it once was, to be shown: what lies beside its ledger is of another moment, and left out.
pub(super) fn as_it_was(payment: Payment) -> Stored {
    Stored { payment, progress: Progress::default(), epoch: 0, leased_until: None }
}

/// The body of a message.
pub(crate) fn event_body(event: &Event, payment: Option<Payment>) -> Vec<u8> {
    let stored = payment.map(as_it_was);
    serde_json::to_vec(&EventView::of(event, stored.as_ref())).unwrap_or_default()
}
