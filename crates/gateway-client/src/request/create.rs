use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::card::CardJson;
use super::invalid::{Check, Flaw, InvalidRequest};
use super::{
    ApplePay, BillingAddress, Card, Class, Customer, GooglePay, Kind, Method, NewSubscription, PAYMENTS, Request, json,
};
use crate::vocabulary::{Open, PaymentMethod, PaymentType};
use crate::{GatewayId, Secret, amount};

/// The body of a creating POST (gateway contract, section 6.1).
///
/// It can be written as JSON and read back, so that the same bytes can be made again for a second
/// send; what is written holds personal data, and is to be stored encrypted only. The [`Instrument`]
/// is left out of it, since a card is never stored: what was read back pays with nothing. `Debug`
/// shows nothing personal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatePayment {
    /// What the payment does.
    pub payment_type: PaymentType,
    /// How it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<Open<PaymentMethod>>,
    /// In major units of `currency`: `11.12` is 11 euros and 12 cents.
    #[serde(default, with = "amount", skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
    /// An ISO 4217 code or a crypto symbol.
    pub currency: String,
    /// Our own reference. The gateway echoes it, and does not de-duplicate by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    /// The original deposit of a refund, or the first payment of a recurring chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_payment_id: Option<GatewayId>,
    /// Shown to the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who pays or is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// Where the customer is billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<BillingAddress>,
    /// Where the browser lands; may hold `{id}`, `{referenceId}`, `{state}`, `{type}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
    /// Where webhooks go; wins over the shop's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// Starts a recurring chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_recurring: Option<bool>,
    /// Continues a recurring chain: money moves without the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurring_token: Option<Secret>,
    /// Holds the money first, to be captured or voided later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_auth: Option<bool>,
    /// Charges that follow by themselves; only together with `start_recurring`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<NewSubscription>,
    /// What single providers ask for, such as `bankCode`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub additional_parameters: BTreeMap<String, String>,
    /// The name of a checkout theme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout_style: Option<String>,
    /// What is paid with, if the merchant has collected it. Without, the checkout page asks.
    #[serde(skip)]
    pub instrument: Option<Instrument>,
}

/// What a payment is paid with, or paid out to. It moves money by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Instrument {
    /// A card, or the token of one.
    Card(Card),
    /// What Google Pay gave the merchant's page.
    GooglePay(GooglePay),
    /// What Apple Pay gave the merchant's page.
    ApplePay(ApplePay),
}

/// What goes out: the order, and beside it what is never stored with it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateJson<'a> {
    #[serde(flatten)]
    order: &'a CreatePayment,
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<CardJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    google_pay: Option<&'a GooglePay>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apple_pay: Option<&'a ApplePay>,
}

/// `POST /api/v1/payments` (gateway contract, section 6.1). Its answer is for
/// [`classify_create`](crate::answer::classify_create).
pub fn create_payment(order: &CreatePayment, class: Class) -> Result<Request, InvalidRequest> {
    order.check()?;
    let kind = match class {
        Class::Inert if !order.moves_by_itself() => Kind::InertPost,
        Class::Inert | Class::Moving => Kind::MovingPost,
    };
    let body = json(&CreateJson::from(order));
    Ok(Request { method: Method::Post, path: PAYMENTS.to_owned(), body: Some(body), kind, traceparent: None })
}

impl CreatePayment {
    /// The two fields that the contract requires; all others are empty.
    pub fn new(payment_type: PaymentType, currency: impl Into<String>) -> Self {
        Self {
            payment_type,
            payment_method: None,
            amount: None,
            currency: currency.into(),
            reference_id: None,
            parent_payment_id: None,
            description: None,
            customer: None,
            billing_address: None,
            return_url: None,
            webhook_url: None,
            start_recurring: None,
            recurring_token: None,
            pre_auth: None,
            subscription: None,
            additional_parameters: BTreeMap::new(),
            checkout_style: None,
            instrument: None,
        }
    }

    /// Whether it moves money without the customer's doing, whatever the settings of a shop say
    /// (protocols, section 1).
    pub fn moves_by_itself(&self) -> bool {
        self.payment_type != PaymentType::Deposit
            || self.instrument.is_some()
            || self.recurring_token.is_some()
            || self.parent_payment_id.is_some()
    }

    fn check(&self) -> Result<(), InvalidRequest> {
        let mut check = Check::default();
        check.that(!self.currency.is_empty(), "currency", Flaw::Missing);
        // Nothing is an amount only where a card is checked without being charged.
        check.amount("amount", self.amount, self.pre_auth == Some(true));
        check.at_most([
            ("referenceId", &self.reference_id, 256),
            ("description", &self.description, 512),
            ("returnUrl", &self.return_url, 512),
            ("webhookUrl", &self.webhook_url, 512),
        ]);
        match &self.instrument {
            Some(Instrument::Card(card)) => card.check(&mut check),
            Some(Instrument::GooglePay(_) | Instrument::ApplePay(_)) | None => {}
        }
        if let Some(customer) = &self.customer {
            customer.check(&mut check);
        }
        if let Some(address) = &self.billing_address {
            address.check(&mut check);
        }
        if let Some(subscription) = &self.subscription {
            let starts = self.start_recurring == Some(true);
            check.that(starts, "subscription", Flaw::OnlyWith("startRecurring"));
            subscription.check(&mut check);
        }
        check.result()
    }
}

impl<'a> From<&'a CreatePayment> for CreateJson<'a> {
    fn from(order: &'a CreatePayment) -> Self {
        let mut json = Self { order, card: None, google_pay: None, apple_pay: None };
        match &order.instrument {
            Some(Instrument::Card(card)) => json.card = Some(card.into()),
            Some(Instrument::GooglePay(wallet)) => json.google_pay = Some(wallet),
            Some(Instrument::ApplePay(wallet)) => json.apple_pay = Some(wallet),
            None => {}
        }
        json
    }
}

impl fmt::Debug for CreatePayment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("CreatePayment")
            .field("payment_type", &self.payment_type)
            .field("payment_method", &self.payment_method)
            .field("amount", &self.amount)
            .field("currency", &self.currency)
            .field("reference_id", &self.reference_id)
            .field("parent_payment_id", &self.parent_payment_id)
            .finish_non_exhaustive()
    }
}
