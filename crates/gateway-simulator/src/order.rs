//! The body of POST payments: the contract's table of fields, and what a payment keeps of them.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::contract::{
    amount::Amount, card::CardTrace, document_types::DOCUMENT_TYPES, payment_methods::PAYMENT_METHODS,
};
use crate::field::{self, Field, FieldError, Rule};
use crate::json_object::JsonObject;
use crate::order_field::OrderField;
use crate::payment::PaymentType;
use crate::switches::UnknownFields;

/// What the merchant asked for. Card data is not part of it: see [`CardTrace`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    pub(crate) payment_type: PaymentType,
    pub(crate) currency: String,
    pub(crate) amount: Option<Amount>,
    pub(crate) reference_id: Option<String>,
    pub(crate) payment_method: Option<String>,
    pub(crate) parent_payment_id: Option<String>,
    pub(crate) description: Option<String>,
    /// As lists show it (section 6.1.1).
    pub(crate) customer: Option<Box<RawValue>>,
    /// As everything else shows it.
    pub(crate) customer_reduced: Option<Box<RawValue>>,
    pub(crate) billing_address: Option<Box<RawValue>>,
    pub(crate) additional_parameters: Option<Box<RawValue>>,
    pub(crate) return_url: Option<String>,
    pub(crate) webhook_url: Option<String>,
    pub(crate) start_recurring: Option<bool>,
    pub(crate) recurring_token: Option<String>,
    pub(crate) pre_auth: Option<bool>,
    #[serde(default)]
    pub(crate) subscription: Option<Box<RawValue>>,
}

/// What a shop says about orders beyond the contract.
pub(crate) struct Strictness {
    pub(crate) unknown_fields: UnknownFields,
    pub(crate) required_for_deposits: Vec<OrderField>,
}

impl Order {
    /// Reads a body against the contract, section 6.1, and against what the shop asks for beyond it; the card that came with it is handed out beside.
    pub(crate) fn read(
        body: &JsonObject<'_>,
        strictness: &Strictness,
    ) -> Result<(Self, Option<CardTrace>), Vec<FieldError>> {
        let mut errors = field::check(body, ORDER, strictness.unknown_fields);
        let amount = body.get("amount").and_then(|raw| Amount::from_json_number(raw.get()).ok());
        errors.extend(check_across_fields(body, amount));
        errors.extend(missing_fields(body, &strictness.required_for_deposits));
        if !errors.is_empty() {
            return Err(errors);
        }
        let text = |name| body.text(name).map(std::borrow::Cow::into_owned);
        let flag = |name| body.get(name).map(|raw| raw.get() == "true");
        let nested = |name| body.get(name).and_then(|raw| serde_json::from_str::<JsonObject<'_>>(raw.get()).ok());
        let payment_type = text("paymentType").and_then(|name| PaymentType::named(&name));
        let (Some(payment_type), Some(currency)) = (payment_type, text("currency")) else {
            return Err(Vec::new()); // both are required by the table, so this cannot be reached
        };
        let customer = nested("customer");
        let order = Self {
            payment_type,
            currency,
            amount,
            reference_id: text("referenceId"),
            payment_method: text("paymentMethod"),
            parent_payment_id: text("parentPaymentId"),
            description: text("description"),
            customer: customer.as_ref().and_then(|it| it.picked(names(CUSTOMER))),
            customer_reduced: customer
                .as_ref()
                .and_then(|it| it.picked(names(CUSTOMER).filter(|name| !CUSTOMER_IN_LISTS_ONLY.contains(name)))),
            billing_address: nested("billingAddress").and_then(|it| it.picked(names(BILLING_ADDRESS))),
            additional_parameters: body.get("additionalParameters").map(ToOwned::to_owned),
            return_url: text("returnUrl"),
            webhook_url: text("webhookUrl"),
            start_recurring: flag("startRecurring"),
            recurring_token: text("recurringToken"),
            pre_auth: flag("preAuth"),
            subscription: body.get("subscription").map(ToOwned::to_owned),
        };
        Ok((order, nested("card").map(|card| card_of(&card))))
    }

    /// The merchant's name for the customer.
    pub(crate) fn customer_reference(&self) -> Option<String> {
        let customer: JsonObject<'_> = serde_json::from_str(self.customer.as_ref()?.get()).ok()?;
        customer.text("referenceId").map(std::borrow::Cow::into_owned)
    }

    pub(crate) fn is_pre_auth(&self) -> bool {
        self.pre_auth == Some(true)
    }
}

/// What one field alone cannot tell.
fn check_across_fields(body: &JsonObject<'_>, amount: Option<Amount>) -> Option<FieldError> {
    let of_type = |name| body.text("paymentType").as_deref() == Some(name);
    let pre_auth = body.get("preAuth").is_some_and(|raw| raw.get() == "true");
    let smallest = Decimal::new(1, 5);
    match amount {
        Some(amount) if amount.value() < smallest && !(amount.value() == Decimal::ZERO && pre_auth) => (amount.value()
            >= Decimal::ZERO)
            .then(|| FieldError::new("DecimalMin", "amount".to_owned(), "must be greater than or equal to 0.00001")),
        None if body.get("amount").is_none() && (of_type("WITHDRAWAL") || of_type("REFUND")) => {
            Some(FieldError::new("NotNull", "amount".to_owned(), "must not be null"))
        }
        _ if body.get("subscription").is_some() && body.get("startRecurring").is_none_or(|raw| raw.get() != "true") => {
            let message = "goes only with startRecurring";
            Some(FieldError::new("AssertTrue", "subscription".to_owned(), message))
        }
        _ if of_type("REFUND") && body.get("parentPaymentId").is_none() => {
            Some(FieldError::new("NotNull", "parentPaymentId".to_owned(), "must not be null"))
        }
        _ => None,
    }
}

/// What the shop asks for, of deposits only.
fn missing_fields(body: &JsonObject<'_>, required: &[OrderField]) -> Vec<FieldError> {
    let is_deposit = body.text("paymentType").as_deref() == Some(PaymentType::Deposit.name());
    let missing = required.iter().filter(|field| is_deposit && field.is_missing_in(body));
    missing.map(|field| FieldError::new("NotBlank", field.name().to_owned(), "must not be blank")).collect()
}

fn card_of(card: &JsonObject<'_>) -> CardTrace {
    let text = |name| card.text(name).map(std::borrow::Cow::into_owned);
    let trace = match card.text("cardNumber") {
        Some(number) => CardTrace::of_number(&number),
        None => CardTrace::of_token(),
    };
    CardTrace {
        holder_name: text("cardholderName"),
        expiry_month: text("expiryMonth"),
        expiry_year: text("expiryYear"),
        ..trace
    }
}

fn names(fields: &'static [Field]) -> impl Iterator<Item = &'static str> {
    fields.iter().map(|field| field.name)
}

/// Section 6.1.
pub(crate) const ORDER: &[Field] = &[
    Field::required("paymentType", Rule::OneOf(PaymentType::NAMES)),
    Field::required("currency", Rule::Text { min: 3, max: 16 }),
    Field::optional("amount", Rule::Amount),
    Field::text("referenceId", 256),
    Field::optional("paymentMethod", Rule::OneOf(PAYMENT_METHODS)),
    Field::text("parentPaymentId", 32),
    Field::text("description", 512),
    Field::optional("card", Rule::Object(CARD)),
    Field::optional("googlePay", Rule::Opaque),
    Field::optional("applePay", Rule::Opaque),
    Field::optional("customer", Rule::Object(CUSTOMER)),
    Field::optional("billingAddress", Rule::Object(BILLING_ADDRESS)),
    Field::text("returnUrl", 512),
    Field::text("webhookUrl", 512),
    Field::optional("startRecurring", Rule::Flag),
    Field::text("recurringToken", 512),
    Field::optional("preAuth", Rule::Flag),
    Field::optional("subscription", Rule::Object(SUBSCRIPTION)),
    Field::optional("additionalParameters", Rule::TextMap),
    Field::text("checkoutStyle", 512),
];

/// Section 6.1.4.
const SUBSCRIPTION: &[Field] = &[
    Field::required("frequency", Rule::Whole { min: 1 }),
    Field::optional("frequencyUnit", FREQUENCY_UNIT),
    Field::optional("amount", Rule::Amount),
    Field::text("startTime", 32),
    Field::optional("numberOfCycles", Rule::Whole { min: 1 }),
    Field::text("description", 512),
    Field::optional("retryStrategy", Rule::Object(RETRY_STRATEGY)),
];

const RETRY_STRATEGY: &[Field] = &[
    Field::required("frequency", Rule::Whole { min: 1 }),
    Field::required("numberOfCycles", Rule::Whole { min: 1 }),
    Field::optional("frequencyUnit", FREQUENCY_UNIT),
    Field::optional("amountAdjustments", Rule::Opaque),
];

const FREQUENCY_UNIT: Rule = Rule::OneOf(&["DAY", "MINUTE", "MONTH", "WEEK"]);

/// Section 6.1.1.
const CUSTOMER: &[Field] = &[
    Field::text("referenceId", 128),
    Field::exactly("citizenshipCountryCode", 2),
    Field::text("firstName", 128),
    Field::text("lastName", 128),
    Field::exactly("dateOfBirth", 10),
    Field::optional("email", Rule::Email { max: 256 }),
    Field::text("phone", 18),
    Field::exactly("locale", 2),
    Field::text("accountNumber", 256),
    Field::text("accountName", 64),
    Field::optional("accountType", Rule::OneOf(&["CHECKING", "SAVINGS"])),
    Field::text("bank", 64),
    Field::text("bankCode", 64),
    Field::text("bankBranch", 64),
    Field::text("bankBranchCode", 64),
    Field::optional("documentType", Rule::OneOf(DOCUMENT_TYPES)),
    Field::text("documentNumber", 64),
    Field::text("routingGroup", 64),
    Field::optional("kycStatus", Rule::Flag),
    Field::optional("paymentInstrumentKycStatus", Rule::Flag),
    Field::exactly("dateOfFirstDeposit", 10),
    Field::optional("depositsAmount", Rule::Whole { min: i64::MIN }),
    Field::optional("withdrawalsAmount", Rule::Whole { min: i64::MIN }),
    Field::optional("depositsCnt", Rule::Whole { min: i64::MIN }),
    Field::optional("withdrawalsCnt", Rule::Whole { min: i64::MIN }),
    Field::text("ip", 39),
];

/// Section 6.1.1, last two columns: a list item carries them, a single payment does not.
const CUSTOMER_IN_LISTS_ONLY: [&str; 5] =
    ["accountNumber", "depositsAmount", "withdrawalsAmount", "depositsCnt", "withdrawalsCnt"];

/// Section 6.1.2.
const BILLING_ADDRESS: &[Field] = &[
    Field::text("addressLine1", 300),
    Field::text("addressLine2", 300),
    Field::text("city", 50),
    Field::optional("countryCode", Rule::CountryCode),
    Field::text("postalCode", 12),
    Field::text("state", 40),
];

/// Section 6.1.3.
const CARD: &[Field] = &[
    Field::text("cardNumber", 23),
    Field::text("cardToken", 32),
    Field::text("cardholderName", 128),
    Field::optional("cardSecurityCode", Rule::Text { min: 3, max: 4 }),
    Field::exactly("expiryMonth", 2),
    Field::exactly("expiryYear", 4),
];
