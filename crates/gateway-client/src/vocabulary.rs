//! The gateway's enumerated words (gateway contract, section 4).

use serde::{Deserialize, Serialize};

/// What a payment does with money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentType {
    /// From the customer to the merchant.
    Deposit,
    /// From the merchant to a customer.
    Withdrawal,
    /// Back to the customer, out of an earlier deposit.
    Refund,
}

/// Where the gateway says that a payment stands (gateway contract, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentState {
    /// The deposit exists, the customer has not finished the checkout page.
    Checkout,
    /// Being processed.
    Pending,
    /// A withdrawal that the merchant has yet to approve.
    AwaitingApproval,
    /// Money is held, and can be captured or voided.
    Authorized,
    /// Money moved.
    Completed,
    /// Refused; the error code says by whom.
    Declined,
    /// Ended by the customer, a timeout, a void or a rejection.
    Cancelled,
}

/// A word of an enumeration that may grow without notice: the engine has more states and types than
/// its contract admits, and any of them may leak out (gateway contract, sections 4 and 14).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Open<Word> {
    /// A word that we have a meaning for.
    Known(Word),
    /// A word that we keep and show, and that changes nothing.
    Unknown(String),
}

impl<Word> Open<Word> {
    /// The word, if it is one that we know.
    pub fn known(&self) -> Option<&Word> {
        match self {
            Self::Known(word) => Some(word),
            Self::Unknown(_) => None,
        }
    }
}

impl PaymentType {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "DEPOSIT",
            Self::Withdrawal => "WITHDRAWAL",
            Self::Refund => "REFUND",
        }
    }
}

impl PaymentState {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checkout => "CHECKOUT",
            Self::Pending => "PENDING",
            Self::AwaitingApproval => "AWAITING_APPROVAL",
            Self::Authorized => "AUTHORIZED",
            Self::Completed => "COMPLETED",
            Self::Declined => "DECLINED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

impl From<String> for Open<PaymentType> {
    fn from(text: String) -> Self {
        match text.as_str() {
            "DEPOSIT" => Self::Known(PaymentType::Deposit),
            "WITHDRAWAL" => Self::Known(PaymentType::Withdrawal),
            "REFUND" => Self::Known(PaymentType::Refund),
            _ => Self::Unknown(text),
        }
    }
}

impl From<String> for Open<PaymentState> {
    fn from(text: String) -> Self {
        match text.as_str() {
            "CHECKOUT" => Self::Known(PaymentState::Checkout),
            "PENDING" => Self::Known(PaymentState::Pending),
            "AWAITING_APPROVAL" => Self::Known(PaymentState::AwaitingApproval),
            "AUTHORIZED" => Self::Known(PaymentState::Authorized),
            "COMPLETED" => Self::Known(PaymentState::Completed),
            "DECLINED" => Self::Known(PaymentState::Declined),
            "CANCELLED" => Self::Known(PaymentState::Cancelled),
            _ => Self::Unknown(text),
        }
    }
}

impl Open<PaymentType> {
    /// The word on the wire, known or not.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(word) => word.as_str(),
            Self::Unknown(text) => text,
        }
    }
}

impl Open<PaymentState> {
    /// The word on the wire, known or not.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(word) => word.as_str(),
            Self::Unknown(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_as_itself() {
        for word in ["DEPOSIT", "WITHDRAWAL", "REFUND"] {
            let read = Open::<PaymentType>::from(word.to_owned());
            assert!(read.known().is_some());
            assert_eq!(read.as_str(), word);
            assert_eq!(serde_json::to_value(read.known()).ok(), Some(word.into()));
        }
        for word in ["CHECKOUT", "PENDING", "AWAITING_APPROVAL", "AUTHORIZED", "COMPLETED", "DECLINED", "CANCELLED"] {
            let read = Open::<PaymentState>::from(word.to_owned());
            assert!(read.known().is_some());
            assert_eq!(read.as_str(), word);
            assert_eq!(serde_json::to_value(read.known()).ok(), Some(word.into()));
        }
    }

    #[test]
    fn a_new_word_is_kept() {
        let state = Open::<PaymentState>::from("AWAITING_RETURN".to_owned());
        assert_eq!((state.known(), state.as_str()), (None, "AWAITING_RETURN"));
        let kind = Open::<PaymentType>::from("CHARGEBACK".to_owned());
        assert_eq!((kind.known(), kind.as_str()), (None, "CHARGEBACK"));
    }
}
