use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::invalid::Check;
use super::{Method, Request, json};
use crate::vocabulary::{FrequencyUnit, Open, SubscriptionState};
use crate::{GatewayId, amount, time};

const SUBSCRIPTIONS: &str = "/api/v1/subscriptions";

/// Charges that follow a first payment by themselves (gateway contract, section 6.1.4). Part of a
/// [`CreatePayment`](super::CreatePayment) that starts a recurring chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewSubscription {
    /// Every so many units, at least 1.
    pub frequency: u32,
    /// The unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_unit: Option<Open<FrequencyUnit>>,
    /// What is charged; the gateway's default is the amount of the first payment.
    #[serde(default, with = "amount", skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
    /// When it begins; the gateway's default is one period after the first payment.
    #[serde(default, with = "time", skip_serializing_if = "Option::is_none")]
    pub start_time: Option<DateTime<Utc>>,
    /// How many charges follow, at least 1; without, there is no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_of_cycles: Option<u32>,
    /// Shown to the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What happens after a charge that failed; without, that ends the subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_strategy: Option<RetryStrategy>,
}

/// How a charge that failed is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryStrategy {
    /// Every so many units, at least 1.
    pub frequency: u32,
    /// How often, at least 1.
    pub number_of_cycles: u32,
    /// The unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_unit: Option<Open<FrequencyUnit>>,
    /// The percentage of the initial amount that the first, second, … try asks for, each at least 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amount_adjustments: Vec<u32>,
}

#[derive(Serialize)]
struct Cancel {
    state: Open<SubscriptionState>,
}

/// `GET /api/v1/subscriptions/{id}` (gateway contract, section 6.13). Its answer is for
/// [`read_subscription`](crate::answer::read_subscription).
pub fn get_subscription(id: &GatewayId) -> Request {
    Request::read(format!("{SUBSCRIPTIONS}/{id}"))
}

/// `PATCH /api/v1/subscriptions/{id}`: ends a subscription, the only change that the gateway knows. Its
/// answer is for [`classify_subscription_command`](crate::answer::classify_subscription_command).
pub fn cancel_subscription(id: &GatewayId) -> Request {
    let body = json(&Cancel { state: Open::Known(SubscriptionState::Cancelled) });
    Request { method: Method::Patch, ..Request::command(format!("{SUBSCRIPTIONS}/{id}"), Some(body)) }
}

impl NewSubscription {
    /// With this frequency; everything else is left to the gateway.
    pub fn every(frequency: u32, unit: FrequencyUnit) -> Self {
        Self {
            frequency,
            frequency_unit: Some(Open::Known(unit)),
            amount: None,
            start_time: None,
            number_of_cycles: None,
            description: None,
            retry_strategy: None,
        }
    }

    pub(super) fn check(&self, check: &mut Check) {
        check.number("subscription.frequency", Some(self.frequency), 1, u32::MAX);
        check.amount("subscription.amount", self.amount, false);
        check.number("subscription.numberOfCycles", self.number_of_cycles, 1, u32::MAX);
        check.at_most([("subscription.description", &self.description, 512)]);
        if let Some(retry) = &self.retry_strategy {
            retry.check(check);
        }
    }
}

impl RetryStrategy {
    fn check(&self, check: &mut Check) {
        check.number("subscription.retryStrategy.frequency", Some(self.frequency), 1, u32::MAX);
        check.number("subscription.retryStrategy.numberOfCycles", Some(self.number_of_cycles), 1, u32::MAX);
        let smallest = self.amount_adjustments.iter().min().copied();
        check.number("subscription.retryStrategy.amountAdjustments", smallest, 1, u32::MAX);
    }
}
