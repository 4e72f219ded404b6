use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Currency;

/// One exact amount in major units (`11.12` EUR is eleven euros and twelve cents) and its currency.
///
/// Never below zero, never above [`Money::AMOUNT_MAX`], never finer than 1e-18. Compared by value:
/// `11.1` equals `11.10`. Printed with at least the digits of the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

/// Why a text or number cannot be an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// Not a decimal number: words, `NaN`, infinities, signs and blanks in odd places.
    #[error("must be a decimal number such as 11.12")]
    NotANumber,
    /// Below zero.
    #[error("must not be negative")]
    Negative,
    /// Above what the gateway takes.
    #[error("must not be above 1000000000")]
    TooLarge,
    /// More fraction digits than its currency, or than anything, can have.
    #[error("must not have more than {digits_max} fraction digits")]
    TooPrecise {
        /// How many it may have.
        digits_max: u32,
    },
}

impl Money {
    /// The largest amount that the gateway takes (gateway contract, section 3).
    pub const AMOUNT_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

    /// The least that is not nothing (gateway contract, section 3).
    pub const AMOUNT_MIN: Decimal = Decimal::from_parts(1, 0, 0, false, 5);

    /// An amount that a caller asks for: checked against the digits of its currency.
    pub fn requested(amount: Decimal, currency: Currency) -> Result<Self, InvalidAmount> {
        let money = Self::evidenced(amount, currency)?;
        let digits_max = currency.digits_max();
        if money.amount.scale() > digits_max {
            return Err(InvalidAmount::TooPrecise { digits_max });
        }
        Ok(money)
    }

    /// An amount that the gateway says: taken as it comes, inside of the contract's bounds only, since
    /// what moved is what moved.
    pub fn evidenced(amount: Decimal, currency: Currency) -> Result<Self, InvalidAmount> {
        if amount.is_sign_negative() && !amount.is_zero() {
            return Err(InvalidAmount::Negative);
        }
        if amount > Self::AMOUNT_MAX {
            return Err(InvalidAmount::TooLarge);
        }
        let amount = amount.normalize();
        if amount.scale() > Currency::DIGITS_MAX {
            return Err(InvalidAmount::TooPrecise { digits_max: Currency::DIGITS_MAX });
        }
        Ok(Self { amount, currency })
    }

    /// Nothing, in the same currency.
    #[must_use]
    pub fn none(&self) -> Self {
        Self { amount: Decimal::ZERO, currency: self.currency }
    }

    /// The amount in major units, without trailing zeros.
    pub fn amount(&self) -> Decimal {
        self.amount
    }

    /// The currency of the amount.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Nothing at all; the gateway takes it only with a pre-authorization.
    pub fn is_zero(&self) -> bool {
        self.amount.is_zero()
    }

    /// The amount alone, with at least the digits of its currency: `11.10`, `2000`, `0.00001`.
    pub fn amount_text(&self) -> String {
        let mut amount = self.amount;
        // At most ten digits stand before the point and 18 behind it, so nothing is rounded.
        amount.rescale(self.currency.exponent().unwrap_or(0).max(amount.scale()));
        amount.to_string()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount_text(), self.currency)
    }
}

/// Reads an amount from the digits that stand in a JSON number or string: `12`, `12.50`, `1.25E+1`.
/// Exact or refused: nothing is rounded, and no float is made on the way.
pub fn parse_amount(text: &str) -> Result<Decimal, InvalidAmount> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
    };
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let dangling_point = digits.contains('.') && fraction.is_empty();
    if whole.is_empty() || dangling_point || !all_digits(whole) || !all_digits(fraction) {
        return Err(InvalidAmount::NotANumber);
    }
    let amount = shifted(sign, whole, fraction, exponent)?;
    if sign == "-" && !amount.is_zero() { Err(InvalidAmount::Negative) } else { Ok(amount) }
}

/// A number of a hundred digits is not an amount; the bound keeps the work small.
const DIGITS_READ_MAX: usize = 100;
const EXPONENT_READ_MAX: i32 = 100;

fn parse_exponent(text: &str) -> Result<i32, InvalidAmount> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidAmount::NotANumber);
    }
    // Digits alone fail to parse only when there are too many of them.
    let size = digits.parse::<i32>().unwrap_or(i32::MAX);
    Ok(if text.starts_with('-') { -size } else { size })
}

/// `whole.fraction × 10^exponent` as plain digits, then read exactly.
fn shifted(sign: &str, whole: &str, fraction: &str, exponent: i32) -> Result<Decimal, InvalidAmount> {
    let too_precise = InvalidAmount::TooPrecise { digits_max: Currency::DIGITS_MAX };
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if whole.is_empty() && fraction.is_empty() {
        return Ok(Decimal::ZERO);
    }
    if whole.len() > DIGITS_READ_MAX {
        return Err(if exponent >= 0 { InvalidAmount::TooLarge } else { too_precise });
    }
    if fraction.len() > DIGITS_READ_MAX || exponent < -EXPONENT_READ_MAX {
        return Err(too_precise);
    }
    if exponent > EXPONENT_READ_MAX {
        return Err(InvalidAmount::TooLarge);
    }
    let digits = format!("{whole}{fraction}");
    let (left, right) = if exponent < 0 { (exponent.unsigned_abs(), 0) } else { (0, exponent.unsigned_abs()) };
    let padded = format!("{}{digits}{}", zeros(left), zeros(right));
    // Behind as many digits as before, counted from the left, and further by as many as were put there.
    let (before, behind) = padded.split_at(whole.len() + usize::try_from(right).unwrap_or_default());
    let plain = format!("{sign}0{before}.{behind}");
    let plain = plain.trim_end_matches('0').trim_end_matches('.');
    let digits_behind = plain.split_once('.').map_or(0, |(_, behind)| behind.len());
    if digits_behind > Currency::DIGITS_MAX as usize {
        return Err(too_precise);
    }
    match Decimal::from_str_exact(plain) {
        Ok(amount) if amount.abs() <= Money::AMOUNT_MAX => Ok(amount),
        // At most 18 digits stand behind the point, so what does not fit is too large.
        Ok(_) | Err(_) => Err(InvalidAmount::TooLarge),
    }
}

fn zeros(count: u32) -> String {
    std::iter::repeat_n('0', usize::try_from(count).unwrap_or_default()).collect()
}

/// How money stands in stored JSON: the amount as text, so that no reader makes a float of it.
#[derive(Serialize, Deserialize)]
struct Written {
    amount: String,
    currency: Currency,
}

impl From<Money> for Written {
    fn from(money: Money) -> Self {
        Self { amount: money.amount_text(), currency: money.currency }
    }
}

impl TryFrom<Written> for Money {
    type Error = InvalidAmount;

    fn try_from(written: Written) -> Result<Self, InvalidAmount> {
        Self::evidenced(parse_amount(&written.amount)?, written.currency)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn amounts_are_read_from_every_notation_exactly() {
        for (text, plain) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.0", "0"),
            ("11.12", "11.12"),
            ("11.10", "11.1"),
            ("1e3", "1000"),
            ("1E-5", "0.00001"),
            ("1.25E+1", "12.5"),
            ("125e-1", "12.5"),
            ("0000011.12", "11.12"),
            ("1e0000000000", "1"),
            ("0e999999999999", "0"),
            ("1000000000", "1000000000"),
            ("999999999.999999999999999999", "999999999.999999999999999999"),
            ("0.000000000000000001", "0.000000000000000001"),
        ] {
            assert_eq!(parse_amount(text).map(|amount| amount.normalize().to_string()), Ok(plain.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_reason() {
        let precise = InvalidAmount::TooPrecise { digits_max: 18 };
        for (text, reason) in [
            ("", InvalidAmount::NotANumber),
            ("NaN", InvalidAmount::NotANumber),
            ("Infinity", InvalidAmount::NotANumber),
            ("1,5", InvalidAmount::NotANumber),
            (" 1", InvalidAmount::NotANumber),
            ("+1", InvalidAmount::NotANumber),
            (".5", InvalidAmount::NotANumber),
            ("5.", InvalidAmount::NotANumber),
            ("1e", InvalidAmount::NotANumber),
            ("1e+", InvalidAmount::NotANumber),
            ("1_000", InvalidAmount::NotANumber),
            ("0x10", InvalidAmount::NotANumber),
            ("１", InvalidAmount::NotANumber),
            ("-0.01", InvalidAmount::Negative),
            ("1000000000.01", InvalidAmount::TooLarge),
            ("1e400", InvalidAmount::TooLarge),
            ("1e99999999999999999999", InvalidAmount::TooLarge),
            ("1e-19", precise),
            ("1e-400", precise),
            ("0.0000000000000000001", precise),
        ] {
            assert_eq!(parse_amount(text), Err(reason), "{text}");
        }
        assert_eq!(parse_amount(&"9".repeat(1000)), Err(InvalidAmount::TooLarge));
    }

    #[test]
    fn a_request_may_not_be_finer_than_its_currency_but_evidence_may() {
        let finer = parse_amount("11.125").unwrap();
        assert_eq!(Money::requested(finer, currency("EUR")), Err(InvalidAmount::TooPrecise { digits_max: 2 }));
        assert_eq!(Money::evidenced(finer, currency("EUR")).unwrap().to_string(), "11.125 EUR");
        assert_eq!(Money::requested(finer, currency("KWD")).unwrap().to_string(), "11.125 KWD");
        let half = parse_amount("0.5").unwrap();
        assert_eq!(Money::requested(half, currency("CLP")), Err(InvalidAmount::TooPrecise { digits_max: 0 }));
    }

    #[test]
    fn money_is_printed_with_the_digits_of_its_currency_and_compared_by_value() {
        let money = |text: &str, code: &str| Money::requested(parse_amount(text).unwrap(), currency(code)).unwrap();
        assert_eq!(money("11.1", "EUR").amount_text(), "11.10");
        assert_eq!(money("2000", "CLP").amount_text(), "2000");
        assert_eq!(money("10.000", "USDT").amount_text(), "10");
        assert_eq!(money("10", "EUR"), money("10.00", "EUR"));
        assert_ne!(money("10", "EUR"), money("10", "USD"));
    }

    proptest! {
        #[test]
        fn text_to_value_to_text_is_the_identity(whole in 0u64..1_000_000_000, fraction in 0u64..1_000_000_000_000_000_000, digits in 0usize..=18) {
            let fraction = format!("{fraction:018}");
            let text = if digits == 0 { whole.to_string() } else { format!("{whole}.{}", &fraction[..digits]) };
            let canonical = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            let money = Money::evidenced(parse_amount(&text).unwrap(), currency("USDT")).unwrap();
            prop_assert_eq!(money.amount_text(), canonical);
            let stored = serde_json::to_string(&money).unwrap();
            prop_assert_eq!(serde_json::from_str::<Money>(&stored).unwrap(), money);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,60}") {
            let _ = parse_amount(&text);
        }

        #[test]
        fn exponents_only_move_the_point(whole in 0u64..1_000_000, fraction in 0u32..1_000_000, shift in -6i32..=3) {
            let plain = parse_amount(&format!("{whole}.{fraction:06}")).unwrap();
            let shifted = parse_amount(&format!("{whole}.{fraction:06}e{shift}")).unwrap();
            let factor = Decimal::from(10u64.pow(shift.unsigned_abs()));
            prop_assert_eq!(if shift < 0 { shifted * factor } else { shifted }, if shift < 0 { plain } else { plain * factor });
        }
    }
}
