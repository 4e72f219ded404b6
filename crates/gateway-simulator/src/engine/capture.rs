//! Capture and void of an authorized deposit (gateway contract, sections 6.5 and 6.6).

use rust_decimal::Decimal;

use super::{Answered, Engine, create::millis};
use crate::contract::amount::Amount;
use crate::envelope::Refusal;
use crate::exchange::Response;
use crate::faults::{Fault, Moment};
use crate::field::{self, Field, FieldError, Rule};
use crate::json_object::JsonObject;
use crate::ledger::Place;
use crate::payment::{Ending, PaymentState, Standing};
use crate::switches::CaptureBehaviour;
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
        let behaviour = match self.strike(Moment::Capture, place) {
            Some(Fault::CaptureLate { millis }) => CaptureBehaviour::PendingFirst { millis },
            _ => self.switches.capture,
        };
        match behaviour {
            CaptureBehaviour::Completed => self.end_by(Operation::Capture, place, refusal.now, Ending::Completed),
            CaptureBehaviour::PendingFirst { millis: late } => {
                let standing = Standing::Processing { until: refusal.now + millis(late), ending: Ending::Completed };
                self.ledger.move_to(place, standing, refusal.now);
                self.note(place, Operation::Capture, refusal.now);
            }
        }
        self.acted(refusal, place)
    }

    pub(super) fn void(&mut self, refusal: &Refusal<'_>, place: Place) -> Answered {
        if let Err(response) = self.only_in(PaymentState::Authorized, refusal, place) {
            return Answered::unchanged(response);
        }
        self.end_by(Operation::Void, place, refusal.now, Ending::Voided);
        self.acted(refusal, place)
    }

    /// What is asked for, or all that is authorized.
    fn captured_amount(&self, refusal: &Refusal<'_>, place: Place, body: &[u8]) -> Result<Amount, Response> {
        let body = read_optional(body).ok_or_else(|| refusal.answer(400, "JSON parse error"))?;
        let invalid = |errors: &[FieldError]| refusal.validation("captureRequest", errors);
        let errors = field::check(&body, CAPTURE, self.switches.unknown_fields);
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
    pub(super) fn only_in(&self, state: PaymentState, refusal: &Refusal<'_>, place: Place) -> Result<(), Response> {
        let is_there = self.ledger.get(place).is_some_and(|payment| payment.state() == state);
        if is_there { Ok(()) } else { Err(refusal.answer(400, "Illegal Workflow State")) }
    }
}

/// A body that may be left out.
pub(super) fn read_optional(body: &[u8]) -> Option<JsonObject<'_>> {
    serde_json::from_slice(if body.is_empty() { b"{}" } else { body }).ok()
}

/// Section 6.5.
const CAPTURE: &[Field] = &[Field::optional("amount", Rule::Amount)];
