//! Whatever stands where an amount should (the input, comma by comma): it is read to the last digit or not at all, is
//! written as it was read, and adds up exactly.
#![no_main]

use std::collections::BTreeMap;

use domain::{Currency, Money, Total, parse_amount};
use gateway_client::GatewayId;
use gateway_client::answer::read_webhook;
use gateway_client::request;
use libfuzzer_sys::fuzz_target;
use num_bigint::BigInt;
use rust_decimal::Decimal;
use serde_json::value::RawValue;

/// No digits, two, three, and as many as there can be.
const CURRENCIES: [&str; 4] = ["CLP", "EUR", "KWD", "USDT"];

/// Enough for a sum, and few enough to look at many sums.
const AMOUNTS_MAX: usize = 32;

/// The finest unit of all, 1e-18.
const DIGITS: i64 = 18;

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let mut amounts = Vec::new();
    for text in input.split(',').take(AMOUNTS_MAX) {
        let read = parse_amount(text).ok();
        check_the_gateways_reading(text, read);
        if let Some(amount) = read {
            assert_eq!(Some(units(amount)), exactly(text), "{text}");
            check_money(amount);
            check_the_gateways_writing(amount);
            amounts.push(amount);
        }
    }
    check_sum(&amounts);
});

fn check_money(amount: Decimal) {
    assert!(!amount.is_sign_negative() && amount <= Money::AMOUNT_MAX && amount.normalize().scale() <= 18);
    for code in CURRENCIES {
        let currency: Currency = code.parse().expect("it is one");
        let money = Money::evidenced(amount, currency).expect("an amount that was read can be money");
        let text = money.amount_text();
        assert_eq!(parse_amount(&text), Ok(money.amount()), "{text}");
        assert_eq!(Some(units(amount)), exactly(&text), "{text}");
        assert!(fraction_digits(&text) >= currency.exponent().unwrap_or(0), "{text} {code}");
        let stored = serde_json::to_string(&money).expect("money can be stored");
        assert_eq!(serde_json::from_str::<Money>(&stored).ok(), Some(money), "{stored}");
        let fits = amount.normalize().scale() <= currency.digits_max();
        assert_eq!(Money::requested(amount, currency).is_ok(), fits, "{text} {code}");
    }
}

fn fraction_digits(text: &str) -> u32 {
    text.split_once('.').map_or(0, |(_, fraction)| u32::try_from(fraction.len()).unwrap_or(u32::MAX))
}

/// The gateway's words are read by a reader of their own, which takes more (below zero, beyond the limits), and which
/// must not read anything else.
fn check_the_gateways_reading(text: &str, ours: Option<Decimal>) {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if !is_number || serde_json::from_str::<&RawValue>(text).is_err() {
        return;
    }
    let body = format!(r#"{{"id": "a1", "amount": {text}, "customerAmount": "{text}"}}"#);
    let payment = read_webhook(body.as_bytes()).expect("it has an id");
    assert_eq!(payment.amount, payment.customer_amount, "{text}");
    if let (Some(amount), Some(exact)) = (payment.amount, exactly(text)) {
        assert!(amount.scale() > 18 || units(amount) == exact, "{text}");
    }
    if let (Some(amount), Some(ours)) = (payment.amount, ours) {
        assert_eq!(amount, ours, "{text}");
    }
}

fn check_the_gateways_writing(amount: Decimal) {
    let id: GatewayId = "a1".parse().expect("it is one");
    let Ok(request) = request::capture_payment(&id, Some(amount)) else { return };
    let body = request.body.expect("a capture of a part has a body");
    let body: BTreeMap<&str, &RawValue> = serde_json::from_slice(&body).expect("it is JSON");
    let written = body["amount"].get();
    assert_eq!(exactly(written), Some(units(amount)), "{written}");
}

fn check_sum(amounts: &[Decimal]) {
    let sum = amounts.iter().map(|amount| units(*amount)).sum::<BigInt>();
    let total = amounts.iter().try_fold(Total::ZERO, |total, amount| total.plus(*amount));
    let total = total.expect("so few amounts are in range");
    assert_eq!(exactly(&total.to_string()), Some(sum.clone()));
    let backwards = amounts.iter().rev().try_fold(Total::ZERO, |total, amount| total.plus(*amount));
    assert_eq!(backwards, Ok(total), "the order matters");
    let less = amounts.iter().try_fold(Total::ZERO, |total, amount| total.minus(*amount));
    assert_eq!(less.ok().and_then(|less| exactly(&less.to_string())), Some(-sum));
    assert_eq!(amounts.iter().try_fold(total, |total, amount| total.minus(*amount)), Ok(Total::ZERO));
}

/// A decimal in units of 1e-18.
fn units(amount: Decimal) -> BigInt {
    let amount = amount.normalize();
    assert!(amount.scale() <= 18, "{amount}");
    BigInt::from(amount.mantissa()) * BigInt::from(10).pow(18 - amount.scale())
}

/// What a text says in units of 1e-18, in integers of any size. `None` if that is no whole number of units, or if the
/// text is longer than anything that is read as an amount.
fn exactly(text: &str) -> Option<BigInt> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().ok()?;
    if digits == BigInt::ZERO {
        return Some(digits);
    }
    let shift = exponent.parse::<i64>().ok()?.checked_add(DIGITS)?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let power = BigInt::from(10).pow(u32::try_from(shift.unsigned_abs()).ok().filter(|shift| *shift < 10_000)?);
    if shift >= 0 { Some(digits * power) } else { (&digits % &power == BigInt::ZERO).then(|| digits / power) }
}
