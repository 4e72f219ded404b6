//! Approval and rejection of a withdrawal that the shop holds back (gateway contract, sections 6.8 and 6.9).

use super::capture::read_optional;
use super::create::{millis, payout_ending};
use super::{Answered, Engine};
use crate::contract::error_code::ErrorCode;
use crate::envelope::Refusal;
use crate::field::{self, Field};
use crate::ledger::Place;
use crate::payment::{Ending, PaymentState, Standing};
use crate::trail::Operation;

impl Engine {
    pub(super) fn approve(&mut self, refusal: &Refusal<'_>, place: Place) -> Answered {
        if let Err(response) = self.only_in(PaymentState::AwaitingApproval, refusal, place) {
            return Answered::unchanged(response);
        }
        let ending = self.ledger.get(place).map(|payment| payout_ending(&payment.order, payment.card.as_ref()));
        if let Some(ending) = ending {
            let until = refusal.now + millis(self.switches.payout_processing_millis);
            self.ledger.move_to(place, Standing::Processing { until, ending }, refusal.now);
            self.note(place, Operation::Approve, refusal.now);
        }
        self.acted(refusal, place)
    }

    pub(super) fn reject(&mut self, refusal: &Refusal<'_>, place: Place, body: &[u8]) -> Answered {
        let Some(body) = read_optional(body) else {
            return Answered::unchanged(refusal.answer(400, "JSON parse error"));
        };
        let errors = field::check(&body, REJECT, self.switches.unknown_fields);
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
        self.end_by(Operation::Reject, place, refusal.now, ending);
        self.acted(refusal, place)
    }
}

/// Section 6.9.
const REJECT: &[Field] = &[Field::text("rejectReason", 512)];
