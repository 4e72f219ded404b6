//! A payment inside the gateway.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use rand::{Rng, RngExt, distr::Alphanumeric};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::contract::{amount::Amount, card::CardTrace, error_code::ErrorCode};
use crate::order::Order;
use crate::trail::Step;

/// 32 letters and digits (gateway contract, section 3); lower-case hex unless the switch says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PaymentId([u8; 32]);

impl PaymentId {
    pub(crate) fn of_hex(chance: u128) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        Self(std::array::from_fn(|at| DIGITS[(chance >> (124 - 4 * at) & 15) as usize]))
    }

    pub(crate) fn of_letters(chance: &mut impl Rng) -> Self {
        Self(std::array::from_fn(|_| chance.sample(Alphanumeric)))
    }
}

/// The text is not 32 letters and digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a payment id is 32 letters and digits")]
pub struct NotAPaymentId;

impl FromStr for PaymentId {
    type Err = NotAPaymentId;

    fn from_str(text: &str) -> Result<Self, NotAPaymentId> {
        let letters = text.as_bytes().try_into().map_err(|_| NotAPaymentId)?;
        if text.bytes().all(|b| b.is_ascii_alphanumeric()) { Ok(Self(letters)) } else { Err(NotAPaymentId) }
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Letters and digits are always text.
        f.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
    }
}

impl fmt::Debug for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for PaymentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PaymentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What a payment is for (gateway contract, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum PaymentType {
    Deposit,
    Withdrawal,
    Refund,
}

impl PaymentType {
    pub(crate) const NAMES: &'static [&'static str] = &["DEPOSIT", "REFUND", "WITHDRAWAL"];

    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "DEPOSIT" => Some(Self::Deposit),
            "WITHDRAWAL" => Some(Self::Withdrawal),
            "REFUND" => Some(Self::Refund),
            _ => None,
        }
    }

    /// The contract's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deposit => "DEPOSIT",
            Self::Withdrawal => "WITHDRAWAL",
            Self::Refund => "REFUND",
        }
    }
}

/// Where a payment stands, as the merchant sees it (gateway contract, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum PaymentState {
    Checkout,
    Pending,
    AwaitingApproval,
    Authorized,
    Completed,
    Declined,
    Cancelled,
}

impl PaymentState {
    /// The contract's word for it.
    pub const fn name(self) -> &'static str {
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

    /// The state that a merchant may give to a chargeback (section 6.7).
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Completed, Self::Declined, Self::Cancelled].into_iter().find(|state| state.name() == name)
    }

    /// Whether reaching this state is told by webhook (section 9).
    pub const fn is_told(self) -> bool {
        match self {
            Self::Authorized | Self::Completed | Self::Declined | Self::Cancelled => true,
            Self::Checkout | Self::Pending | Self::AwaitingApproval => false,
        }
    }
}

/// Where a payment stands inside the engine; each case carries what is known there, and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Standing {
    /// The customer has the page before them.
    Checkout { expires_at: DateTime<Utc> },
    /// Started without the page (PATCH): the payer has instructions and has not followed them yet.
    AwaitingPayer { expires_at: DateTime<Utc> },
    /// A withdrawal that the shop holds back.
    AwaitingApproval,
    /// Submitted: at `until` it ends as said.
    Processing { until: DateTime<Utc>, ending: Ending },
    /// Over, or as good as over.
    Ended(Ending),
}

/// How a payment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Ending {
    Authorized,
    Completed,
    Declined(ErrorCode),
    Cancelled(ErrorCode),
    /// Released by the merchant after it was authorized: nothing went wrong.
    Voided,
}

impl Standing {
    pub(crate) const fn state(self) -> PaymentState {
        match self {
            Self::Checkout { .. } => PaymentState::Checkout,
            Self::AwaitingPayer { .. } | Self::Processing { .. } => PaymentState::Pending,
            Self::AwaitingApproval => PaymentState::AwaitingApproval,
            Self::Ended(Ending::Authorized) => PaymentState::Authorized,
            Self::Ended(Ending::Completed) => PaymentState::Completed,
            Self::Ended(Ending::Declined(_)) => PaymentState::Declined,
            Self::Ended(Ending::Cancelled(_) | Ending::Voided) => PaymentState::Cancelled,
        }
    }

    /// When the payment moves by itself.
    pub(crate) const fn alarm(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Checkout { expires_at } | Self::AwaitingPayer { expires_at } => Some(expires_at),
            Self::Processing { until, .. } => Some(until),
            Self::AwaitingApproval | Self::Ended(_) => None,
        }
    }

    /// Whether somebody may still pay or cancel.
    pub(crate) const fn is_open(self) -> bool {
        matches!(self, Self::Checkout { .. } | Self::AwaitingPayer { .. })
    }
}

/// The figures that the provider settled, where they differ from the request (section 7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Settled {
    /// Another sum in the same currency.
    Drifted(Amount),
    /// Converted: what the customer asked for is told beside it.
    Exchanged { amount: Amount, currency: String },
}

/// A payment: what was ordered, and what became of it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Payment {
    pub(crate) id: PaymentId,
    /// Its place in the engine's list of shops.
    pub(crate) shop: usize,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
    /// From when on lists show it.
    pub(crate) listed_from: DateTime<Utc>,
    pub(crate) order: Order,
    pub(crate) standing: Standing,
    pub(crate) card: Option<CardTrace>,
    pub(crate) settled: Option<Settled>,
    /// Whether it was started without the page, so that it carries instructions for the payer.
    pub(crate) has_instructions: bool,
    /// What was captured of an authorized sum.
    #[serde(default)]
    pub(crate) captured: Option<Amount>,
    /// The provider's own word for what happened, or the merchant's reason for a rejection.
    #[serde(default)]
    pub(crate) external_result_code: Option<String>,
    /// Whether a chargeback was registered.
    #[serde(default)]
    pub(crate) disputed: bool,
    /// Whether the subscription that began with it was cancelled.
    #[serde(default)]
    pub(crate) unsubscribed: bool,
    /// Whether its record was taken out by hand.
    #[serde(default)]
    pub(crate) removed: bool,
    /// What was done with it, oldest first.
    #[serde(default)]
    pub(crate) trail: Vec<Step>,
}

impl Payment {
    /// The gateway's name for it.
    pub const fn id(&self) -> PaymentId {
        self.id
    }

    /// The merchant's name for it, if one was sent.
    pub fn reference_id(&self) -> Option<&str> {
        self.order.reference_id.as_deref()
    }

    /// The payment that it belongs to: a refund's deposit, the first of a chain.
    pub fn parent_payment_id(&self) -> Option<&str> {
        self.order.parent_payment_id.as_deref()
    }

    /// What it is for.
    pub const fn payment_type(&self) -> PaymentType {
        self.order.payment_type
    }

    /// Where it stands.
    pub const fn state(&self) -> PaymentState {
        self.standing.state()
    }

    /// When it was created.
    pub const fn created(&self) -> DateTime<Utc> {
        self.created
    }

    /// When it last moved.
    pub const fn updated(&self) -> DateTime<Utc> {
        self.updated
    }

    /// The figures a merchant books: the provider's, which may differ from the request (section 7).
    pub fn money(&self) -> (Option<Amount>, &str) {
        let (settled, currency) = match &self.settled {
            None => (self.order.amount, &self.order.currency),
            Some(Settled::Drifted(amount)) => (Some(*amount), &self.order.currency),
            Some(Settled::Exchanged { amount, currency }) => (Some(*amount), currency),
        };
        (self.captured.or(settled), currency)
    }

    /// What a chain of recurring charges goes on with, once its first payment is made.
    pub(crate) fn recurring_token(&self) -> Option<String> {
        let began = self.order.start_recurring == Some(true) && self.state() == PaymentState::Completed;
        began.then(|| format!("rt{}", self.id)).or_else(|| self.order.recurring_token.clone())
    }

    /// Why it did not succeed.
    pub const fn error_code(&self) -> Option<ErrorCode> {
        match self.standing {
            Standing::Ended(Ending::Declined(code) | Ending::Cancelled(code)) => Some(code),
            _ => None,
        }
    }

    /// Where the customer's browser goes afterwards, with its placeholders still open.
    pub fn return_url(&self) -> Option<&str> {
        self.order.return_url.as_deref()
    }
}

/// Without the customer's data.
impl fmt::Debug for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payment")
            .field("id", &self.id)
            .field("reference_id", &self.reference_id())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
