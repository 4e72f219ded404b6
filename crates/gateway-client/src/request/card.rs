use std::fmt;

use serde::Serialize;

use super::invalid::{Check, Flaw};
use crate::Secret;

/// A card that the merchant collected, which is a matter of PCI DSS, or one that the gateway has saved
/// (gateway contract, section 6.1.3).
///
/// It cannot be written or read back: a request with a card in it is sent once, and never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    /// The card itself.
    pub source: CardSource,
    /// The name on the card.
    pub cardholder_name: Option<Secret>,
    /// Never for a withdrawal.
    pub security_code: Option<Secret>,
    /// The last month in which it is good.
    pub expiry: Option<Expiry>,
}

/// Which card it is.
#[derive(Clone, PartialEq, Eq)]
pub enum CardSource {
    /// Its number; the gateway ignores spaces.
    Number(Secret),
    /// The gateway's token of a card that was saved.
    Token(Secret),
}

/// The last month in which a card is good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    month: u8,
    year: u16,
}

/// There is no such month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a card's expiry is a month of 1 to 12 and a year of four digits")]
pub struct InvalidExpiry;

impl Card {
    /// A card by its number or its token; everything else is empty.
    pub fn new(source: CardSource) -> Self {
        Self { source, cardholder_name: None, security_code: None, expiry: None }
    }

    pub(super) fn check(&self, check: &mut Check) {
        match &self.source {
            CardSource::Number(number) => {
                check.length("card.cardNumber", Some(number.expose()), 1, 23);
                let digits = number.expose().bytes().any(|byte| byte.is_ascii_digit());
                check.that(digits, "card.cardNumber", Flaw::Form("a number"));
            }
            CardSource::Token(token) => check.length("card.cardToken", Some(token.expose()), 1, 32),
        }
        check.length("card.cardholderName", self.cardholder_name.as_ref().map(Secret::expose), 0, 128);
        check.length("card.cardSecurityCode", self.security_code.as_ref().map(Secret::expose), 3, 4);
    }
}

impl Expiry {
    /// Of a month, 1 to 12, and a year of four digits.
    pub fn new(month: u8, year: u16) -> Result<Self, InvalidExpiry> {
        let real = (1..=12).contains(&month) && (1000..=9999).contains(&year);
        if real { Ok(Self { month, year }) } else { Err(InvalidExpiry) }
    }
}

/// A card as the gateway reads it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CardJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    card_number: Option<&'a Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_token: Option<&'a Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cardholder_name: Option<&'a Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_security_code: Option<&'a Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_month: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_year: Option<String>,
}

impl<'a> From<&'a Card> for CardJson<'a> {
    fn from(card: &'a Card) -> Self {
        let (card_number, card_token) = match &card.source {
            CardSource::Number(number) => (Some(number), None),
            CardSource::Token(token) => (None, Some(token)),
        };
        Self {
            card_number,
            card_token,
            cardholder_name: card.cardholder_name.as_ref(),
            card_security_code: card.security_code.as_ref(),
            expiry_month: card.expiry.map(|expiry| format!("{:02}", expiry.month)),
            expiry_year: card.expiry.map(|expiry| expiry.year.to_string()),
        }
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Card(…)")
    }
}

impl fmt::Debug for CardSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CardSource(…)")
    }
}

impl fmt::Debug for Expiry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Expiry(…)")
    }
}
