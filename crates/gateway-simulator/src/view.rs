//! A payment as the merchant reads it (gateway contract, section 7).

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::contract::{amount::Amount, card::CardTrace, error_code::ErrorCode, stamp::PlainStamp};
use crate::payment::{Payment, PaymentId, PaymentState, Settled, Standing};

/// What surrounds a payment.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// What `redirectUrl` starts with.
    pub(crate) checkout_url: &'a str,
    pub(crate) shop_name: &'a str,
}

/// Every field that some reader sees, in the order of the contract; the constructors leave out what theirs does not.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentView<'a> {
    id: Option<PaymentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<PlainStamp>,
    payment_type: Option<&'static str>,
    state: Option<PaymentState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_payment_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_method_details: Option<CardView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Amount>,
    currency: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_currency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_result_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_address: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_recurring: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pre_auth: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recurring_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shop_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    terminal_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_parameters: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_refs: Option<Instructions>,
}

impl<'a> PaymentView<'a> {
    /// The specification's sample of an answer to a creation, field by field (section 6.1.6).
    pub(crate) fn sparse_creation(payment: &'a Payment, around: Surroundings<'_>) -> Self {
        let order = &payment.order;
        Self {
            id: Some(payment.id),
            payment_type: Some(order.payment_type.name()),
            state: Some(payment.state()),
            parent_payment_id: order.parent_payment_id.as_deref(),
            currency: &order.currency,
            redirect_url: redirect_url(payment, around),
            ..Self::default()
        }
    }

    /// The answer to a creation (section 15).
    pub(crate) fn creation(payment: &'a Payment, around: Surroundings<'_>) -> Self {
        let order = &payment.order;
        Self {
            reference_id: payment.reference_id(),
            created: Some(PlainStamp(payment.created)),
            description: order.description.as_deref(),
            payment_method: order.payment_method.as_deref(),
            amount: order.amount,
            ..Self::sparse_creation(payment, around)
        }
    }

    /// `Payment`, an item of a list.
    pub(crate) fn item(payment: &'a Payment, around: Surroundings<'a>) -> Self {
        let order = &payment.order;
        let (amount, currency) = payment.money();
        let exchanged = matches!(payment.settled, Some(Settled::Exchanged { .. }));
        let submitted = !matches!(payment.standing, Standing::Checkout { .. } | Standing::AwaitingApproval);
        Self {
            payment_method_details: payment.card.as_ref().map(CardView::new),
            amount,
            currency,
            customer_amount: order.amount.filter(|_| exchanged),
            customer_currency: exchanged.then_some(order.currency.as_str()),
            error_code: payment.error_code().map(ErrorCode::code),
            error_message: payment.error_code().map(ErrorCode::text),
            external_result_code: payment.external_result_code.as_deref(),
            customer: order.customer.as_deref(),
            billing_address: order.billing_address.as_deref(),
            start_recurring: order.start_recurring,
            pre_auth: order.pre_auth,
            recurring_token: payment.recurring_token(),
            shop_name: Some(around.shop_name),
            terminal_name: submitted.then_some("simulator"),
            ..Self::creation(payment, around)
        }
    }

    /// `PaymentResult`: a single read, the answer to an action, the body of a webhook.
    pub(crate) fn single(payment: &'a Payment, around: Surroundings<'a>) -> Self {
        let order = &payment.order;
        let submitted = !matches!(payment.standing, Standing::Checkout { .. } | Standing::AwaitingApproval);
        Self {
            external_id: submitted.then(|| external_id(payment.id)),
            customer: order.customer_reduced.as_deref(),
            additional_parameters: order.additional_parameters.as_deref(),
            external_refs: payment.has_instructions.then(|| Instructions::of(payment)),
            ..Self::item(payment, around)
        }
    }

    /// What the merchant is told of a chargeback (section 15): a payment of its own under the deposit.
    pub(crate) fn chargeback(
        id: PaymentId,
        deposit: &'a Payment,
        deposit_id: &'a str,
        state: PaymentState,
        now: DateTime<Utc>,
    ) -> Self {
        let (amount, currency) = deposit.money();
        Self {
            id: Some(id),
            created: Some(PlainStamp(now)),
            payment_type: Some("CHARGEBACK"),
            state: Some(state),
            parent_payment_id: Some(deposit_id),
            payment_method: deposit.order.payment_method.as_deref(),
            amount,
            currency,
            ..Self::default()
        }
    }

    pub(crate) fn without_reference(self) -> Self {
        Self { reference_id: None, ..self }
    }
}

/// Only a deposit whose page is open has an address to go to.
fn redirect_url(payment: &Payment, around: Surroundings<'_>) -> Option<String> {
    matches!(payment.standing, Standing::Checkout { .. }).then(|| format!("{}/{}", around.checkout_url, payment.id))
}

/// The provider's name for a payment: any text will do, as long as it stays the same.
fn external_id(id: PaymentId) -> String {
    let mut text = id.to_string();
    text.truncate(12);
    format!("sim_{text}")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CardView<'a> {
    customer_account_number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cardholder_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_expiry_month: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_expiry_year: Option<&'a str>,
    card_brand: &'a str,
}

impl<'a> CardView<'a> {
    fn new(card: &'a CardTrace) -> Self {
        Self {
            customer_account_number: &card.masked_number,
            cardholder_name: card.holder_name.as_deref(),
            card_expiry_month: card.expiry_month.as_deref(),
            card_expiry_year: card.expiry_year.as_deref(),
            card_brand: &card.brand,
        }
    }
}

/// What a payer without a page is told (section 6.4). The keys are the provider's own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Instructions {
    qr_code: String,
    tx_id: String,
}

impl Instructions {
    fn of(payment: &Payment) -> Self {
        Self { qr_code: format!("simulated-qr:{}", payment.id), tx_id: external_id(payment.id) }
    }
}
