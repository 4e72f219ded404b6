//! What the payment's provider decides, when somebody who tries things out wants it to be decided now.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Engine;
use super::checkout::ending_by_card;
use crate::contract::error_code::ErrorCode;
use crate::payment::{Ending, Payment, PaymentId, PaymentState, PaymentType};

/// How a payment shall end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The sum of a pre-authorized deposit is held.
    Authorized,
    /// The money moved.
    Completed,
    /// The provider refused, as an issuer does.
    Declined,
    /// The customer of a deposit left.
    Cancelled,
}

/// Why a payment was not brought to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OutcomeRefused {
    /// No payment has this id.
    #[error("payment not found")]
    NotFound,
    /// It waits for the merchant, or it is over.
    #[error("the payment is {}, and its provider has nothing to decide", .0.name())]
    NotOpen(PaymentState),
    /// A payment like this one does not end so.
    #[error("{0}")]
    NotOfThis(&'static str),
}

impl Engine {
    /// Ends a payment that is open or being processed, whatever its card or its reference would have brought about. Its
    /// webhook is sent as always.
    pub fn conclude(
        &mut self,
        now: DateTime<Utc>,
        id: PaymentId,
        outcome: Outcome,
    ) -> Result<&Payment, OutcomeRefused> {
        let now = self.advance(now);
        let place = self.ledger.place_of(id).ok_or(OutcomeRefused::NotFound)?;
        let switches = &self.switches;
        let payment = self.ledger.get_mut(place).filter(|payment| !payment.removed).ok_or(OutcomeRefused::NotFound)?;
        if !matches!(payment.state(), PaymentState::Checkout | PaymentState::Pending) {
            return Err(OutcomeRefused::NotOpen(payment.state()));
        }
        let ending = ending(payment, outcome)?;
        if payment.standing.is_open() && matches!(outcome, Outcome::Authorized | Outcome::Completed) {
            // The card is remembered as if it had been typed in; what it would have brought about is not wanted.
            ending_by_card(payment, None, switches);
        }
        self.end(place, now, ending);
        self.ledger.get(place).ok_or(OutcomeRefused::NotFound)
    }
}

fn ending(payment: &Payment, outcome: Outcome) -> Result<Ending, OutcomeRefused> {
    let is_deposit = payment.payment_type() == PaymentType::Deposit;
    let is_pre_authorized = is_deposit && payment.order.is_pre_auth() && payment.captured.is_none();
    match outcome {
        Outcome::Completed if is_pre_authorized => {
            Err(OutcomeRefused::NotOfThis("a pre-authorized deposit is authorized first, and captured then"))
        }
        Outcome::Completed => Ok(Ending::Completed),
        Outcome::Authorized if is_pre_authorized => Ok(Ending::Authorized),
        Outcome::Authorized => Err(OutcomeRefused::NotOfThis("only a pre-authorized deposit is authorized")),
        Outcome::Declined => Ok(Ending::Declined(ErrorCode::DECLINED_BY_ISSUER)),
        Outcome::Cancelled if is_deposit => Ok(Ending::Cancelled(ErrorCode::CANCELLED_BY_CUSTOMER)),
        Outcome::Cancelled => Err(OutcomeRefused::NotOfThis("only the customer of a deposit can cancel")),
    }
}
