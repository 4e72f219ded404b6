//! The sandbox's cards. Their numbers are published test data; what a payment keeps is the masked form.

use serde::{Deserialize, Serialize};

/// What the sandbox does with a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CardOutcome {
    /// The payment goes through.
    Success,
    /// The payment is declined.
    Declined,
}

/// One line of the gateway contract, section 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SandboxCard {
    /// Sixteen digits.
    pub number: &'static str,
    /// A value of `CardBrand`.
    pub brand: &'static str,
    /// Whether the card is enrolled for 3-D Secure; the page only says so.
    pub three_d_secure: bool,
    /// What becomes of a payment with it.
    pub outcome: CardOutcome,
}

/// Every sandbox card, in the order of the contract; the first one succeeds.
pub const SANDBOX_CARDS: [SandboxCard; 8] = [
    card("4000000000000002", "VISA", true, CardOutcome::Success),
    card("4242424242424242", "VISA", true, CardOutcome::Declined),
    card("4000000000000408", "VISA", false, CardOutcome::Success),
    card("4000000000000416", "VISA", false, CardOutcome::Declined),
    card("5555000000000008", "MASTERCARD", true, CardOutcome::Success),
    card("5555000000000438", "MASTERCARD", true, CardOutcome::Declined),
    card("5555000000000107", "MASTERCARD", false, CardOutcome::Success),
    card("5555000000000115", "MASTERCARD", false, CardOutcome::Declined),
];

/// The card that a customer pays with who names none.
pub const SUCCESS_CARD: &str = "4000000000000002";

/// The card that a customer is declined with who asks to be.
pub const DECLINED_CARD: &str = "4242424242424242";

const fn card(number: &'static str, brand: &'static str, three_d_secure: bool, outcome: CardOutcome) -> SandboxCard {
    SandboxCard { number, brand, three_d_secure, outcome }
}

/// What a payment remembers of a card: never the number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CardTrace {
    /// Six first and four last digits, `400000***0002`.
    pub(crate) masked_number: String,
    pub(crate) brand: String,
    /// `None` for a number that is not a sandbox card.
    pub(crate) outcome: Option<CardOutcome>,
    pub(crate) holder_name: Option<String>,
    pub(crate) expiry_month: Option<String>,
    pub(crate) expiry_year: Option<String>,
}

impl CardTrace {
    /// Looks a number up; anything that is not a digit is ignored (gateway contract, section 6.1.3).
    pub(crate) fn of_number(number: &str) -> Self {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let known = SANDBOX_CARDS.iter().find(|card| card.number == digits);
        Self {
            masked_number: masked(&digits),
            brand: known.map_or("UNKNOWN", |card| card.brand).to_owned(),
            outcome: known.map(|card| card.outcome),
            holder_name: None,
            expiry_month: None,
            expiry_year: None,
        }
    }

    /// A card saved earlier: the sandbox knows no tokens, so any of them succeeds.
    pub(crate) fn of_token() -> Self {
        Self { brand: "VISA".to_owned(), ..Self::of_number(SUCCESS_CARD) }
    }
}

/// A number too short to be a card's shows nothing at all.
fn masked(digits: &str) -> String {
    match (digits.get(..6), digits.len().checked_sub(4).and_then(|start| digits.get(start..))) {
        (Some(first), Some(last)) if digits.len() >= 12 => format!("{first}***{last}"),
        _ => "***".to_owned(),
    }
}
