//! Registration of a chargeback (gateway contract, sections 6.7 and 15).

use super::{Answered, Engine};
use crate::contract::signature::sign;
use crate::delivery::Delivery;
use crate::envelope::{self, Refusal};
use crate::faults::Moment;
use crate::field::{self, Field, Rule};
use crate::json_object::JsonObject;
use crate::ledger::Place;
use crate::payment::{PaymentId, PaymentState, PaymentType};
use crate::switches::ChargebackAnswer;
use crate::trail::Operation;
use crate::view::PaymentView;

impl Engine {
    /// Answers the deposit, unchanged, unless it is to answer the chargeback; this one itself is told to the address that came with it, if any.
    pub(super) fn register_chargeback(&mut self, refusal: &Refusal<'_>, place: Place, body: &[u8]) -> Answered {
        let Ok(body) = serde_json::from_slice::<JsonObject<'_>>(body) else {
            return Answered::unchanged(refusal.answer(400, "JSON parse error"));
        };
        let errors = field::check(&body, CHARGEBACK, self.unknown_fields_of(place));
        if !errors.is_empty() {
            return Answered::unchanged(refusal.validation("registerChargebackRequest", &errors));
        }
        let fits = self.ledger.get(place).is_some_and(|payment| payment.payment_type() == PaymentType::Deposit);
        if !fits {
            return Answered::unchanged(self.wrong_state(refusal, place));
        }
        if let Err(response) = self.only_in(PaymentState::Completed, refusal, place) {
            return Answered::unchanged(response);
        }
        let is_first =
            self.ledger.get_mut(place).is_some_and(|deposit| !std::mem::replace(&mut deposit.disputed, true));
        if !is_first {
            return Answered::unchanged(refusal.answer(400, "Transaction has chargeback already"));
        }
        self.note(place, Operation::Chargeback, refusal.now);
        let (url, state) = (body.text("webhookUrl"), body.text("state").and_then(|name| PaymentState::named(&name)));
        let answers_record =
            self.switches.chargeback == ChargebackAnswer::Record || self.strike(Moment::Chargeback, place).is_some();
        if url.is_none() && !answers_record {
            return self.acted(refusal, place);
        }
        let id = self.new_id(None);
        let state = state.unwrap_or(PaymentState::Pending);
        let record = self.ledger.get(place).map(|deposit| {
            let parent = deposit.id.to_string();
            let view = PaymentView::chargeback(id, deposit, &parent, state, refusal.now);
            (deposit.id, serde_json::to_vec(&view).unwrap_or_default(), envelope::success(refusal.now, view))
        });
        let Some((deposit, notice, answer)) = record else { return self.acted(refusal, place) };
        if let Some(url) = url {
            self.tell_chargeback(refusal, place, id, state, &url, notice);
        }
        if answers_record { Answered::changed(deposit, answer) } else { self.acted(refusal, place) }
    }

    fn tell_chargeback(
        &mut self,
        refusal: &Refusal<'_>,
        place: Place,
        id: PaymentId,
        state: PaymentState,
        url: &str,
        body: Vec<u8>,
    ) {
        let Some(deposit) = self.ledger.get(place) else { return };
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
            retries: None,
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
