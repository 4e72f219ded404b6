//! The one place where the gateway's words become ours, and ours the gateway's.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

use async_trait::async_trait;
use domain::{
    BillingAddress, Browser, Card, CardSource, Currency, Customer, GatewayPaymentId, Instrument, Money, Order,
    PaymentError, PaymentType, RetryStrategy, SeenState, ShopName, Sighting, Subscription, Text, Time,
};
use gateway_client::answer::{FieldError, NotSentReason, Payment, Received, Refusal};
use gateway_client::client::Client;
use gateway_client::request::{self, CreatePayment, InvalidRequest, PatchPayment, Request};
use gateway_client::vocabulary::Open;
use gateway_client::{GatewayId, answer, vocabulary};
use rust_decimal::Decimal;

use crate::vault::mask_card_numbers;

/// Carries one request to the gateway and brings what came back. The HTTP client does it in production; in the
/// simulation the simulator's engine does.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Sends `request` with the key of `shop`. A shop without a key is "not sent".
    async fn exchange(&self, shop: &ShopName, request: Request) -> Received;

    /// The same about a payment of ours, for whoever follows what happens to it.
    async fn exchange_about(&self, payment: &domain::Payment, request: Request) -> Received {
        self.exchange(&payment.opening.shop, request).await
    }
}

/// One HTTP client per shop, since the key implies the shop (gateway contract, section 1).
pub struct HttpGateway {
    clients: BTreeMap<ShopName, Client>,
}

impl HttpGateway {
    /// From the clients of all configured shops.
    pub fn new(clients: BTreeMap<ShopName, Client>) -> Self {
        Self { clients }
    }
}

#[async_trait]
impl Gateway for HttpGateway {
    async fn exchange(&self, shop: &ShopName, request: Request) -> Received {
        match self.clients.get(shop) {
            Some(client) => client.send(request).await,
            None => Err(answer::Failure::NotSent(NotSentReason::Unbuildable)),
        }
    }
}

/// The order in the gateway's words. Whose payment it belongs to is told by the gateway's own id, which an order does not
/// know. An error is about what only the gateway's client can check: what a wallet gave.
pub(crate) fn create_payment(
    order: &Order,
    parent: Option<&GatewayPaymentId>,
    webhook_url: Option<String>,
) -> Result<CreatePayment, InvalidRequest> {
    let instrument = order.instrument.as_deref().map(instrument).transpose()?;
    Ok(CreatePayment {
        instrument,
        parent_payment_id: parent.and_then(gateway_id),
        webhook_url,
        ..without_means(order)
    })
}

/// The same without what only the order of the moment knows: what it is paid with, and whom it belongs to.
pub(crate) fn without_means(order: &Order) -> CreatePayment {
    let payment_type = match order.payment_type {
        PaymentType::Deposit => vocabulary::PaymentType::Deposit,
        PaymentType::Withdrawal => vocabulary::PaymentType::Withdrawal,
        PaymentType::Refund => vocabulary::PaymentType::Refund,
    };
    let text = |text: &str| Some(text.to_owned());
    CreatePayment {
        payment_method: order.payment_method.as_ref().map(|method| method.as_str().into()),
        amount: Some(order.money.amount()),
        reference_id: text(order.reference_id.as_str()),
        description: order.description.as_ref().and_then(|description| text(description.as_str())),
        customer: order.customer.as_deref().map(customer),
        billing_address: order.billing_address.as_deref().map(billing_address),
        return_url: order.return_url.as_ref().and_then(|url| text(url.as_str())),
        start_recurring: order.start_recurring.then_some(true),
        recurring_token: order.recurring_token.as_ref().map(|token| token.expose().into()),
        pre_auth: order.pre_auth.then_some(true),
        subscription: order.subscription.as_deref().map(subscription),
        additional_parameters: order
            .additional_parameters
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_str().to_owned()))
            .collect(),
        checkout_style: order.checkout_style.as_ref().and_then(|style| text(style.as_str())),
        ..CreatePayment::new(payment_type, order.money.currency().as_str())
    }
}

/// What starts a host-to-host deposit (gateway contract, section 6.4).
pub(crate) fn patch_payment(customer_ip: IpAddr, browser: Option<&Browser>) -> PatchPayment {
    let Some(browser) = browser else { return PatchPayment::new(customer_ip) };
    PatchPayment {
        customer_ip,
        ip_country_code: browser.ip_country_code.map(|code| code.as_str().to_owned()),
        customer_user_agent: browser.customer_user_agent.as_ref().map(|text| text.expose().to_owned()),
        browser_window_width: browser.browser_window_width,
        browser_window_height: browser.browser_window_height,
        browser_screen_width: browser.browser_screen_width,
        browser_screen_height: browser.browser_screen_height,
        browser_screen_color_depth: browser.browser_screen_color_depth,
        browser_language: browser.browser_language.as_ref().map(|text| text.expose().to_owned()),
        browser_java_enabled: browser.browser_java_enabled,
        browser_timezone_offset: browser.browser_timezone_offset,
    }
}

fn instrument(instrument: &Instrument) -> Result<request::Instrument, InvalidRequest> {
    Ok(match instrument {
        Instrument::Card(card) => request::Instrument::Card(self::card(card)),
        Instrument::GooglePay(data) => request::Instrument::GooglePay(request::GooglePay::new(data.expose())?),
        Instrument::ApplePay(data) => request::Instrument::ApplePay(request::ApplePay::new(data.expose())?),
    })
}

fn card(card: &Card) -> request::Card {
    let source = match &card.source {
        CardSource::Number(number) => request::CardSource::Number(number.expose().into()),
        CardSource::Token(token) => request::CardSource::Token(token.expose().into()),
    };
    request::Card {
        cardholder_name: card.holder_name.as_ref().map(|name| name.expose().into()),
        security_code: card.security_code.as_ref().map(|code| code.expose().into()),
        // Both know the same months and years.
        expiry: card.expiry.as_ref().and_then(|expiry| request::Expiry::new(expiry.month(), expiry.year()).ok()),
        ..request::Card::new(source)
    }
}

fn subscription(subscription: &Subscription) -> request::NewSubscription {
    request::NewSubscription {
        frequency: subscription.frequency,
        frequency_unit: word(subscription.frequency_unit.as_ref()),
        amount: subscription.money.map(|money| money.amount()),
        start_time: subscription.start_time.map(Time::utc),
        number_of_cycles: subscription.number_of_cycles,
        description: subscription.description.as_ref().map(|description| description.as_str().to_owned()),
        retry_strategy: subscription.retry_strategy.as_ref().map(retry_strategy),
    }
}

fn retry_strategy(retry: &RetryStrategy) -> request::RetryStrategy {
    request::RetryStrategy {
        frequency: retry.frequency,
        number_of_cycles: retry.number_of_cycles,
        frequency_unit: word(retry.frequency_unit.as_ref()),
        amount_adjustments: retry.amount_adjustments.clone(),
    }
}

fn word<Word: FromStr, const MAX: usize>(text: Option<&Text<MAX>>) -> Option<Open<Word>> {
    text.map(|text| Open::from(text.as_str()))
}

fn customer(customer: &Customer) -> request::Customer {
    fn text<const MAX: usize>(text: Option<&domain::PersonalText<MAX>>) -> Option<String> {
        text.map(|text| text.expose().to_owned())
    }
    let count = |count: Option<u64>| count.and_then(|count| i64::try_from(count).ok());
    request::Customer {
        reference_id: text(customer.reference_id.as_ref()),
        citizenship_country_code: customer.citizenship_country_code.map(|code| code.as_str().to_owned()),
        first_name: text(customer.first_name.as_ref()),
        last_name: text(customer.last_name.as_ref()),
        date_of_birth: customer.date_of_birth.map(|date| date.to_string()),
        email: customer.email.as_ref().map(|email| email.expose().to_owned()),
        phone: customer.phone.as_ref().map(|phone| phone.expose().to_owned()),
        locale: customer.locale.as_ref().map(|locale| locale.as_str().to_owned()),
        account_number: text(customer.account_number.as_ref()),
        account_name: text(customer.account_name.as_ref()),
        account_type: text(customer.account_type.as_ref()).map(Open::from),
        bank: text(customer.bank.as_ref()),
        bank_code: text(customer.bank_code.as_ref()),
        bank_branch: text(customer.bank_branch.as_ref()),
        bank_branch_code: text(customer.bank_branch_code.as_ref()),
        document_type: text(customer.document_type.as_ref()).map(Open::from),
        document_number: text(customer.document_number.as_ref()),
        routing_group: text(customer.routing_group.as_ref()),
        kyc_status: customer.kyc_status,
        payment_instrument_kyc_status: customer.payment_instrument_kyc_status,
        date_of_first_deposit: customer.date_of_first_deposit.map(|date| date.to_string()),
        deposits_amount: count(customer.deposits_amount),
        withdrawals_amount: count(customer.withdrawals_amount),
        deposits_cnt: count(customer.deposits_count),
        withdrawals_cnt: count(customer.withdrawals_count),
        ip: customer.ip.map(|ip| ip.to_string()),
    }
}

fn billing_address(address: &BillingAddress) -> request::BillingAddress {
    fn text<const MAX: usize>(text: Option<&domain::PersonalText<MAX>>) -> Option<String> {
        text.map(|text| text.expose().to_owned())
    }
    request::BillingAddress {
        address_line1: text(address.address_line1.as_ref()),
        address_line2: text(address.address_line2.as_ref()),
        city: text(address.city.as_ref()),
        country_code: address.country_code.map(|code| code.as_str().to_owned()),
        postal_code: text(address.postal_code.as_ref()),
        state: text(address.state.as_ref()),
    }
}

/// Our name for the gateway's id; the two have the same form, so nothing is lost.
pub(crate) fn gateway_id(id: &GatewayPaymentId) -> Option<GatewayId> {
    id.as_str().parse().ok()
}

/// A gateway payment in our words. `None` if its id has no form that an id can have, which the reader of the bytes
/// has refused before.
pub(crate) fn sighting(payment: &Payment) -> Option<Sighting> {
    let state = match &payment.state {
        Some(state) => {
            state.as_str().parse().map_or_else(|_| SeenState::Unknown(state.as_str().to_owned()), SeenState::Known)
        }
        None => SeenState::Unknown(String::new()),
    };
    let error = payment.error_code.as_ref().map(|code| PaymentError {
        code: code.clone(),
        message: payment.error_message.as_deref().map(without_card_numbers),
        external_result_code: payment.external_result_code.as_deref().map(without_card_numbers),
        fields: Vec::new(),
    });
    Some(Sighting {
        id: payment.id.as_str().parse().ok()?,
        state,
        reference_id: payment.reference_id.clone(),
        payment_type: payment.payment_type.as_ref().map(|payment_type| payment_type.as_str().to_owned()),
        parent: payment.parent_payment_id.as_ref().and_then(|id| id.as_str().parse().ok()),
        money: money(payment.amount, payment.currency.as_deref()),
        customer_money: money(payment.customer_amount, payment.customer_currency.as_deref()),
        fee: money(payment.external_fee_amount, payment.external_fee_currency.as_deref()),
        payment_method: payment.payment_method.as_ref().and_then(|method| method.as_str().parse().ok()),
        error,
        created: payment.created.map(Time::new),
        redirect_url: payment.redirect_url.clone(),
        external_refs: payment.external_refs.clone(),
    })
}

/// An amount that is out of the contract's bounds, or has no currency, is no amount: it is not booked.
fn money(amount: Option<Decimal>, currency: Option<&str>) -> Option<Money> {
    let currency: Currency = currency?.parse().ok()?;
    Money::evidenced(amount?, currency).ok()
}

/// A refusal in our words: the gateway's field names are ours.
pub(crate) fn rejection(refusal: &Refusal) -> domain::Rejection {
    domain::Rejection {
        message: refusal
            .message
            .as_deref()
            .map_or_else(|| "the gateway refused the request".to_owned(), without_card_numbers),
        fields: refusal.errors.iter().map(field_error).collect(),
    }
}

/// The same without words that may repeat a secret: a card's code or a wallet's token cannot be told from other words, so
/// where one was sent, the gateway's own words are kept for fields only that hold none (protocols, invariant I12).
pub(crate) fn discreet(refusal: Refusal) -> Refusal {
    const SECRET: [&str; 4] = ["card", "googlePay", "applePay", "recurringToken"];
    let holds_a_secret = |field: &Option<String>| {
        field.as_ref().is_none_or(|field| SECRET.iter().any(|secret| field.starts_with(secret)))
    };
    let guarded = |error: FieldError| {
        if holds_a_secret(&error.field) {
            return FieldError { message: Some("is not what the gateway takes".to_owned()), code: None, ..error };
        }
        error
    };
    let errors = refusal.errors.into_iter().map(guarded);
    Refusal { status: refusal.status, message: None, errors: errors.collect() }
}

/// A refusal that was not even asked for: the request breaks the gateway's own limits.
pub(crate) fn invalid(request: &InvalidRequest) -> domain::Rejection {
    domain::Rejection {
        message: "the gateway would refuse the request".to_owned(),
        fields: request.fields.iter().map(|field| (field.field.to_owned(), field.flaw.to_string())).collect(),
    }
}

fn field_error(error: &FieldError) -> (String, String) {
    // A failed conversion repeats the value in its message, and the value may be about a person.
    let converts = error.code.as_deref().is_some_and(|code| code.starts_with("typeMismatch"));
    let message = if converts {
        "has the wrong type".to_owned()
    } else {
        error.message.as_deref().map(without_card_numbers).unwrap_or_default()
    };
    (error.field.clone().unwrap_or_default(), message)
}

/// Words of the gateway or of a provider, made for people: nobody promises that they repeat no card number, and they
/// are stored and shown (protocols, invariant I12).
fn without_card_numbers(words: &str) -> String {
    String::from_utf8_lossy(&mask_card_numbers(words.as_bytes())).into_owned()
}
