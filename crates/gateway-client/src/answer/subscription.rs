use std::fmt;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::fields::Fields;
use super::outcome::Answer;
use crate::vocabulary::{CycleType, FrequencyUnit, Open, PaymentState, SubscriptionState};
use crate::{GatewayId, Secret};

/// A subscription as the gateway shows it (gateway contract, section 6.13). Only the id is certain. Its
/// charges are payments that the merchant never created.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The gateway's id.
    pub id: GatewayId,
    /// Whose it is.
    pub customer_reference_id: Option<String>,
    /// What the customer was told.
    pub description: Option<String>,
    /// What is charged each time.
    pub amount: Option<Decimal>,
    /// The currency of `amount`.
    pub currency: Option<String>,
    /// When it was made.
    pub create_time: Option<DateTime<Utc>>,
    /// When it begins.
    pub start_time: Option<DateTime<Utc>>,
    /// Every so many units.
    pub frequency: Option<u64>,
    /// The unit.
    pub frequency_unit: Option<Open<FrequencyUnit>>,
    /// How many charges were asked for; without, there is no end.
    pub requested_number_of_cycles: Option<u64>,
    /// Where it stands.
    pub state: Option<Open<SubscriptionState>>,
    /// Continues the recurring chain.
    pub recurring_token: Option<Secret>,
    /// What happens after a charge that failed.
    pub retry_strategy: Option<SubscriptionRetry>,
    /// The charges so far.
    pub cycles: Vec<Cycle>,
    /// The names of the fields that were there and could not be read.
    pub oddities: Vec<&'static str>,
}

/// How a charge that failed is tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionRetry {
    /// Every so many units.
    pub frequency: Option<u64>,
    /// The unit.
    pub frequency_unit: Option<Open<FrequencyUnit>>,
    /// How often.
    pub number_of_cycles: Option<u64>,
    /// The percentage of the initial amount that the first, second, … try asks for.
    pub amount_adjustments: Vec<u64>,
}

/// One charge of a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cycle {
    /// Its number.
    pub sequence: Option<u64>,
    /// Why it is made.
    pub cycle_type: Option<Open<CycleType>>,
    /// When it is due.
    pub start_time: Option<DateTime<Utc>>,
    /// The payment that it made.
    pub payment_id: Option<GatewayId>,
    /// Where that payment stands.
    pub payment_state: Option<Open<PaymentState>>,
    /// What is charged.
    pub amount: Option<Decimal>,
}

impl Answer for Subscription {
    fn read(json: &str) -> Option<Self> {
        let mut fields = Fields::read(json)?;
        Some(Self {
            id: fields.id("id")?,
            customer_reference_id: fields.text("customerReferenceId"),
            description: fields.text("description"),
            amount: fields.amount("amount"),
            currency: fields.text("currency"),
            create_time: fields.time("createTime"),
            start_time: fields.time("startTime"),
            frequency: fields.count("frequency"),
            frequency_unit: fields.word("frequencyUnit"),
            requested_number_of_cycles: fields.count("requestedNumberOfCycles"),
            state: fields.word("state"),
            recurring_token: fields.secret("recurringToken"),
            retry_strategy: SubscriptionRetry::read(&mut fields),
            cycles: Cycle::read_all(&mut fields),
            oddities: fields.into_oddities(),
        })
    }
}

impl SubscriptionRetry {
    fn read(subscription: &mut Fields<'_>) -> Option<Self> {
        subscription.part("retryStrategy", |fields| Self {
            frequency: fields.count("frequency"),
            frequency_unit: fields.word("frequencyUnit"),
            number_of_cycles: fields.count("numberOfCycles"),
            amount_adjustments: fields.items("amountAdjustments", |raw| raw.parse().ok()),
        })
    }
}

impl Cycle {
    fn read_all(subscription: &mut Fields<'_>) -> Vec<Self> {
        subscription.parts("cycles", |fields| Self {
            sequence: fields.count("sequence"),
            cycle_type: fields.word("type"),
            start_time: fields.time("startTime"),
            payment_id: fields.id("paymentId"),
            payment_state: fields.word("paymentState"),
            amount: fields.amount("amount"),
        })
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Subscription")
            .field("id", &self.id)
            .field("amount", &self.amount)
            .field("currency", &self.currency)
            .field("start_time", &self.start_time)
            .field("state", &self.state)
            .field("cycles", &self.cycles)
            .field("oddities", &self.oddities)
            .finish_non_exhaustive()
    }
}
