//! What is saved of a customer's cards (gateway contract, sections 6.11 and 6.12).

use std::collections::BTreeMap;

use serde::Serialize;
use url::form_urlencoded;

use super::Engine;
use crate::contract::stamp::EnvelopeStamp;
use crate::envelope::{self, Refusal};
use crate::exchange::Response;
use crate::field::FieldError;
use crate::payment::{Payment, PaymentState};

impl Engine {
    /// The cards that a customer has paid with; none for a customer whom nobody knows.
    pub(super) fn card_tokens(&self, refusal: &Refusal<'_>, shop: usize, customer: &str, query: &str) -> Response {
        let wanted = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "savedByCustomer.eq");
        let wanted = match wanted.as_ref().map(|(_, value)| value.as_ref()) {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(other) => {
                let error = FieldError::mismatch_in_query("savedByCustomer.eq", "boolean", other);
                return refusal.validation("cardTokenRequest", &[error]);
            }
        };
        // Whoever pays here saves the card.
        let cards = self.saved_cards(shop, customer);
        let views: Vec<_> =
            cards.values().filter(|_| wanted != Some(false)).filter_map(|it| CardView::of(it)).collect();
        envelope::success(refusal.now, views)
    }

    /// The same cards, as a terminal would name them; every terminal knows them.
    pub(super) fn terminal_tokens(&self, refusal: &Refusal<'_>, shop: usize, customer: &str) -> Response {
        let views: Vec<_> =
            self.saved_cards(shop, customer).values().filter_map(|payment| TerminalView::of(payment)).collect();
        envelope::success(refusal.now, views)
    }

    /// By masked number, each with the first payment that was made with it: that one's id is the token.
    fn saved_cards(&self, shop: usize, customer: &str) -> BTreeMap<&str, &Payment> {
        let mut cards = BTreeMap::new();
        for payment in self.ledger.payments() {
            let paid = matches!(payment.state(), PaymentState::Completed | PaymentState::Authorized);
            let (true, Some(card)) = (paid && payment.shop == shop, &payment.card) else { continue };
            if payment.order.customer_reference().as_deref() == Some(customer) {
                cards.entry(card.masked_number.as_str()).or_insert(payment);
            }
        }
        cards
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CardView<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cardholder_name: Option<&'a str>,
    pan_masked: &'a str,
    /// Without a leading zero, as in the contract's sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_month: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_year: Option<&'a str>,
    brand: &'a str,
    updated: EnvelopeStamp,
    saved_by_customer: bool,
}

impl<'a> CardView<'a> {
    fn of(payment: &'a Payment) -> Option<Self> {
        let card = payment.card.as_ref()?;
        Some(Self {
            id: payment.id.to_string(),
            cardholder_name: card.holder_name.as_deref(),
            pan_masked: &card.masked_number,
            expiry_month: card.expiry_month.as_deref().map(|month| month.trim_start_matches('0')),
            expiry_year: card.expiry_year.as_deref(),
            brand: &card.brand,
            updated: EnvelopeStamp(payment.updated),
            saved_by_customer: true,
        })
    }
}

#[derive(Serialize)]
struct TerminalView {
    key: String,
    value: String,
}

impl TerminalView {
    fn of(payment: &Payment) -> Option<Self> {
        let (_, last_digits) = payment.card.as_ref()?.masked_number.split_once("***")?;
        let key = format!("tokenType:CARD,lastDigits:{last_digits}");
        Some(Self { key, value: payment.id.to_string() })
    }
}
