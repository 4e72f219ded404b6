//! Where the contract is silent, the simulator decides by switch (gateway contract, section 15).

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{amount::Amount, error_code::ErrorCode, signature::SignatureMode};
use crate::order_field::OrderField;

/// Every decision that a run may turn. The defaults are those of section 15; in JSON each field may be
/// left out, and an unknown one is refused. What is written here is what `serve --help` says: each names the reserved
/// prefix that turns it for one reference, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Switches {
    /// How the ids of payments are written. By prefix: `letters-`.
    pub ids: IdForm,
    /// Answer a creation with the few fields of the specification's sample only. By prefix: `sparse-`.
    pub sparse_creation: bool,
    /// What a second POST with the same `referenceId` meets. By prefix: `duplicate-409-`.
    pub duplicate_reference: DuplicateReference,
    /// Whether a list without `created.gte` reaches back 24 hours or for ever. By prefix, in a list by
    /// `referenceId.eq`: `list-unlimited-`.
    pub list_window: ListWindow,
    /// How long a new payment stays invisible in lists, in milliseconds. By prefix: `list-lag-`.
    pub list_lag_millis: u32,
    /// What an action meets that the payment's state does not allow, PATCH included. By prefix: `wrong-state-409-`.
    pub wrong_state: WrongState,
    /// What capture and void of an unknown id meet: the contract declares neither. No prefix: what is not there has no
    /// reference.
    pub unknown_payment: UnknownPayment,
    /// What PATCH does to a deposit. By prefix: `patch-declined-`, `patch-timeout-`.
    pub patch: PatchBehaviour,
    /// What capture makes of an authorized deposit. By prefix: `capture-late-`.
    pub capture: CaptureBehaviour,
    /// What void and reject make of a payment. By prefix: `release-late-`.
    pub release: ReleaseBehaviour,
    /// Hold withdrawals back until the merchant approves or rejects them. By prefix: `held-`.
    pub hold_withdrawals: bool,
    /// What approval makes of a withdrawal that was held back. By prefix: `held-final-`.
    pub approve: ApproveBehaviour,
    /// What the registration of a chargeback answers. By prefix: `chargeback-record-`.
    pub chargeback: ChargebackAnswer,
    /// What a refund meets that gives back more than its deposit took, earlier refunds counted. By prefix:
    /// `refund-capped-`.
    pub refund_above_parent: RefundAboveParent,
    /// What a shop has in each currency before its first payment. No prefix: a balance has no reference.
    pub opening_balance: Amount,
    /// Deposits of this amount and above are declined with 3.28. By prefix, for any amount: `above-limit-`.
    pub deposit_ceiling: Amount,
    /// Withdrawals and refunds above this amount are declined with 3.28. By prefix, for any amount: `above-limit-`.
    pub payout_limit: Amount,
    /// What a sandbox card of the declining kind is declined with. By prefix, for any card: `declined-`, with 4.01.
    pub card_decline_code: ErrorCode,
    /// After how long an untouched checkout is cancelled with 1.04, in seconds. By prefix: `times-out-`.
    pub checkout_timeout_seconds: u32,
    /// How long a deposit stays `PENDING` after the customer paid, in milliseconds. By prefix: `processing-`.
    pub deposit_processing_millis: u32,
    /// How long a withdrawal or refund stays `PENDING`, in milliseconds. By prefix: `processing-`.
    pub payout_processing_millis: u32,
    /// Convert every settled payment into another currency. By prefix: `other-currency-`.
    pub exchange: Option<Exchange>,
    /// Settle every payment with its amount times this factor, in the same currency. By prefix: `other-amount-`.
    pub amount_drift: Option<Amount>,
    /// How webhooks travel. By prefix: `hook-twice-`, `hook-late-`, `hook-shuffled-`, `hook-never-`, `hook-early-`.
    pub webhooks: WebhookDelivery,
    /// How often a webhook that was not answered with 2xx is sent again; the contract promises none. By prefix:
    /// `hook-retried-`.
    pub webhook_retries: u32,
    /// The pause before each of these, in milliseconds. By prefix: `hook-retried-`.
    pub webhook_retry_pause_millis: u32,
    /// Leave `referenceId` out of webhooks, as the guideline's sample does. By prefix: `hook-nameless-`.
    pub webhook_without_reference: bool,
    /// How webhooks are signed. By prefix: `hook-upper-case-`, `hook-base64-`, `hook-forged-`, `hook-unsigned-`.
    pub signature: SignatureMode,
    /// What a request without a key of some shop meets. By prefix, for a key that is right: `http-401-`, `html-403-`.
    pub unknown_key: UnknownKey,
    /// What a request field that the contract does not know meets. By prefix: `strict-`.
    pub unknown_fields: UnknownFields,
    /// What a deposit must carry beyond what the contract asks for, such as `customer.lastName`. By prefix:
    /// `demanding-`, which asks for just that.
    pub required_for_deposits: Vec<OrderField>,
    /// Refuse requests beyond a rate with 429. By prefix: `rate-limited-`.
    pub rate_limit: Option<RateLimit>,
    /// Let the reserved prefixes work. No prefix: it is what turns them off.
    pub well_known_prefixes: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            ids: IdForm::Hex,
            sparse_creation: false,
            duplicate_reference: DuplicateReference::Accepted,
            list_window: ListWindow::Day,
            list_lag_millis: 0,
            wrong_state: WrongState::BadRequest,
            unknown_payment: UnknownPayment::NotFound,
            patch: PatchBehaviour::Pending,
            capture: CaptureBehaviour::Completed,
            release: ReleaseBehaviour::Cancelled,
            hold_withdrawals: false,
            approve: ApproveBehaviour::PendingFirst,
            chargeback: ChargebackAnswer::Deposit,
            refund_above_parent: RefundAboveParent::Accepted,
            opening_balance: Amount::new(Decimal::from_parts(10_000, 0, 0, false, 0)),
            deposit_ceiling: Amount::new(Decimal::from_parts(10_000_000, 0, 0, false, 0)),
            payout_limit: Amount::new(Decimal::from_parts(10_000, 0, 0, false, 0)),
            card_decline_code: ErrorCode::DECLINED_BY_ISSUER,
            checkout_timeout_seconds: 60 * 60,
            deposit_processing_millis: 0,
            payout_processing_millis: 1_000,
            exchange: None,
            amount_drift: None,
            webhooks: WebhookDelivery::Once,
            webhook_retries: 0,
            webhook_retry_pause_millis: 5_000,
            webhook_without_reference: false,
            signature: SignatureMode::HexLower,
            unknown_key: UnknownKey::Unauthorized,
            unknown_fields: UnknownFields::Ignored,
            required_for_deposits: Vec::new(),
            rate_limit: None,
            well_known_prefixes: true,
        }
    }
}

/// How ids are written: the contract's pattern allows more than its samples show (section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IdForm {
    /// 32 lower-case hex digits.
    Hex,
    /// 32 letters of either case and digits.
    Letters,
}

/// What a second POST with the same `referenceId` meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateReference {
    /// A second payment.
    Accepted,
    /// 409, and nothing is created.
    Conflict,
}

/// How far a list without `created.gte` reaches back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ListWindow {
    /// 24 hours, whatever else is asked for.
    Day,
    /// For ever.
    Unlimited,
}

/// What PATCH does to a deposit in `CHECKOUT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// What void and reject make of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseBehaviour {
    /// `CANCELLED` at once.
    Cancelled,
    /// `PENDING`, and `CANCELLED` later.
    PendingFirst {
        /// After how long.
        millis: u32,
    },
}

/// What approval makes of a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ApproveBehaviour {
    /// `PENDING`, and final after `payoutProcessingMillis`.
    PendingFirst,
    /// Final already in the answer.
    AtOnce,
}

/// Which payment the registration of a chargeback answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChargebackAnswer {
    /// The deposit, unchanged.
    Deposit,
    /// The chargeback itself, as a payment of its own under the deposit.
    Record,
}

/// What a refund above what is left of its deposit meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefundAboveParent {
    /// It is paid.
    Accepted,
    /// It is declined with 1.08.
    Declined,
}

/// What an action in a state that does not allow it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WrongState {
    /// 400, `Illegal Workflow State`.
    BadRequest,
    /// 409, with the same words.
    Conflict,
}

/// What a request without a known key meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownKey {
    /// 401, `Invalid token`.
    Unauthorized,
    /// 403 with the HTML page of an edge firewall.
    Forbidden,
}

/// What capture and void of an id that does not exist meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownPayment {
    /// 404.
    NotFound,
    /// 400.
    BadRequest,
}

/// How webhooks travel, unless a fault says otherwise for one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownFields {
    /// Nothing happens.
    Ignored,
    /// 400.
    Refused,
}

/// A conversion: the customer's amount times the rate, in another currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exchange {
    /// The currency that the provider settles in.
    pub currency: String,
    /// What one unit of the requested currency is worth in it.
    pub rate: Amount,
}

/// A ceiling on requests, counted per second of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// How many requests a second pass.
    pub requests_per_second: u32,
    /// What `Retry-After` says, in seconds; left out when `null`.
    pub retry_after_seconds: Option<u32>,
}
