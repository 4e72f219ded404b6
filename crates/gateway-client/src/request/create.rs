use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::vocabulary::PaymentType;
use crate::{GatewayId, Token, amount};

/// The body of a creating POST (gateway contract, section 6.1), without card and wallet data.
///
/// Limits are not checked here: an order arrives checked. It can be written as JSON and read back,
/// so that the same bytes can be made again for a second send; what is written holds personal data,
/// and is to be stored encrypted only. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatePayment {
    /// What the payment does.
    pub payment_type: PaymentType,
    /// The payment method's name, one of the contract's 337.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
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
    pub recurring_token: Option<Token>,
    /// Holds the money first, to be captured or voided later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_auth: Option<bool>,
    /// What single providers ask for, such as `bankCode`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub additional_parameters: BTreeMap<String, String>,
    /// The name of a checkout theme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout_style: Option<String>,
}

/// The customer of a payment (gateway contract, section 6.1.1). All of it is personal data.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the contract's own and say all there is to say")]
pub struct Customer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citizenship_country_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_branch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_branch_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kyc_status: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_instrument_kyc_status: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_of_first_deposit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposits_amount: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawals_amount: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposits_cnt: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawals_cnt: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
}

/// Where the customer is billed (gateway contract, section 6.1.2). All of it is personal data.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the contract's own and say all there is to say")]
pub struct BillingAddress {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_line1: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_line2: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
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
            additional_parameters: BTreeMap::new(),
            checkout_style: None,
        }
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

impl fmt::Debug for Customer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Customer(…)")
    }
}

impl fmt::Debug for BillingAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("BillingAddress(…)")
    }
}
