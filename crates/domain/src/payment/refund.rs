use serde::{Deserialize, Serialize};

use super::{Elsewhere, Flag, GatewayState, OtherPayment, Payment, PaymentState};
use crate::{Money, PaymentId, PaymentType, Total, TotalOverflow};

/// A refund as its deposit knows it: what it holds of the captured money. The refund itself is a payment of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// The refund's own payment.
    pub id: PaymentId,
    /// How much, in the settled currency of the deposit.
    pub money: Money,
    /// Whether it still counts.
    pub standing: RefundStanding,
}

/// What a refund means for the money of its deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::IntoStaticStr, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum RefundStanding {
    /// On its way, or its outcome is not known: nobody else may have this money.
    Reserved,
    /// The money went back.
    Completed,
    /// Proven not to exist, or dead: the money is free again.
    Released,
}

impl RefundStanding {
    /// What a refund in this state means; none while it is open.
    pub fn of(state: PaymentState) -> Option<Self> {
        match state {
            PaymentState::Submitted
            | PaymentState::Checkout
            | PaymentState::Pending
            | PaymentState::AwaitingApproval
            | PaymentState::Authorized => None,
            PaymentState::Completed => Some(Self::Completed),
            PaymentState::Declined | PaymentState::Cancelled | PaymentState::Rejected => Some(Self::Released),
        }
    }
}

/// The refunds of a deposit, in the order in which they were ordered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Refunds(Vec<Refund>);

impl Refunds {
    /// Refunds of one deposit, at most: its row holds them all.
    pub const MAX: usize = 1000;

    /// All of them.
    pub fn all(&self) -> &[Refund] {
        &self.0
    }

    /// The one that is this payment.
    pub fn get(&self, id: PaymentId) -> Option<&Refund> {
        self.0.iter().find(|refund| refund.id == id)
    }

    pub(super) fn set(&mut self, refund: Refund) {
        match self.0.iter_mut().find(|known| known.id == refund.id) {
            Some(known) => *known = refund,
            None => self.0.push(refund),
        }
    }

    fn sum(&self, counts: impl Fn(RefundStanding) -> bool) -> Result<Total, TotalOverflow> {
        let counting = self.0.iter().filter(|refund| counts(refund.standing));
        counting.map(|refund| refund.money.amount()).try_fold(Total::ZERO, Total::plus)
    }
}

/// Why nothing can be refunded, or not this much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRefundable {
    /// It is no deposit, or its money has not moved.
    #[error("only a deposit that is COMPLETED can be refunded")]
    State,
    /// What was captured is not confirmed by a look at the gateway yet.
    #[error("what was captured has not been confirmed by the gateway yet")]
    Unconfirmed,
    /// Two looks told different amounts, or two ends: a person must look first.
    #[error("the gateway told different things about it, a person must look first")]
    Contradicted,
    /// The customer's bank took the money back, or is about to.
    #[error("a chargeback is open or completed")]
    Chargeback,
    /// A refund that was made elsewhere, whose amount cannot be told in the captured currency.
    #[error("a refund made elsewhere has an amount that cannot be compared")]
    Incomparable,
    /// It has as many refunds as a deposit can have.
    #[error("it has {} refunds, and can have no more", Refunds::MAX)]
    TooMany,
    /// Another currency than the captured one.
    #[error("must be in {}", .0.currency())]
    Currency(Money),
    /// More than is left.
    #[error("must not be above the {0} that is left to refund")]
    TooMuch(Money),
    /// The gateway takes no refund of nothing.
    #[error("must be at least {}", Money::AMOUNT_MIN)]
    TooLittle,
}

impl Payment {
    /// What was captured: the gateway's last word on a completed deposit.
    pub fn captured(&self) -> Option<Money> {
        let is_deposit = self.opening.payment_type == PaymentType::Deposit;
        self.settled.filter(|_| is_deposit && self.state == PaymentState::Completed)
    }

    /// What went back to the customer by refunds of ours, in the captured currency.
    pub fn refunded(&self) -> Result<Total, TotalOverflow> {
        self.refunds.sum(|standing| standing == RefundStanding::Completed)
    }

    /// What may still be refunded (protocols, section 3): never more than was captured, less what went back, what is
    /// on its way or not known, and what was refunded elsewhere.
    pub fn refundable(&self) -> Result<Money, NotRefundable> {
        if self.opening.payment_type != PaymentType::Deposit || self.state != PaymentState::Completed {
            return Err(NotRefundable::State);
        }
        if self.needs_confirmation() {
            return Err(NotRefundable::Unconfirmed);
        }
        let captured = self.captured().ok_or(NotRefundable::Unconfirmed)?;
        let another_end = self.contradicted_by.iter().any(|(told, _)| *told != GatewayState::Completed);
        if another_end || self.flags.contains(&Flag::AmountContradicts) {
            return Err(NotRefundable::Contradicted);
        }
        self.check_elsewhere(captured)?;
        // Less than nothing is left if the gateway itself let more go: that is a break for finance, not a number here.
        let left = self.left_of(captured).map_err(|_| NotRefundable::Incomparable)?;
        Ok(left.amount().and_then(|left| Money::evidenced(left, captured.currency()).ok()).unwrap_or(captured.none()))
    }

    fn left_of(&self, captured: Money) -> Result<Total, TotalOverflow> {
        let own = self.refunds.sum(|standing| standing != RefundStanding::Released)?;
        let elsewhere = self.alive_elsewhere().filter_map(|other| other.money);
        let elsewhere = elsewhere.map(|money| money.amount()).try_fold(Total::ZERO, Total::plus)?;
        Total::ZERO.plus(captured.amount())?.less(own)?.less(elsewhere)
    }

    /// Whether what was taken back by other ways than ours can be counted against what was captured.
    fn check_elsewhere(&self, captured: Money) -> Result<(), NotRefundable> {
        self.alive_elsewhere().try_for_each(|other| match (other.payment_type.as_deref(), other.money) {
            (Some("REFUND"), Some(money)) if money.currency() == captured.currency() => Ok(()),
            (Some("REFUND"), _) => Err(NotRefundable::Incomparable),
            // Whatever is no refund takes the money by another way: nothing is refundable beside it.
            _ => Err(NotRefundable::Chargeback),
        })
    }

    /// Refunds and chargebacks that we did not make, and that are not dead.
    fn alive_elsewhere(&self) -> impl Iterator<Item = &OtherPayment> {
        self.others.iter().filter(|other| other.relation == Elsewhere::Foreign && !other.is_dead())
    }

    /// Whether refunds hold more than was captured.
    pub fn is_over_refunded(&self) -> bool {
        let Some(captured) = self.captured() else { return false };
        self.left_of(captured).is_ok_and(|left| left < Total::ZERO)
    }

    /// Whether a refund of `money` may be opened.
    pub fn may_refund(&self, money: Money) -> Result<(), NotRefundable> {
        let left = self.refundable()?;
        if self.refunds.all().len() >= Refunds::MAX {
            Err(NotRefundable::TooMany)
        } else if money.currency() != left.currency() {
            Err(NotRefundable::Currency(left))
        } else if money.amount() > left.amount() {
            Err(NotRefundable::TooMuch(left))
        } else if money.amount() < Money::AMOUNT_MIN {
            Err(NotRefundable::TooLittle)
        } else {
            Ok(())
        }
    }

    /// Whether a refund must tell its deposit how it ended.
    pub fn must_tell_parent(&self) -> bool {
        self.opening.payment_type == PaymentType::Refund
            && self.opening.parent.is_some()
            && self.state.is_final()
            && self.told_parent != Some(self.state)
    }
}
