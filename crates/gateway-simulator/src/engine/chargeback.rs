//! Registration of a chargeback (gateway contract, sections 6.7 and 15).

use super::{Answered, Engine};
use crate::contract::signature::sign;
use crate::delivery::Delivery;
use crate::envelope::Refusal;
use crate::field::{self, Field, Rule};
use crate::json_object::JsonObject;
use crate::ledger::Place;
use crate::payment::{PaymentState, PaymentType};
use crate::trail::Operation;
use crate::view::PaymentView;

impl Engine {
    /// Answers the deposit, unchanged; the chargeback itself is told to the address that came with it, if any.
    pub(super) fn register_chargeback(&mut self, refusal: &Refusal<'_>, place: Place, body: &[u8]) -> Answered {
        let Ok(body) = serde_json::from_slice::<JsonObject<'_>>(body) else {
            return Answered::unchanged(refusal.answer(400, "JSON parse error"));
        };
        let errors = field::check(&body, CHARGEBACK, self.switches.unknown_fields);
        if !errors.is_empty() {
            return Answered::unchanged(refusal.validation("registerChargebackRequest", &errors));
        }
        let fits = self.ledger.get(place).is_some_and(|payment| payment.payment_type() == PaymentType::Deposit);
        let refused = if fits { self.only_in(PaymentState::Completed, refusal, place).err() } else { None };
        if let Some(response) = refused.or_else(|| (!fits).then(|| refusal.answer(400, "Illegal Workflow State"))) {
            return Answered::unchanged(response);
        }
        let is_first =
            self.ledger.get_mut(place).is_some_and(|deposit| !std::mem::replace(&mut deposit.disputed, true));
        if !is_first {
            return Answered::unchanged(refusal.answer(400, "Transaction has chargeback already"));
        }
        self.note(place, Operation::Chargeback, refusal.now);
        if let Some(url) = body.text("webhookUrl") {
            let state = body.text("state").and_then(|name| PaymentState::named(&name));
            self.tell_chargeback(refusal, place, &url, state.unwrap_or(PaymentState::Pending));
        }
        self.acted(refusal, place)
    }

    fn tell_chargeback(&mut self, refusal: &Refusal<'_>, place: Place, url: &str, state: PaymentState) {
        let id = self.new_id();
        let Some(deposit) = self.ledger.get(place) else { return };
        let parent = deposit.id.to_string();
        let view = PaymentView::chargeback(id, deposit, &parent, state, refusal.now);
        let body = serde_json::to_vec(&view).unwrap_or_default();
        let signing_key = self.shops.get(deposit.shop).and_then(|shop| shop.signing_key.as_deref());
        self.deliveries.add(Delivery {
            number: 0,
            payment_id: id,
            state,
            url: url.to_owned(),
            signature: signing_key.and_then(|key| sign(self.switches.signature, key, &body)),
            body: body.into(),
            due_at: refusal.now,
            attempt: 1,
        });
    }
}

/// Section 6.7.
const CHARGEBACK: &[Field] = &[
    Field::text("description", 512),
    Field::text("created", 32),
    Field::optional("state", Rule::OneOf(&["CANCELLED", "COMPLETED", "DECLINED"])),
    Field::text("webhookUrl", 512),
];
