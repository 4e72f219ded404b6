//! `parentPaymentId`, `gatewayParentPaymentId`, `subscription`: how one payment follows from another.

use domain::{Currency, Money, Parent, RetryStrategy, Subscription, Text, Time};
use gateway_client::vocabulary::FrequencyUnit;

use crate::http::form::Form;
use crate::http::problem::FieldError;

/// The payment that this one belongs to: ours by our name, or one begun elsewhere by the gateway's.
pub(super) fn parent(form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> Option<Parent> {
    let both = form.has("parentPaymentId") && form.has("gatewayParentPaymentId");
    let ours = parent_of_ours(form, errors);
    let at_gateway = form.text("gatewayParentPaymentId", errors).map(Parent::AtGateway);
    if both {
        errors.push(form.error("gatewayParentPaymentId", "does not go with parentPaymentId"));
    }
    ours.or(at_gateway)
}

fn parent_of_ours(form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> Option<Parent> {
    let id: String = form.value("parentPaymentId", "must be a string", errors)?;
    id.parse()
        .map_err(|_| errors.push(form.error("parentPaymentId", "must be the id of a payment, as it is told here")))
        .map(Parent::Ours)
        .ok()
}

const COUNT: &str = "must be a whole number, at least 1";

/// The gateway's limits (gateway contract, section 6.1.4).
pub(super) fn subscription(
    mut form: Form<'_>,
    currency: Option<Currency>,
    errors: &mut Vec<FieldError>,
) -> Option<Box<Subscription>> {
    let frequency = required_count("frequency", &mut form, errors);
    let subscription = Subscription {
        frequency: frequency.unwrap_or_default(),
        frequency_unit: unit(&mut form, errors),
        money: charged(&mut form, currency, errors),
        start_time: moment("startTime", &mut form, errors),
        number_of_cycles: count("numberOfCycles", &mut form, errors),
        description: form.text("description", errors),
        retry_strategy: form.form("retryStrategy", errors).and_then(|form| retry_strategy(form, errors)),
    };
    form.finish(errors);
    frequency.map(|_| Box::new(subscription))
}

fn retry_strategy(mut form: Form<'_>, errors: &mut Vec<FieldError>) -> Option<RetryStrategy> {
    let frequency = required_count("frequency", &mut form, errors);
    let number_of_cycles = required_count("numberOfCycles", &mut form, errors);
    let frequency_unit = unit(&mut form, errors);
    let percentages = "must be a list of whole numbers, each at least 1";
    let amount_adjustments: Option<Vec<u32>> = form.value("amountAdjustments", percentages, errors);
    let amount_adjustments = amount_adjustments.unwrap_or_default();
    if amount_adjustments.contains(&0) {
        errors.push(form.error("amountAdjustments", percentages));
    }
    form.finish(errors);
    Some(RetryStrategy {
        frequency: frequency?,
        number_of_cycles: number_of_cycles?,
        frequency_unit,
        amount_adjustments,
    })
}

fn required_count(name: &str, form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> Option<u32> {
    let count = count(name, form, errors);
    form.require(name, count, errors)
}

fn count(name: &str, form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> Option<u32> {
    let count: u32 = form.value(name, COUNT, errors)?;
    if count == 0 {
        errors.push(form.error(name, COUNT));
        return None;
    }
    Some(count)
}

fn unit(form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> Option<Text<16>> {
    let unit: Text<16> = form.text("frequencyUnit", errors)?;
    if unit.as_str().parse::<FrequencyUnit>().is_err() {
        errors.push(form.error("frequencyUnit", "must be DAY, WEEK, MONTH or MINUTE"));
    }
    Some(unit)
}

fn charged(form: &mut Form<'_>, currency: Option<Currency>, errors: &mut Vec<FieldError>) -> Option<Money> {
    let amount = form.amount("amount", errors)?;
    let money = Money::requested(amount, currency?);
    let money = money.map_err(|error| errors.push(form.error("amount", error.to_string()))).ok()?;
    if money.amount() < Money::AMOUNT_MIN {
        errors.push(form.error("amount", "must be at least 0.00001"));
    }
    Some(money)
}

fn moment(name: &str, form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> Option<Time> {
    let text: String = form.value(name, "must be a string", errors)?;
    let moment = chrono::DateTime::parse_from_rfc3339(&text).ok().map(|moment| Time::new(moment.to_utc()));
    // The gateway reads years of four digits.
    let moment = moment.filter(|moment| moment.to_string().len() == "2026-11-23T10:11:12.000Z".len());
    if moment.is_none() {
        errors.push(form.error(name, "must be a moment such as 2026-11-23T10:11:12Z (RFC 3339)"));
    }
    moment
}
