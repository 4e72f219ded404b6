use std::fmt;

use chrono::{DateTime, Utc};

use super::fields::Fields;
use super::outcome::Answer;
use crate::Secret;
use crate::vocabulary::{CardBrand, Open};

/// A card that a customer has saved (gateway contract, section 6.11). Only the token is certain;
/// `Debug` shows nothing personal.
#[derive(Clone, PartialEq, Eq)]
pub struct CardToken {
    /// Pays with the card: [`CardSource::Token`](crate::request::CardSource::Token).
    pub token: Secret,
    /// The name on the card.
    pub cardholder_name: Option<String>,
    /// Such as `400000***0002`.
    pub pan_masked: Option<String>,
    /// As the gateway writes it: `1` or `01`.
    pub expiry_month: Option<String>,
    /// Four digits.
    pub expiry_year: Option<String>,
    /// The scheme that the card belongs to.
    pub brand: Option<Open<CardBrand>>,
    /// When it was last changed.
    pub updated: Option<DateTime<Utc>>,
    /// Whether the customer asked for it to be saved.
    pub saved_by_customer: Option<bool>,
    /// The names of the fields that were there and could not be read.
    pub oddities: Vec<&'static str>,
}

/// What one of the gateway's terminals keeps for a customer (gateway contract, section 6.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalToken {
    /// What it is, such as `tokenType:APPLEPAY,lastDigits:1234`.
    pub key: Option<Secret>,
    /// The token itself.
    pub value: Secret,
    /// The names of the fields that were there and could not be read.
    pub oddities: Vec<&'static str>,
}

impl Answer for CardToken {
    fn read(json: &str) -> Option<Self> {
        let mut fields = Fields::read(json)?;
        Some(Self {
            token: fields.secret("id")?,
            cardholder_name: fields.text("cardholderName"),
            pan_masked: fields.text("panMasked"),
            expiry_month: fields.text("expiryMonth"),
            expiry_year: fields.text("expiryYear"),
            brand: fields.word("brand"),
            updated: fields.time("updated"),
            saved_by_customer: fields.flag("savedByCustomer"),
            oddities: fields.into_oddities(),
        })
    }
}

impl Answer for TerminalToken {
    fn read(json: &str) -> Option<Self> {
        let mut fields = Fields::read(json)?;
        Some(Self { value: fields.secret("value")?, key: fields.secret("key"), oddities: fields.into_oddities() })
    }
}

impl fmt::Debug for CardToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("CardToken")
            .field("brand", &self.brand)
            .field("updated", &self.updated)
            .field("oddities", &self.oddities)
            .finish_non_exhaustive()
    }
}
