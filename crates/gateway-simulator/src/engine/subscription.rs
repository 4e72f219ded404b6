//! Subscriptions (gateway contract, section 6.13). One is named by the id of its first payment, since the contract
//! does not say how a merchant learns the name. Time makes no charges by itself here.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Answered, Engine};
use crate::contract::amount::Amount;
use crate::contract::stamp::PlainStamp;
use crate::envelope::{self, Refusal};
use crate::exchange::Response;
use crate::field::{self, Field, Rule};
use crate::json_object::JsonObject;
use crate::ledger::Place;
use crate::payment::{Payment, PaymentState};

impl Engine {
    pub(super) fn subscription(&self, refusal: &Refusal<'_>, place: Place) -> Response {
        match self.ledger.get(place).and_then(SubscriptionView::of) {
            Some(view) => envelope::success(refusal.now, view),
            None => refusal.answer(404, "Subscription not found"),
        }
    }

    /// It can be cancelled, and nothing else.
    pub(super) fn patch_subscription(&mut self, refusal: &Refusal<'_>, place: Place, body: &[u8]) -> Answered {
        let Ok(body) = serde_json::from_slice::<JsonObject<'_>>(body) else {
            return Answered::unchanged(refusal.answer(400, "JSON parse error"));
        };
        let errors = field::check(&body, PATCH, self.unknown_fields_of(place));
        if !errors.is_empty() {
            return Answered::unchanged(refusal.validation("subscriptionPatchRequest", &errors));
        }
        let is_there = self.ledger.get(place).and_then(SubscriptionView::of).is_some();
        let payment = self.ledger.get_mut(place).filter(|_| is_there);
        let was_unsubscribed = payment.is_some_and(|payment| std::mem::replace(&mut payment.unsubscribed, true));
        if was_unsubscribed {
            return Answered::unchanged(self.wrong_state(refusal, place));
        }
        Answered::unchanged(self.subscription(refusal, place))
    }
}

/// Section 6.13.
const PATCH: &[Field] = &[Field::required("state", Rule::OneOf(&["CANCELLED"]))];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionView<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_reference_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a RawValue>,
    amount: Option<Amount>,
    currency: &'a str,
    create_time: PlainStamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_unit: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_number_of_cycles: Option<&'a RawValue>,
    state: &'static str,
    recurring_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_strategy: Option<&'a RawValue>,
    cycles: [(); 0],
}

impl<'a> SubscriptionView<'a> {
    /// There is one once its first payment is made.
    fn of(payment: &'a Payment) -> Option<Self> {
        let asked: JsonObject<'a> = serde_json::from_str(payment.order.subscription.as_ref()?.get()).ok()?;
        if payment.state() != PaymentState::Completed {
            return None;
        }
        let amount = asked.get("amount").and_then(|raw| Amount::from_json_number(raw.get()).ok());
        Some(Self {
            id: payment.id.to_string(),
            customer_reference_id: payment.order.customer_reference(),
            description: asked.get("description"),
            amount: amount.or(payment.money().0),
            currency: payment.money().1,
            create_time: PlainStamp(payment.created),
            start_time: asked.get("startTime"),
            frequency: asked.get("frequency"),
            frequency_unit: asked.get("frequencyUnit"),
            requested_number_of_cycles: asked.get("numberOfCycles"),
            state: if payment.unsubscribed { "CANCELLED" } else { "ACTIVE" },
            recurring_token: payment.recurring_token(),
            retry_strategy: asked.get("retryStrategy"),
            cycles: [],
        })
    }
}
