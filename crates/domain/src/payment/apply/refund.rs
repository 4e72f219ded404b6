use super::super::{Change, Decision, Payment, PaymentState, Refund, RefundStanding};
use crate::{Money, PaymentId};

impl Payment {
    /// The money is reserved in the entry that also opens the refund's own payment, or neither happens (invariant I10).
    pub(super) fn refund_opened(&self, refund: PaymentId, money: Money) -> Decision {
        if self.refunds.get(refund).is_some() || self.may_refund(money).is_err() {
            return Decision::Stale;
        }
        let refund = Refund { id: refund, money, standing: RefundStanding::Reserved };
        Decision::Moves(Change { refund: Some(refund), ..Change::default() })
    }

    /// The money that a refund holds is free again only when the refund is proven not to exist, or dead. It may also come
    /// back to life: what then is too much is flagged, and not hidden.
    pub(super) fn refund_ended(&self, refund: PaymentId, state: PaymentState, settled: Option<Money>) -> Decision {
        let (Some(known), Some(standing)) = (self.refunds.get(refund), RefundStanding::of(state)) else {
            return Decision::Stale;
        };
        let moved =
            settled.filter(|money| standing == RefundStanding::Completed && money.currency() == known.money.currency());
        let ended = Refund { id: refund, money: moved.unwrap_or(known.money), standing };
        if ended == *known {
            return Decision::Confirms(None);
        }
        Decision::Moves(Change { refund: Some(ended), ..Change::default() })
    }

    pub(super) fn parent_was_told(&self, state: PaymentState) -> Decision {
        if !self.must_tell_parent() || state != self.state {
            return Decision::Confirms(None);
        }
        Decision::Moves(Change { told_parent: Some(state), ..Change::default() })
    }
}
