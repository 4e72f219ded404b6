//! Approval and rejection of a withdrawal that the shop holds back (gateway contract, sections 6.8 and 6.9).

use super::capture::read_optional;
use super::{Answered, Engine};
use crate::contract::error_code::ErrorCode;
use crate::envelope::Refusal;
use crate::faults::Moment;
use crate::field::{self, Field};
use crate::ledger::Place;
use crate::payment::{Ending, PaymentState};
use crate::switches::ApproveBehaviour;
use crate::trail::Operation;

impl Engine {
    pub(super) fn approve(&mut self, refusal: &Refusal<'_>, place: Place) -> Answered {
        if let Err(response) = self.only_in(PaymentState::AwaitingApproval, refusal, place) {
            return Answered::unchanged(response);
        }
        let asked = self.ledger.get(place).map(|payment| (payment.shop, payment.order.clone(), payment.card.clone()));
        if let Some((shop, order, card)) = asked {
            let ending = self.ending_without_customer(shop, &order, card.as_ref());
            let at_once =
                self.switches.approve == ApproveBehaviour::AtOnce || self.strike(Moment::Approval, place).is_some();
            let late = if at_once { None } else { Some(self.payout_processing(&order)) };
            self.end_after(late, Operation::Approve, place, refusal.now, ending);
        }
        self.acted(refusal, place)
    }

    pub(super) fn reject(&mut self, refusal: &Refusal<'_>, place: Place, body: &[u8]) -> Answered {
        let Some(body) = read_optional(body) else {
            return Answered::unchanged(refusal.answer(400, "JSON parse error"));
        };
        let errors = field::check(&body, REJECT, self.unknown_fields_of(place));
        if !errors.is_empty() {
            return Answered::unchanged(refusal.validation("rejectPaymentRequest", &errors));
        }
        if let Err(response) = self.only_in(PaymentState::AwaitingApproval, refusal, place) {
            return Answered::unchanged(response);
        }
        let reason = body.text("rejectReason").map(std::borrow::Cow::into_owned);
        if let Some(payment) = self.ledger.get_mut(place) {
            payment.external_result_code = reason;
        }
        let ending = Ending::Cancelled(ErrorCode::REJECTED_BY_MERCHANT);
        self.release(Operation::Reject, place, refusal.now, ending);
        self.acted(refusal, place)
    }
}

/// Section 6.9.
const REJECT: &[Field] = &[Field::text("rejectReason", 512)];
