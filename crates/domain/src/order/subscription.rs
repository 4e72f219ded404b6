use crate::{Money, Text, Time};

/// Charges that follow a first payment by themselves (gateway contract, section 6.1.4). Only with `startRecurring`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Every so many units, at least 1.
    pub frequency: u32,
    /// `DAY`, `WEEK`, `MONTH` or `MINUTE`; the gateway's own check decides.
    pub frequency_unit: Option<Text<16>>,
    /// What is charged; the gateway's default is the amount of the first payment.
    pub money: Option<Money>,
    /// When it begins; the gateway's default is one period after the first payment.
    pub start_time: Option<Time>,
    /// How many charges follow, at least 1; without, there is no end.
    pub number_of_cycles: Option<u32>,
    /// Shown to the customer.
    pub description: Option<Text<512>>,
    /// What happens after a charge that failed; without, that ends the subscription.
    pub retry_strategy: Option<RetryStrategy>,
}

/// How a charge that failed is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryStrategy {
    /// Every so many units, at least 1.
    pub frequency: u32,
    /// How often, at least 1.
    pub number_of_cycles: u32,
    /// As above.
    pub frequency_unit: Option<Text<16>>,
    /// The percentage of the initial amount that the first, second, … try asks for, each at least 1.
    pub amount_adjustments: Vec<u32>,
}
