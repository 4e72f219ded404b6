//! POST payments (gateway contract, section 6.1).

use chrono::{DateTime, TimeDelta, Utc};

use super::{Answered, Engine};
use crate::contract::{
    amount::Amount,
    card::{CardOutcome, CardTrace},
    error_code::ErrorCode,
};
use crate::envelope::{self, Refusal};
use crate::faults::{Fault, Moment};
use crate::field::FieldError;
use crate::json_object::JsonObject;
use crate::ledger::Place;
use crate::order::{Order, Strictness};
use crate::payment::{Ending, Payment, PaymentState, PaymentType, Standing};
use crate::switches::{DuplicateReference, RefundAboveParent, Switches, UnknownFields};
use crate::trail::Operation;
use crate::view::{PaymentView, Surroundings};

impl Engine {
    pub(super) fn create(&mut self, refusal: &Refusal<'_>, shop: usize, body: &JsonObject<'_>) -> Answered {
        let strictness = self.strictness(body.text("referenceId").as_deref());
        let (order, card) = match Order::read(body, &strictness) {
            Ok(read) => read,
            Err(errors) => return Answered::unchanged(refusal.validation("paymentRequest", &errors)),
        };
        if let Some(error) = self.wrong_parent(shop, &order) {
            return Answered::unchanged(refusal.validation("paymentRequest", &[error]));
        }
        if self.is_refused_duplicate(shop, &order) {
            return Answered::unchanged(refusal.answer(409, "Duplicate referenceId"));
        }
        let place = self.open(refusal.now, shop, order, card);
        let is_sparse = self.switches.sparse_creation || self.strike(Moment::Creation, place).is_some();
        let Some(payment) = self.ledger.get(place) else {
            return Answered::unchanged(refusal.answer(500, "No message available"));
        };
        let around = self.surroundings(payment);
        let view = if is_sparse {
            PaymentView::sparse_creation(payment, around)
        } else {
            PaymentView::creation(payment, around)
        };
        Answered::changed(payment.id, envelope::success(refusal.now, view))
    }

    /// What is asked of an order with this reference beyond the contract.
    fn strictness(&mut self, reference: Option<&str>) -> Strictness {
        let required_for_deposits = match self.strike_reference(Moment::Demands, reference) {
            Some(Fault::MoreRequired(fields)) => fields,
            _ => self.switches.required_for_deposits.clone(),
        };
        Strictness { unknown_fields: self.unknown_fields(reference), required_for_deposits }
    }

    fn unknown_fields(&mut self, reference: Option<&str>) -> UnknownFields {
        match self.strike_reference(Moment::Fields, reference) {
            Some(_) => UnknownFields::Refused,
            None => self.switches.unknown_fields,
        }
    }

    /// The same for a request about a payment.
    pub(super) fn unknown_fields_of(&mut self, place: Place) -> UnknownFields {
        let reference = self.reference_at(place);
        self.unknown_fields(reference.as_deref())
    }

    fn open(&mut self, now: DateTime<Utc>, shop: usize, order: Order, card: Option<CardTrace>) -> Place {
        let payment = Payment {
            id: self.new_id(order.reference_id.as_deref()),
            shop,
            created: now,
            updated: now,
            listed_from: now + self.list_lag(&order),
            standing: self.first_standing(now, shop, &order, card.as_ref()),
            order,
            card,
            settled: None,
            has_instructions: false,
            captured: None,
            external_result_code: None,
            disputed: false,
            unsubscribed: false,
            removed: false,
            trail: Vec::new(),
        };
        let place = self.ledger.add(payment);
        self.note(place, Operation::CreatePayment, now);
        place
    }

    fn first_standing(&mut self, now: DateTime<Utc>, shop: usize, order: &Order, card: Option<&CardTrace>) -> Standing {
        match order.payment_type {
            PaymentType::Deposit if order.recurring_token.is_none() => {
                let expires_at = now + self.checkout_timeout(order.reference_id.as_deref());
                return Standing::Checkout { expires_at };
            }
            PaymentType::Withdrawal if self.is_held(order) => return Standing::AwaitingApproval,
            PaymentType::Deposit | PaymentType::Withdrawal | PaymentType::Refund => {}
        }
        let ending = self.ending_without_customer(shop, order, card);
        Standing::Processing { until: now + self.payout_processing(order), ending }
    }

    fn is_held(&mut self, order: &Order) -> bool {
        self.switches.hold_withdrawals
            || self.strike_reference(Moment::Opening, order.reference_id.as_deref()).is_some()
    }

    fn list_lag(&mut self, order: &Order) -> TimeDelta {
        let usual = self.switches.list_lag_millis;
        match self.strike_reference(Moment::Listing, order.reference_id.as_deref()) {
            Some(Fault::ListLag { millis: lag }) => millis(usual.max(lag)),
            _ => millis(usual),
        }
    }

    pub(super) fn payout_processing(&mut self, order: &Order) -> TimeDelta {
        self.processing(order.reference_id.as_deref(), self.switches.payout_processing_millis)
    }

    /// How long a payment stays `PENDING`.
    pub(super) fn processing(&mut self, reference: Option<&str>, usual: u32) -> TimeDelta {
        match self.strike_reference(Moment::Processing, reference) {
            Some(Fault::Processing { millis: by }) => millis(by),
            _ => millis(usual),
        }
    }

    /// How a payment ends that waits for no customer.
    pub(super) fn ending_without_customer(&mut self, shop: usize, order: &Order, card: Option<&CardTrace>) -> Ending {
        let usual = match order.payment_type {
            PaymentType::Deposit => self.recurring_ending(shop, order),
            PaymentType::Refund if self.is_refused_refund(order) => Ending::Declined(ErrorCode::INVALID_AMOUNT),
            PaymentType::Withdrawal | PaymentType::Refund => payout_ending(order, card, &self.switches),
        };
        self.struck_ending(order.reference_id.as_deref(), usual)
    }

    /// As it would end, unless a fault declines it.
    pub(super) fn struck_ending(&mut self, reference: Option<&str>, usual: Ending) -> Ending {
        match self.strike_reference(Moment::Ending, reference) {
            Some(Fault::Declined(code)) => Ending::Declined(code),
            _ => usual,
        }
    }

    fn is_refused_refund(&mut self, order: &Order) -> bool {
        self.is_above_parent(order)
            && (self.switches.refund_above_parent == RefundAboveParent::Declined
                || self.strike_reference(Moment::Refund, order.reference_id.as_deref()).is_some())
    }

    /// Whether a refund gives back more than its deposit took, with all that was given back or is on its way.
    fn is_above_parent(&self, order: &Order) -> bool {
        let parent = order.parent_payment_id.as_deref();
        let taken = parent.and_then(|id| self.payment(id.parse().ok()?)).and_then(|deposit| deposit.money().0);
        let given_back = self.ledger.payments().iter().filter(|payment| {
            payment.payment_type() == PaymentType::Refund
                && payment.order.parent_payment_id.as_deref() == parent
                && matches!(payment.state(), PaymentState::Pending | PaymentState::Completed)
        });
        let asked = given_back.map(|payment| payment.money().0).chain([order.amount]).flatten().map(Amount::value);
        taken.is_some_and(|taken| taken.value() < asked.sum())
    }

    /// A charge of a chain that a completed deposit of the same shop has begun (section 6.1.5): no customer is there.
    fn recurring_ending(&self, shop: usize, order: &Order) -> Ending {
        let parent = order.parent_payment_id.as_deref().and_then(|id| self.payment(id.parse().ok()?));
        let fits = parent.is_some_and(|first| first.shop == shop && first.recurring_token() == order.recurring_token);
        if fits { Ending::Completed } else { Ending::Declined(ErrorCode::RECURRING_TOKEN_NOT_FOUND) }
    }

    /// A refund gives back what a completed deposit of the same shop took.
    fn wrong_parent(&self, shop: usize, order: &Order) -> Option<FieldError> {
        if order.payment_type != PaymentType::Refund {
            return None;
        }
        let parent = order.parent_payment_id.as_deref().and_then(|id| self.payment(id.parse().ok()?));
        let fits = parent.is_some_and(|parent| {
            parent.shop == shop
                && parent.payment_type() == PaymentType::Deposit
                && parent.state() == PaymentState::Completed
        });
        (!fits).then(|| FieldError::new("parentPayment", "parentPaymentId".to_owned(), "must be a completed deposit"))
    }

    fn is_refused_duplicate(&mut self, shop: usize, order: &Order) -> bool {
        let Some(reference) = order.reference_id.as_deref() else { return false };
        self.payments_of(reference).any(|payment| payment.shop == shop)
            && (self.switches.duplicate_reference == DuplicateReference::Conflict
                || self.strike_reference(Moment::Duplicate, Some(reference)).is_some())
    }

    pub(super) fn checkout_timeout(&mut self, reference: Option<&str>) -> TimeDelta {
        match self.strike_reference(Moment::Checkout, reference) {
            Some(Fault::CheckoutTimesOut { millis: by }) => millis(by),
            _ => TimeDelta::seconds(i64::from(self.switches.checkout_timeout_seconds)),
        }
    }

    pub(super) fn surroundings(&self, payment: &Payment) -> Surroundings<'_> {
        Surroundings {
            checkout_url: &self.checkout_url,
            shop_name: self.shops.get(payment.shop).map_or("", |shop| &shop.name),
        }
    }
}

/// Payouts above the sandbox's limit are declined; the limit itself passes (sections 12 and 15).
fn payout_ending(order: &Order, card: Option<&CardTrace>, switches: &Switches) -> Ending {
    let above_limit = order.amount.is_some_and(|amount| switches.payout_limit < amount);
    if above_limit {
        return Ending::Declined(ErrorCode::AMOUNT_ABOVE_MAXIMUM);
    }
    match card.map(|card| card.outcome) {
        None | Some(Some(CardOutcome::Success)) => Ending::Completed,
        Some(Some(CardOutcome::Declined)) => Ending::Declined(switches.card_decline_code),
        Some(None) => Ending::Declined(ErrorCode::INVALID_CARD_NUMBER),
    }
}

pub(super) fn millis(count: u32) -> TimeDelta {
    TimeDelta::milliseconds(i64::from(count))
}
