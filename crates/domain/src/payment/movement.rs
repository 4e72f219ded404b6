use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Elsewhere, Entry, GatewayState, OtherPayment, Payment, PaymentState, SeenState, UnfoldableLedger};
use crate::{Currency, GatewayPaymentId, Money, PaymentType};

/// Money that moved, or that turned out to have moved otherwise than was booked: one line of the books. A line is never
/// changed; what turns out to be otherwise is booked as the difference, by a line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// Counted from 1 among the lines of one ledger entry.
    pub number: u32,
    /// What kind of money it is.
    pub kind: MovementKind,
    /// What the gateway payment that moved it is to the payment that it is booked under; none for the payment's own.
    pub relation: Option<Elsewhere>,
    /// The gateway payment that moved it.
    pub gateway_payment_id: GatewayPaymentId,
    /// How much, in major units of the currency: above zero for what the merchant gets, below for what it gives.
    pub amount: Decimal,
    /// The currency of the amount.
    pub currency: Currency,
}

/// What kind of money moves.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum MovementKind {
    /// A customer paid.
    Deposit,
    /// The merchant paid out.
    Withdrawal,
    /// A deposit, or a part of it, went back.
    Refund,
    /// A deposit was taken back by another way than a refund.
    Chargeback,
    /// What the provider keeps for it, where it tells.
    Fee,
}

impl MovementKind {
    /// Whether the merchant gets it.
    fn is_income(self) -> bool {
        match self {
            Self::Deposit => true,
            Self::Withdrawal | Self::Refund | Self::Chargeback | Self::Fee => false,
        }
    }
}

impl From<PaymentType> for MovementKind {
    fn from(payment_type: PaymentType) -> Self {
        match payment_type {
            PaymentType::Deposit => Self::Deposit,
            PaymentType::Withdrawal => Self::Withdrawal,
            PaymentType::Refund => Self::Refund,
        }
    }
}

impl Movement {
    /// What has to be booked when a payment that was `before` is `after`: for every gateway payment and kind of money the
    /// difference. In the order of these.
    pub fn between(before: &Payment, after: &Payment) -> Vec<Self> {
        let (mut booked, holds) = (before.books(), after.books());
        let mut lines = Vec::new();
        let mut book = |account: &Account, relation, amount: Decimal, currency| {
            if !amount.is_zero() {
                lines.push((account.clone(), relation, amount, currency));
            }
        };
        for (account, now) in &holds {
            match booked.remove(account) {
                Some(was) if was.currency == now.currency => {
                    book(account, now.relation, now.amount - was.amount, now.currency);
                }
                Some(was) => {
                    book(account, was.relation, -was.amount, was.currency);
                    book(account, now.relation, now.amount, now.currency);
                }
                None => book(account, now.relation, now.amount, now.currency),
            }
        }
        for (account, was) in &booked {
            book(account, was.relation, -was.amount, was.currency);
        }
        let line =
            |(number, ((gateway_payment_id, kind), relation, amount, currency)): (u32, (Account, _, Decimal, _))| {
                Self { number, kind, relation, gateway_payment_id, amount: amount.normalize(), currency }
            };
        (1..).zip(lines).map(line).collect()
    }
}

/// Which money: whose, and of what kind. What a gateway payment is to ours may turn out otherwise and moves nothing.
type Account = (GatewayPaymentId, MovementKind);

/// What an account holds. At most [`Money::AMOUNT_MAX`] either way, so that differences are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holding {
    relation: Option<Elsewhere>,
    amount: Decimal,
    currency: Currency,
}

impl Payment {
    /// The lines that a ledger books, each with the sequence of its entry.
    pub fn booked(ledger: &[Entry]) -> Result<Vec<(u64, Movement)>, UnfoldableLedger> {
        let Some((first, rest)) = ledger.split_first() else { return Err(UnfoldableLedger::NoOpening) };
        let mut payment = Self::fold(std::slice::from_ref(first))?;
        let mut lines = Vec::new();
        for entry in rest {
            let before = payment.clone();
            payment.fold_in(entry)?;
            lines.extend(Movement::between(&before, &payment).into_iter().map(|line| (entry.sequence, line)));
        }
        Ok(lines)
    }

    /// The money that moved under this payment, as far as it is known: its own and that of what stands beside it.
    fn books(&self) -> BTreeMap<Account, Holding> {
        let own = self.gateway_payment_id.as_ref().map(|id| {
            let settled = self.settled.filter(|_| self.state == PaymentState::Completed);
            let settled = settled.map(|money| holding(id, self.opening.payment_type.into(), None, money));
            let fee = self.fee.filter(|_| self.state.is_final());
            settled.into_iter().chain(fee.map(|money| holding(id, MovementKind::Fee, None, money)))
        });
        let others = self.others.iter().filter_map(|other| self.beside_the_own(other));
        others.chain(own.into_iter().flatten()).collect()
    }

    /// What another gateway payment moved. A cascade is the gateway's own retry of a payment that it reports itself, and
    /// what is not known to be ours or another's yet is booked once it is.
    fn beside_the_own(&self, other: &OtherPayment) -> Option<(Account, Holding)> {
        let kind = match (other.relation, other.payment_type.as_deref()) {
            (Elsewhere::Unbound | Elsewhere::Cascade, _) => return None,
            (Elsewhere::Surplus, _) => self.opening.payment_type.into(),
            (Elsewhere::Foreign, Some("REFUND")) => MovementKind::Refund,
            (Elsewhere::Foreign, _) => MovementKind::Chargeback,
        };
        let completed = other.state == SeenState::Known(GatewayState::Completed);
        let money = other.money.filter(|_| completed)?;
        Some(holding(&other.id, kind, Some(other.relation), money))
    }
}

fn holding(id: &GatewayPaymentId, kind: MovementKind, relation: Option<Elsewhere>, money: Money) -> (Account, Holding) {
    let amount = if kind.is_income() { money.amount() } else { -money.amount() };
    ((id.clone(), kind), Holding { relation, amount, currency: money.currency() })
}
