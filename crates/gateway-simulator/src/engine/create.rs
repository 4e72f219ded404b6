//! POST payments (gateway contract, section 6.1).

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::{Answered, Engine};
use crate::contract::{
    card::{CardOutcome, CardTrace},
    error_code::ErrorCode,
};
use crate::envelope::{self, Refusal};
use crate::faults::{Fault, Moment};
use crate::field::FieldError;
use crate::json_object::JsonObject;
use crate::ledger::Place;
use crate::order::Order;
use crate::payment::{Ending, Payment, PaymentState, PaymentType, Standing};
use crate::switches::DuplicateReference;
use crate::trail::Operation;
use crate::view::{PaymentView, Surroundings};

impl Engine {
    pub(super) fn create(&mut self, refusal: &Refusal<'_>, shop: usize, body: &JsonObject<'_>) -> Answered {
        let (order, card) = match Order::read(body, &self.switches) {
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
        let Some(payment) = self.ledger.get(place) else {
            return Answered::unchanged(refusal.answer(500, "No message available"));
        };
        let around = self.surroundings(payment);
        let view = if self.switches.sparse_creation {
            PaymentView::sparse_creation(payment, around)
        } else {
            PaymentView::creation(payment, around)
        };
        Answered::changed(payment.id, envelope::success(refusal.now, view))
    }

    fn open(&mut self, now: DateTime<Utc>, shop: usize, order: Order, card: Option<CardTrace>) -> Place {
        let processing =
            |ending| Standing::Processing { until: now + millis(self.switches.payout_processing_millis), ending };
        let standing = match order.payment_type {
            PaymentType::Deposit if order.recurring_token.is_some() => processing(self.recurring_ending(shop, &order)),
            PaymentType::Deposit => Standing::Checkout { expires_at: now + self.checkout_timeout() },
            PaymentType::Withdrawal if self.switches.hold_withdrawals => Standing::AwaitingApproval,
            PaymentType::Withdrawal | PaymentType::Refund => processing(payout_ending(&order, card.as_ref())),
        };
        let payment = Payment {
            id: self.new_id(),
            shop,
            created: now,
            updated: now,
            listed_from: now + millis(self.switches.list_lag_millis),
            order,
            standing,
            card,
            settled: None,
            has_instructions: false,
            captured: None,
            external_result_code: None,
            disputed: false,
            unsubscribed: false,
            trail: Vec::new(),
        };
        let is_withdrawal = payment.payment_type() == PaymentType::Withdrawal;
        let place = self.ledger.add(payment);
        if is_withdrawal && self.strike(Moment::Opening, place).is_some() {
            self.ledger.move_to(place, Standing::AwaitingApproval, now);
        }
        self.note(place, Operation::CreatePayment, now);
        if let Some(Fault::ListLag { millis: lag }) = self.strike(Moment::Listing, place)
            && let Some(payment) = self.ledger.get_mut(place)
        {
            payment.listed_from = payment.listed_from.max(now + millis(lag));
        }
        place
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

    fn is_refused_duplicate(&self, shop: usize, order: &Order) -> bool {
        self.switches.duplicate_reference == DuplicateReference::Conflict
            && order
                .reference_id
                .as_deref()
                .is_some_and(|reference| self.payments_of(reference).any(|payment| payment.shop == shop))
    }

    pub(super) fn checkout_timeout(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.switches.checkout_timeout_seconds))
    }

    pub(super) fn surroundings(&self, payment: &Payment) -> Surroundings<'_> {
        Surroundings {
            checkout_url: &self.checkout_url,
            shop_name: self.shops.get(payment.shop).map_or("", |shop| &shop.name),
        }
    }
}

/// Payouts above the sandbox's limit are declined; the limit itself passes (sections 12 and 15).
pub(super) fn payout_ending(order: &Order, card: Option<&CardTrace>) -> Ending {
    let above_limit = order.amount.is_some_and(|amount| amount.value() > Decimal::from(10_000));
    if above_limit {
        return Ending::Declined(ErrorCode::AMOUNT_ABOVE_MAXIMUM);
    }
    match card.map(|card| card.outcome) {
        None | Some(Some(CardOutcome::Success)) => Ending::Completed,
        Some(Some(CardOutcome::Declined)) => Ending::Declined(ErrorCode::DECLINED_BY_ISSUER),
        Some(None) => Ending::Declined(ErrorCode::INVALID_CARD_NUMBER),
    }
}

pub(super) fn millis(count: u32) -> TimeDelta {
    TimeDelta::milliseconds(i64::from(count))
}
