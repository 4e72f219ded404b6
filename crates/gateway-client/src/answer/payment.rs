use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::envelope::body_text;
use super::fields::Fields;
use super::outcome::Answer;
use crate::vocabulary::{CardBrand, Open, PaymentMethod, PaymentState, PaymentType};
use crate::{GatewayId, Secret};

/// A payment as the gateway shows it (gateway contract, section 7): in answers, lists and webhooks.
///
/// Only the id is certain. Everything else may be missing, and a field that is there but cannot be
/// read is missing too, with its name in `oddities`. Amounts are exactly what was written, in major
/// units, and in no way checked. The customer and the address are not kept at all, and `Debug` shows
/// nothing personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Payment {
    /// The gateway's id.
    pub id: GatewayId,
    /// Our reference, echoed; webhooks may leave it out.
    pub reference_id: Option<String>,
    /// When the gateway created it.
    pub created: Option<DateTime<Utc>>,
    /// What it does.
    pub payment_type: Option<Open<PaymentType>>,
    /// Where it stands.
    pub state: Option<Open<PaymentState>>,
    /// The original of a refund, the first of a recurring chain, or the first attempt of a cascade.
    pub parent_payment_id: Option<GatewayId>,
    /// What the customer was told.
    pub description: Option<String>,
    /// How it is paid.
    pub payment_method: Option<Open<PaymentMethod>>,
    /// What the customer paid with.
    pub payment_method_details: Option<PaymentMethodDetails>,
    /// What went to the provider; may differ from what was requested.
    pub amount: Option<Decimal>,
    /// The currency of `amount`.
    pub currency: Option<String>,
    /// What was requested; promised only after a conversion.
    pub customer_amount: Option<Decimal>,
    /// The currency of `customer_amount`.
    pub customer_currency: Option<String>,
    /// The checkout page. Whoever holds it can act as the customer.
    pub redirect_url: Option<String>,
    /// `X.YY`, a text: `1.10` is not `1.1`.
    pub error_code: Option<String>,
    /// The text of `error_code`; its wording changes between versions.
    pub error_message: Option<String>,
    /// The provider's id.
    pub external_id: Option<String>,
    /// The provider's own result code, or the reason of a rejection.
    pub external_result_code: Option<String>,
    /// Which of the gateway's terminals processed it.
    pub terminal_name: Option<String>,
    /// Which shop it belongs to.
    pub shop_name: Option<String>,
    /// The provider's fee, if it reports one.
    pub external_fee_amount: Option<Decimal>,
    /// The currency of `external_fee_amount`.
    pub external_fee_currency: Option<String>,
    /// Whether the money is held first.
    pub pre_auth: Option<bool>,
    /// Whether it starts a recurring chain.
    pub start_recurring: Option<bool>,
    /// Continues the recurring chain.
    pub recurring_token: Option<Secret>,
    /// How to pay without the checkout page. The keys are the provider's.
    pub external_refs: BTreeMap<String, String>,
    /// What single providers asked for.
    pub additional_parameters: BTreeMap<String, String>,
    /// The names of the fields that were there and could not be read.
    pub oddities: Vec<&'static str>,
}

/// What the customer paid with (gateway contract, section 7). `Debug` shows the brand only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PaymentMethodDetails {
    /// An account number, or a masked card number.
    pub customer_account_number: Option<String>,
    /// Pays with the same card again.
    pub card_token: Option<Secret>,
    /// The name on the card.
    pub cardholder_name: Option<String>,
    /// Two digits.
    pub card_expiry_month: Option<String>,
    /// Four digits.
    pub card_expiry_year: Option<String>,
    /// The scheme that the card belongs to.
    pub card_brand: Option<Open<CardBrand>>,
    /// Two letters.
    pub card_issuing_country_code: Option<String>,
    /// The bank that issued the card.
    pub card_issuing_organization: Option<String>,
}

/// Why a webhook's body is not a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableBody {
    /// Not a JSON object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// An object without a usable `id`, so that nobody can say which payment it speaks of.
    #[error("the body has no readable payment id")]
    NoId,
}

/// Reads a webhook's body, which is the bare payment (gateway contract, section 9). Check its
/// signature first.
pub fn read_webhook(body: &[u8]) -> Result<Payment, UnreadableBody> {
    Payment::read(&body_text(body))
}

impl Payment {
    fn read(json: &str) -> Result<Self, UnreadableBody> {
        let mut fields = Fields::read(json).ok_or(UnreadableBody::NotAnObject)?;
        let id = fields.id("id").ok_or(UnreadableBody::NoId)?;
        let mut payment = Self {
            id,
            reference_id: fields.text("referenceId"),
            created: fields.time("created"),
            payment_type: fields.word("paymentType"),
            state: fields.word("state"),
            parent_payment_id: fields.id("parentPaymentId"),
            description: fields.text("description"),
            payment_method: fields.word("paymentMethod"),
            payment_method_details: PaymentMethodDetails::read(&mut fields),
            amount: fields.amount("amount"),
            currency: fields.text("currency"),
            customer_amount: fields.amount("customerAmount"),
            customer_currency: fields.text("customerCurrency"),
            redirect_url: fields.text("redirectUrl"),
            error_code: fields.text("errorCode"),
            error_message: fields.text("errorMessage"),
            external_id: fields.text("externalId"),
            external_result_code: fields.text("externalResultCode"),
            terminal_name: fields.text("terminalName"),
            shop_name: fields.text("shopName"),
            external_fee_amount: fields.amount("externalFeeAmount"),
            external_fee_currency: fields.text("externalFeeCurrency"),
            pre_auth: fields.flag("preAuth"),
            start_recurring: fields.flag("startRecurring"),
            recurring_token: fields.secret("recurringToken"),
            external_refs: fields.map("externalRefs"),
            additional_parameters: fields.map("additionalParameters"),
            oddities: Vec::new(),
        };
        payment.oddities = fields.into_oddities();
        Ok(payment)
    }
}

impl Answer for Payment {
    fn read(json: &str) -> Option<Self> {
        Self::read(json).ok()
    }
}

impl PaymentMethodDetails {
    fn read(payment: &mut Fields<'_>) -> Option<Self> {
        payment.part("paymentMethodDetails", |fields| Self {
            customer_account_number: fields.text("customerAccountNumber"),
            card_token: fields.secret("cardToken"),
            cardholder_name: fields.text("cardholderName"),
            card_expiry_month: fields.text("cardExpiryMonth"),
            card_expiry_year: fields.text("cardExpiryYear"),
            card_brand: fields.word("cardBrand"),
            card_issuing_country_code: fields.text("cardIssuingCountryCode"),
            card_issuing_organization: fields.text("cardIssuingOrganization"),
        })
    }
}

impl fmt::Debug for Payment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Payment")
            .field("id", &self.id)
            .field("reference_id", &self.reference_id)
            .field("created", &self.created)
            .field("payment_type", &self.payment_type)
            .field("state", &self.state)
            .field("parent_payment_id", &self.parent_payment_id)
            .field("payment_method", &self.payment_method)
            .field("amount", &self.amount)
            .field("currency", &self.currency)
            .field("customer_amount", &self.customer_amount)
            .field("customer_currency", &self.customer_currency)
            .field("error_code", &self.error_code)
            .field("oddities", &self.oddities)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PaymentMethodDetails {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PaymentMethodDetails").field("card_brand", &self.card_brand).finish_non_exhaustive()
    }
}
