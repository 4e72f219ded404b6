//! Webhooks: when, where, with which signature (gateway contract, section 9).

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use rand::RngExt;

use super::{Engine, create::millis};
use crate::contract::error_code::ErrorCode;
use crate::contract::signature::{SignatureMode, sign};
use crate::delivery::{Delivery, Retries};
use crate::faults::{Fault, Moment};
use crate::ledger::Place;
use crate::payment::{Ending, Payment, Standing};
use crate::switches::{Switches, WebhookDelivery};
use crate::trail::Operation;
use crate::view::PaymentView;
use crate::{PaymentId, PaymentState};

/// How long after the first one the second copy of a doubled webhook leaves.
const SECOND_COPY_AFTER: TimeDelta = TimeDelta::milliseconds(200);

impl Engine {
    /// Writes the webhook of a payment that has just moved, if its new state is told and anybody listens.
    pub(super) fn notify(&mut self, place: Place, now: DateTime<Utc>) {
        let Some(payment) = self.ledger.get(place) else { return };
        let Some(shop) = self.shops.get(payment.shop) else { return };
        let Some(url) = payment.order.webhook_url.as_deref().or(shop.webhook_url.as_deref()) else { return };
        if !payment.state().is_told() {
            return;
        }
        let url = url.to_owned();
        let fault = self.strike(Moment::Delivery, place);
        let leaving = self.leaving_times(fault.as_ref(), now);
        if leaving.is_empty() {
            return;
        }
        self.note(place, Operation::TriggerWebhook, now);
        let mode = match self.strike(Moment::Signature, place) {
            Some(Fault::HookForged) => SignatureMode::WrongKey,
            Some(Fault::HookUnsigned) => SignatureMode::Absent,
            Some(Fault::HookUpperCase) => SignatureMode::HexUpper,
            Some(Fault::HookBase64) => SignatureMode::Base64,
            _ => self.switches.signature,
        };
        let retries = match self.strike(Moment::Retry, place) {
            Some(Fault::HookRetried { times, pause_millis }) => Some(Retries { times, pause_millis }),
            _ => None,
        };
        let is_nameless = self.switches.webhook_without_reference || self.strike(Moment::Notice, place).is_some();
        let body = self.notice_body(place, is_nameless);
        let Some(payment) = self.ledger.get(place) else { return };
        let signing_key = self.shops.get(payment.shop).and_then(|shop| shop.signing_key.as_deref());
        let delivery = Delivery {
            number: 0,
            payment_id: payment.id,
            state: payment.state(),
            url,
            signature: signing_key.and_then(|key| sign(mode, key, &body)),
            body,
            due_at: now,
            attempt: 1,
            retries,
        };
        for due_at in leaving {
            self.deliveries.add(Delivery { due_at, ..delivery.clone() });
        }
        if fault == Some(Fault::HookContradicted) {
            self.contradict(place, delivery, now);
        }
    }

    /// A second webhook, signed as the first, which tells an end that the payment does not have.
    fn contradict(&mut self, place: Place, told: Delivery, now: DateTime<Utc>) {
        let Some(payment) = self.ledger.get(place) else { return };
        let ending = match payment.state() {
            PaymentState::Declined => Ending::Completed,
            _ => Ending::Declined(ErrorCode::DECLINED_BY_ISSUER),
        };
        let other = Payment { standing: Standing::Ended(ending), ..payment.clone() };
        let body: Bytes =
            serde_json::to_vec(&PaymentView::single(&other, self.surroundings(payment))).unwrap_or_default().into();
        let signing_key = self.shops.get(other.shop).and_then(|shop| shop.signing_key.as_deref());
        let signature = signing_key.and_then(|key| sign(self.switches.signature, key, &body));
        let due_at = now + SECOND_COPY_AFTER;
        self.deliveries.add(Delivery { state: other.state(), body, signature, due_at, ..told });
    }

    /// Takes a delivery back that was not answered with 2xx. It leaves again if its fault or the switches say so,
    /// which the contract does not promise; says whether it does.
    pub fn delivery_failed(&mut self, now: DateTime<Utc>, delivery: Delivery) -> bool {
        let now = self.advance(now);
        let Switches { webhook_retries: times, webhook_retry_pause_millis: pause_millis, .. } = self.switches;
        let Retries { times, pause_millis } = delivery.retries.unwrap_or(Retries { times, pause_millis });
        if times < delivery.attempt {
            return false;
        }
        let due_at = now + millis(pause_millis);
        self.deliveries.add(Delivery { due_at, attempt: delivery.attempt + 1, ..delivery });
        true
    }

    /// Says that a delivery was answered with 2xx.
    pub fn delivery_accepted(&mut self, payment_id: &PaymentId, state: PaymentState) {
        self.counters.count_acknowledgement(payment_id.to_string(), state.name().to_owned());
    }

    fn leaving_times(&mut self, fault: Option<&Fault>, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        match fault {
            Some(Fault::HookTwice) => return vec![now, now + SECOND_COPY_AFTER],
            Some(Fault::HookLate { millis: by }) => return vec![now + millis(*by)],
            Some(Fault::HookShuffled { millis: by }) => return vec![now + self.within(*by)],
            Some(Fault::HookContradicted) => return vec![now],
            Some(Fault::HookNever) => return Vec::new(),
            _ => {}
        }
        match self.switches.webhooks {
            WebhookDelivery::Once | WebhookDelivery::BeforeAnswer { .. } => vec![now],
            WebhookDelivery::Twice => vec![now, now + SECOND_COPY_AFTER],
            WebhookDelivery::Delayed { millis: by } => vec![now + millis(by)],
            WebhookDelivery::Shuffled { millis: by } => vec![now + self.within(by)],
            WebhookDelivery::Dropped => Vec::new(),
        }
    }

    fn within(&mut self, most: u32) -> TimeDelta {
        millis(self.chance.random_range(0..=most))
    }

    /// The bare `result` of GET by id, as it would read now.
    fn notice_body(&self, place: Place, is_nameless: bool) -> Bytes {
        let Some(payment) = self.ledger.get(place) else { return Bytes::new() };
        let view = PaymentView::single(payment, self.surroundings(payment));
        let view = if is_nameless { view.without_reference() } else { view };
        serde_json::to_vec(&view).unwrap_or_default().into()
    }
}
