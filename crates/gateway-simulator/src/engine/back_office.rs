//! What people do in the gateway's own back office, behind the merchant's back: records change, and nobody is told.

use super::Engine;
use crate::contract::{amount::Amount, error_code::ErrorCode};
use crate::ledger::Place;
use crate::payment::{Ending, PaymentId, Settled, Standing};

/// A change of a record by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Correction {
    /// The record is gone: no list shows it, and nobody finds it by its id.
    Removed,
    /// It is there again.
    Restored,
    /// It says that money moved.
    Completed,
    /// It says that none did.
    Declined,
    /// It says that the money is held, as if it had never been captured.
    Authorized,
    /// Another sum stands there.
    Amount(Amount),
    /// The sum stands in another currency there.
    Currency(String),
    /// The sum is the ordered one again.
    AsOrdered,
}

impl Engine {
    /// Corrects the record of a payment; false if there is none with this id. No webhook tells of it.
    pub fn correct(&mut self, id: PaymentId, correction: Correction) -> bool {
        let Some(place) = self.ledger.place_of(id) else { return false };
        match correction {
            Correction::Completed => self.put_right(place, Ending::Completed),
            Correction::Declined => self.put_right(place, Ending::Declined(ErrorCode::DECLINED_BY_ISSUER)),
            Correction::Authorized => {
                self.change(place, |payment| payment.captured = None);
                self.put_right(place, Ending::Authorized);
            }
            Correction::Removed => self.change(place, |payment| payment.removed = true),
            Correction::Restored => self.change(place, |payment| payment.removed = false),
            Correction::Amount(amount) => {
                self.change(place, |payment| payment.settled = Some(Settled::Drifted(amount)));
            }
            Correction::Currency(currency) => self.change(place, |payment| {
                let amount = payment.money().0.or(payment.order.amount);
                payment.settled = amount.map(|amount| Settled::Exchanged { amount, currency });
            }),
            Correction::AsOrdered => self.change(place, |payment| payment.settled = None),
        }
        true
    }

    fn put_right(&mut self, place: Place, ending: Ending) {
        let now = self.latest;
        self.ledger.move_to(place, Standing::Ended(ending), now);
    }

    fn change(&mut self, place: Place, change: impl FnOnce(&mut crate::payment::Payment)) {
        if let Some(payment) = self.ledger.get_mut(place) {
            change(payment);
        }
    }
}
