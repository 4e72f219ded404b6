//! Where the contract is silent, the simulator decides by switch (gateway contract, section 15).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::contract::{amount::Amount, error_code::ErrorCode, signature::SignatureMode};
use crate::order_field::OrderField;

/// Every decision that a run may turn. The defaults are those of section 15; in JSON each field may be
/// left out, and an unknown one is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Switches {
    /// Answer a creation with the few fields of the specification's sample only.
    pub sparse_creation: bool,
    /// What a second POST with the same `referenceId` meets.
    pub duplicate_reference: DuplicateReference,
    /// Whether a list without `created.gte` reaches back 24 hours or for ever.
    pub list_window: ListWindow,
    /// How long a new payment stays invisible in lists, in milliseconds.
    pub list_lag_millis: u32,
    /// What PATCH does to a deposit.
    pub patch: PatchBehaviour,
    /// What capture makes of an authorized deposit.
    pub capture: CaptureBehaviour,
    /// What capture and void of an unknown id meet: the contract declares neither.
    pub unknown_payment: UnknownPayment,
    /// Hold withdrawals back until the merchant approves or rejects them.
    pub hold_withdrawals: bool,
    /// What a shop has in each currency before its first payment.
    pub opening_balance: Amount,
    /// How webhooks are signed.
    pub signature: SignatureMode,
    /// Convert every settled payment into another currency.
    pub exchange: Option<Exchange>,
    /// Settle every payment with its amount times this factor, in the same currency.
    pub amount_drift: Option<Amount>,
    /// How webhooks travel.
    pub webhooks: WebhookDelivery,
    /// How often a webhook that was not answered with 2xx is sent again. The contract promises none.
    pub webhook_retries: u32,
    /// The pause before each of these, in milliseconds.
    pub webhook_retry_pause_millis: u32,
    /// Leave `referenceId` out of webhooks, as the guideline's sample does.
    pub webhook_without_reference: bool,
    /// What a request field that the contract does not know meets.
    pub unknown_fields: UnknownFields,
    /// What a deposit must carry beyond what the contract asks for, such as `customer.lastName`.
    pub required_for_deposits: Vec<OrderField>,
    /// Refuse requests beyond a rate with 429.
    pub rate_limit: Option<RateLimit>,
    /// After how long an untouched checkout is cancelled, in seconds.
    pub checkout_timeout_seconds: u32,
    /// How long a deposit stays `PENDING` after the customer paid, in milliseconds.
    pub deposit_processing_millis: u32,
    /// How long a withdrawal or refund stays `PENDING`, in milliseconds.
    pub payout_processing_millis: u32,
    /// Let the reserved reference prefixes work (`Fault::well_known`).
    pub well_known_prefixes: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            sparse_creation: false,
            duplicate_reference: DuplicateReference::Accepted,
            list_window: ListWindow::Day,
            list_lag_millis: 0,
            patch: PatchBehaviour::Pending,
            capture: CaptureBehaviour::Completed,
            unknown_payment: UnknownPayment::NotFound,
            hold_withdrawals: false,
            opening_balance: Amount::new(Decimal::from_parts(10_000, 0, 0, false, 0)),
            signature: SignatureMode::HexLower,
            exchange: None,
            amount_drift: None,
            webhooks: WebhookDelivery::Once,
            webhook_retries: 0,
            webhook_retry_pause_millis: 5_000,
            webhook_without_reference: false,
            unknown_fields: UnknownFields::Ignored,
            required_for_deposits: Vec::new(),
            rate_limit: None,
            checkout_timeout_seconds: 60 * 60,
            deposit_processing_millis: 0,
            payout_processing_millis: 1_000,
            well_known_prefixes: true,
        }
    }
}

/// What a second POST with the same `referenceId` meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateReference {
    /// A second payment.
    Accepted,
    /// 409, and nothing is created.
    Conflict,
}

/// How far a list without `created.gte` reaches back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListWindow {
    /// 24 hours, whatever else is asked for.
    Day,
    /// For ever.
    Unlimited,
}

/// What PATCH does to a deposit in `CHECKOUT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatchBehaviour {
    /// 200, `PENDING`, with `externalRefs` for the payer.
    Pending,
    /// 200, `DECLINED` with this code.
    Declined(ErrorCode),
    /// The provider was asked, so the payment is `PENDING`, but the answer is a late 504.
    ProviderTimeout {
        /// How long the connection is held.
        millis: u32,
    },
}

/// What capture makes of an authorized deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptureBehaviour {
    /// `COMPLETED` at once.
    Completed,
    /// `PENDING`, and `COMPLETED` later.
    PendingFirst {
        /// After how long.
        millis: u32,
    },
}

/// What capture and void of an id that does not exist meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownPayment {
    /// 404.
    NotFound,
    /// 400.
    BadRequest,
}

/// How webhooks travel, unless a fault says otherwise for one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookDelivery {
    /// Once and at once.
    Once,
    /// Twice, the second one a moment later.
    Twice,
    /// Once, late.
    Delayed {
        /// By how much.
        millis: u32,
    },
    /// Once, each late by its own chance, so that they overtake one another.
    Shuffled {
        /// By how much at most.
        millis: u32,
    },
    /// Never.
    Dropped,
    /// Every deposit is paid while its creation is still being answered, and the webhook comes first.
    BeforeAnswer {
        /// How long the answer is held back.
        millis: u32,
    },
}

/// What an unknown request field meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownFields {
    /// Nothing happens.
    Ignored,
    /// 400.
    Refused,
}

/// A conversion: the customer's amount times the rate, in another currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exchange {
    /// The currency that the provider settles in.
    pub currency: String,
    /// What one unit of the requested currency is worth in it.
    pub rate: Amount,
}

/// A ceiling on requests, counted per second of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// How many requests a second pass.
    pub requests_per_second: u32,
    /// What `Retry-After` says, in seconds; left out when `None`.
    pub retry_after_seconds: Option<u32>,
}
