//! Capture and void of an authorized deposit (gateway contract, sections 6.5 and 6.6).

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{Answered, Engine, create::millis};
use crate::contract::amount::Amount;
use crate::envelope::Refusal;
use crate::exchange::Response;
use crate::faults::{Fault, Moment};
use crate::field::{self, Field, FieldError, Rule};
use crate::json_object::JsonObject;
use crate::ledger::Place;
use crate::payment::{Ending, PaymentState};
use crate::switches::{CaptureBehaviour, ReleaseBehaviour};
use crate::trail::Operation;

impl Engine {
    pub(super) fn capture(&mut self, refusal: &Refusal<'_>, place: Place, body: &[u8]) -> Answered {
        let amount = match self.captured_amount(refusal, place, body) {
            Ok(amount) => amount,
            Err(response) => return Answered::unchanged(response),
        };
        if let Some(payment) = self.ledger.get_mut(place) {
            payment.captured = Some(amount);
        }
        let late = match (self.strike(Moment::Capture, place), self.switches.capture) {
            (Some(Fault::CaptureLate { millis: late }), _)
            | (None, CaptureBehaviour::PendingFirst { millis: late }) => Some(millis(late)),
            _ => None,
        };
        self.end_after(late, Operation::Capture, place, refusal.now, Ending::Completed);
        self.acted(refusal, place)
    }

    pub(super) fn void(&mut self, refusal: &Refusal<'_>, place: Place) -> Answered {
        if let Err(response) = self.only_in(PaymentState::Authorized, refusal, place) {
            return Answered::unchanged(response);
        }
        self.release(Operation::Void, place, refusal.now, Ending::Voided);
        self.acted(refusal, place)
    }

    /// Void and reject: the payment is given up, at once or after a while.
    pub(super) fn release(&mut self, operation: Operation, place: Place, now: DateTime<Utc>, ending: Ending) {
        let late = match (self.strike(Moment::Release, place), self.switches.release) {
            (Some(Fault::ReleaseLate { millis: late }), _)
            | (None, ReleaseBehaviour::PendingFirst { millis: late }) => Some(millis(late)),
            _ => None,
        };
        self.end_after(late, operation, place, now, ending);
    }

    /// What is asked for, or all that is authorized.
    fn captured_amount(&mut self, refusal: &Refusal<'_>, place: Place, body: &[u8]) -> Result<Amount, Response> {
        let body = read_optional(body).ok_or_else(|| refusal.answer(400, "JSON parse error"))?;
        let invalid = |errors: &[FieldError]| refusal.validation("captureRequest", errors);
        let errors = field::check(&body, CAPTURE, self.unknown_fields_of(place));
        if !errors.is_empty() {
            return Err(invalid(&errors));
        }
        self.only_in(PaymentState::Authorized, refusal, place)?;
        let authorized = self.ledger.get(place).and_then(|payment| payment.money().0);
        let authorized = authorized.unwrap_or(Amount::new(Decimal::ZERO));
        let asked = body.get("amount").and_then(|raw| Amount::from_json_number(raw.get()).ok());
        let amount = asked.unwrap_or(authorized);
        let out_of_range = |code, message: &str| invalid(&[FieldError::new(code, "amount".to_owned(), message)]);
        if asked.is_some_and(|asked| asked.value() < Decimal::new(1, 5)) {
            return Err(out_of_range("DecimalMin", "must be greater than or equal to 0.00001"));
        }
        if amount > authorized {
            return Err(out_of_range("DecimalMax", "must not be above the authorized amount"));
        }
        Ok(amount)
    }

    /// An action that comes in a state that does not allow it is refused (section 15).
    pub(super) fn only_in(&mut self, state: PaymentState, refusal: &Refusal<'_>, place: Place) -> Result<(), Response> {
        let is_there = self.ledger.get(place).is_some_and(|payment| payment.state() == state);
        if is_there { Ok(()) } else { Err(self.wrong_state(refusal, place)) }
    }
}

/// A body that may be left out.
pub(super) fn read_optional(body: &[u8]) -> Option<JsonObject<'_>> {
    serde_json::from_slice(if body.is_empty() { b"{}" } else { body }).ok()
}

/// Section 6.5.
const CAPTURE: &[Field] = &[Field::optional("amount", Rule::Amount)];
