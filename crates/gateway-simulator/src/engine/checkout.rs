//! What the customer does, and what time does (gateway contract, sections 8, 10 and 12).

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;

use super::Engine;
use crate::contract::{
    card::{CardOutcome, CardTrace, SUCCESS_CARD},
    error_code::ErrorCode,
};
use crate::faults::{Fault, Moment};
use crate::ledger::Place;
use crate::payment::{Ending, Payment, PaymentId, PaymentState, PaymentType, Settled, Standing};
use crate::switches::{Exchange, Switches};
use crate::trail::Operation;

/// Which payment a customer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// This one.
    Id(PaymentId),
    /// The newest one with this reference that is open, else the newest.
    Reference(&'a str),
}

/// Why a customer's deed came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DeedRefused {
    /// No payment has this id or reference.
    #[error("payment not found")]
    NotFound,
    /// It is not a deposit that waits for the customer.
    #[error("the payment is {} and waits for no customer", .0.name())]
    NotOpen(PaymentState),
}

impl Engine {
    /// The customer pays: with this card, else with the one that the merchant sent, else with the sandbox's
    /// first one. A payment by another method than card just goes through.
    pub fn pay(
        &mut self,
        now: DateTime<Utc>,
        which: Which<'_>,
        card_number: Option<&str>,
    ) -> Result<&Payment, DeedRefused> {
        let now = self.advance(now);
        let place = self.open_place(which)?;
        let ending = self.submitted_ending(place, card_number).ok_or(DeedRefused::NotFound)?;
        self.submit(place, now, ending);
        self.moved(place)
    }

    /// The customer is refused with this code.
    pub fn decline(&mut self, now: DateTime<Utc>, which: Which<'_>, code: ErrorCode) -> Result<&Payment, DeedRefused> {
        let now = self.advance(now);
        let place = self.open_place(which)?;
        self.submit(place, now, Ending::Declined(code));
        self.moved(place)
    }

    /// The customer presses cancel.
    pub fn cancel(&mut self, now: DateTime<Utc>, which: Which<'_>) -> Result<&Payment, DeedRefused> {
        self.end_open(now, which, ErrorCode::CANCELLED_BY_CUSTOMER)
    }

    /// The checkout runs out before its time.
    pub fn time_out(&mut self, now: DateTime<Utc>, which: Which<'_>) -> Result<&Payment, DeedRefused> {
        self.end_open(now, which, ErrorCode::CANCELLED_BY_TIMEOUT)
    }

    fn end_open(&mut self, now: DateTime<Utc>, which: Which<'_>, code: ErrorCode) -> Result<&Payment, DeedRefused> {
        let now = self.advance(now);
        let place = self.open_place(which)?;
        self.end(place, now, Ending::Cancelled(code));
        self.moved(place)
    }

    /// The payment that a deed means, of whatever state.
    pub fn find(&self, which: Which<'_>) -> Option<&Payment> {
        self.ledger.get(self.place_meant(which)?)
    }

    fn place_meant(&self, which: Which<'_>) -> Option<Place> {
        match which {
            Which::Id(id) => self.ledger.place_of(id),
            Which::Reference(reference) => {
                let places = self.ledger.places_of_reference(reference);
                let is_open = |place: &&Place| self.ledger.get(**place).is_some_and(|it| it.standing.is_open());
                places.iter().rev().find(is_open).or(places.last()).copied()
            }
        }
    }

    fn open_place(&self, which: Which<'_>) -> Result<Place, DeedRefused> {
        let place = self.place_meant(which).ok_or(DeedRefused::NotFound)?;
        let payment = self.ledger.get(place).ok_or(DeedRefused::NotFound)?;
        if payment.standing.is_open() { Ok(place) } else { Err(DeedRefused::NotOpen(payment.state())) }
    }

    fn moved(&self, place: Place) -> Result<&Payment, DeedRefused> {
        self.ledger.get(place).ok_or(DeedRefused::NotFound)
    }

    /// Pays a deposit that was just created, before anybody was told of it.
    pub(super) fn pay_at_once(&mut self, now: DateTime<Utc>, id: PaymentId) {
        let is_open = |payment: &Payment| payment.standing.is_open();
        let Some(place) = self.ledger.place_of(id).filter(|&place| self.ledger.get(place).is_some_and(is_open)) else {
            return;
        };
        if let Some(ending) = self.submitted_ending(place, None) {
            self.end(place, now, ending);
        }
    }

    fn submit(&mut self, place: Place, now: DateTime<Utc>, ending: Ending) {
        let reference = self.reference_at(place);
        let processing = self.processing(reference.as_deref(), self.switches.deposit_processing_millis);
        if processing == TimeDelta::zero() {
            self.end(place, now, ending);
        } else {
            self.ledger.move_to(place, Standing::Processing { until: now + processing, ending }, now);
            self.note(place, Operation::Checkout, now);
        }
    }

    fn submitted_ending(&mut self, place: Place, card_number: Option<&str>) -> Option<Ending> {
        let by_card = ending_by_card(self.ledger.get_mut(place)?, card_number, &self.switches);
        let reference = self.reference_at(place);
        Some(self.struck_ending(reference.as_deref(), by_card))
    }

    /// A payment's own time has come. It moves at the latest time seen, not at its alarm's: a list by
    /// `updated` that was read in between must not have missed it.
    pub(super) fn let_alarm_ring(&mut self, place: Place) {
        let Some(payment) = self.ledger.get(place) else { return };
        let ending = match payment.standing {
            Standing::Checkout { .. } | Standing::AwaitingPayer { .. } => {
                Ending::Cancelled(ErrorCode::CANCELLED_BY_TIMEOUT)
            }
            Standing::Processing { ending, .. } | Standing::Ended(ending) => ending,
            // It has no alarm.
            Standing::AwaitingApproval => return,
        };
        self.end(place, self.latest, ending);
    }

    pub(super) fn end(&mut self, place: Place, now: DateTime<Utc>, ending: Ending) {
        let Some(payment) = self.ledger.get(place) else { return };
        let operation = match (ending, payment.payment_type()) {
            (Ending::Cancelled(_) | Ending::Voided, _) => Operation::Cancel,
            (_, PaymentType::Deposit) => Operation::Deposit,
            (_, PaymentType::Withdrawal) => Operation::Withdrawal,
            (_, PaymentType::Refund) => Operation::Refund,
        };
        self.end_by(operation, place, now, ending);
    }

    /// The one way for a payment to end: figures settled, state moved, webhook written. What is captured was settled
    /// when it was authorized.
    pub(super) fn end_by(&mut self, operation: Operation, place: Place, now: DateTime<Utc>, ending: Ending) {
        let is_captured = self.ledger.get(place).is_some_and(|payment| payment.captured.is_some());
        if matches!(ending, Ending::Completed | Ending::Authorized) && !is_captured {
            self.settle(place);
        }
        self.ledger.move_to(place, Standing::Ended(ending), now);
        self.note(place, operation, now);
        self.notify(place, now);
    }

    /// The same, or first `PENDING` for a while.
    pub(super) fn end_after(
        &mut self,
        late: Option<TimeDelta>,
        operation: Operation,
        place: Place,
        now: DateTime<Utc>,
        ending: Ending,
    ) {
        match late {
            None => self.end_by(operation, place, now, ending),
            Some(late) => {
                self.ledger.move_to(place, Standing::Processing { until: now + late, ending }, now);
                self.note(place, operation, now);
            }
        }
    }

    fn settle(&mut self, place: Place) {
        let fault = self.strike(Moment::Settlement, place);
        let exchange = self.switches.exchange.clone();
        let drift = self.switches.amount_drift;
        let Some(payment) = self.ledger.get_mut(place) else { return };
        let Some(asked) = payment.order.amount else { return };
        let exchanged = |Exchange { currency, rate }: Exchange| {
            asked.scaled(rate).map(|amount| Settled::Exchanged { amount, currency })
        };
        payment.settled = match (fault, exchange, drift) {
            (Some(Fault::OtherAmount(factor)), _, _) | (None, None, Some(factor)) => {
                asked.scaled(factor).map(Settled::Drifted)
            }
            (Some(Fault::OtherCurrency(exchange)), _, _) | (None, Some(exchange), _) => exchanged(exchange),
            _ => None,
        };
    }
}

/// What becomes of a deposit that the customer submits; the card that was used is remembered.
pub(super) fn ending_by_card(payment: &mut Payment, card_number: Option<&str>, switches: &Switches) -> Ending {
    let by_card = payment.order.payment_method.as_deref().is_none_or(|method| method == "BASIC_CARD");
    let outcome = if by_card {
        let sent = payment.card.take();
        let card = match (card_number, sent) {
            (None, Some(sent)) => sent,
            (number, _) => CardTrace::of_number(number.unwrap_or(SUCCESS_CARD)),
        };
        payment.order.payment_method.get_or_insert_with(|| "BASIC_CARD".to_owned());
        payment.card.insert(card).outcome
    } else {
        Some(CardOutcome::Success)
    };
    let at_ceiling = payment.order.amount.is_some_and(|amount| switches.deposit_ceiling <= amount);
    match outcome {
        _ if at_ceiling && payment.payment_type() == PaymentType::Deposit => {
            Ending::Declined(ErrorCode::AMOUNT_ABOVE_MAXIMUM)
        }
        Some(CardOutcome::Success) if payment.order.is_pre_auth() => Ending::Authorized,
        Some(CardOutcome::Success) => Ending::Completed,
        Some(CardOutcome::Declined) => Ending::Declined(switches.card_decline_code),
        None => Ending::Declined(ErrorCode::INVALID_CARD_NUMBER),
    }
}
