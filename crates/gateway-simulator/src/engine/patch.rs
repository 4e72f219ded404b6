//! PATCH payments: a deposit without the checkout page (gateway contract, section 6.4).

use super::{Answered, Engine, create::millis};
use crate::envelope::{self, Refusal};
use crate::faults::{Fault, Moment};
use crate::field::{self, Field, Rule};
use crate::json_object::JsonObject;
use crate::ledger::Place;
use crate::payment::{Ending, Standing};
use crate::switches::PatchBehaviour;
use crate::trail::Operation;
use crate::view::PaymentView;

impl Engine {
    pub(super) fn patch(&mut self, refusal: &Refusal<'_>, place: Place, body: &[u8]) -> Answered {
        let Ok(body) = serde_json::from_slice::<JsonObject<'_>>(body) else {
            return Answered::unchanged(refusal.answer(400, "JSON parse error"));
        };
        let errors = field::check(&body, PATCH, self.unknown_fields_of(place));
        if !errors.is_empty() {
            return Answered::unchanged(refusal.validation("depositPatchRequest", &errors));
        }
        let in_checkout =
            self.ledger.get(place).is_some_and(|payment| matches!(payment.standing, Standing::Checkout { .. }));
        if !in_checkout {
            return Answered::unchanged(self.wrong_state(refusal, place));
        }
        self.start_without_page(refusal, place)
    }

    fn start_without_page(&mut self, refusal: &Refusal<'_>, place: Place) -> Answered {
        let behaviour = match self.strike(Moment::Patch, place) {
            Some(Fault::PatchDeclined(code)) => PatchBehaviour::Declined(code),
            Some(Fault::PatchTimeout { millis }) => PatchBehaviour::ProviderTimeout { millis },
            _ => self.switches.patch,
        };
        match behaviour {
            PatchBehaviour::Pending | PatchBehaviour::ProviderTimeout { .. } => {
                let reference = self.reference_at(place);
                let expires_at = refusal.now + self.checkout_timeout(reference.as_deref());
                self.ledger.move_to(place, Standing::AwaitingPayer { expires_at }, refusal.now);
                if let Some(payment) = self.ledger.get_mut(place) {
                    payment.has_instructions = true;
                }
                self.note(place, Operation::Continue, refusal.now);
            }
            PatchBehaviour::Declined(code) => self.end(place, refusal.now, Ending::Declined(code)),
        }
        let Some(payment) = self.ledger.get(place) else {
            return Answered::unchanged(refusal.answer(404, "Payment not found"));
        };
        match behaviour {
            PatchBehaviour::ProviderTimeout { millis: held } => Answered {
                held: millis(held),
                ..Answered::changed(payment.id, refusal.answer(504, "Provider did not answer"))
            },
            PatchBehaviour::Pending | PatchBehaviour::Declined(_) => Answered::changed(
                payment.id,
                envelope::success(refusal.now, PaymentView::single(payment, self.surroundings(payment))),
            ),
        }
    }
}

/// Section 6.4.
const PATCH: &[Field] = &[
    Field::required("customerIp", Rule::Text { min: 0, max: 39 }),
    Field::exactly("ipCountryCode", 2),
    Field::text("customerUserAgent", 512),
    Field::optional("browserWindowWidth", Rule::Whole { min: i64::MIN }),
    Field::optional("browserWindowHeight", Rule::Whole { min: i64::MIN }),
    Field::optional("browserScreenWidth", Rule::Whole { min: i64::MIN }),
    Field::optional("browserScreenHeight", Rule::Whole { min: i64::MIN }),
    Field::optional("browserScreenColorDepth", Rule::Whole { min: i64::MIN }),
    Field::text("browserLanguage", 32),
    Field::optional("browserJavaEnabled", Rule::Flag),
    Field::optional("browserTimezoneOffset", Rule::Whole { min: i64::MIN }),
];
