//! Amounts on the wire: JSON numbers in major units, exact in both directions and never a float
//! (gateway contract, section 3).

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// An exponent beyond this has no place in an amount, and must not make us write out its zeros.
const EXPONENT_LIMIT: i32 = 64;

/// Reads the text of an amount: integer, decimal or exponent notation. `None` if it is no number, or
/// one that a [`Decimal`] cannot hold to the last digit: nothing is rounded.
pub(crate) fn read(text: &str) -> Option<Decimal> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = split_exponent(unsigned)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || mantissa.ends_with('.') || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let size = Decimal::from_str_exact(&shift_point(whole, fraction, exponent)?).ok()?;
    Some(if negative && !size.is_zero() { -size } else { size })
}

fn split_exponent(text: &str) -> Option<(&str, i32)> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return Some((text, 0));
    };
    let exponent: i32 = exponent.parse().ok()?;
    (-EXPONENT_LIMIT..=EXPONENT_LIMIT).contains(&exponent).then_some((mantissa, exponent))
}

/// The same number without an exponent and without zeros that say nothing, so that `1.50e1` and
/// `15.0000` and `15` are read alike, however many zeros there are.
fn shift_point(whole: &str, fraction: &str, exponent: i32) -> Option<String> {
    let mut digits = format!("{whole}{fraction}");
    let mut point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    while point < 0 {
        digits.insert(0, '0');
        point += 1;
    }
    let point = usize::try_from(point).ok()?;
    while digits.len() < point {
        digits.push('0');
    }
    let (whole, fraction) = digits.split_at_checked(point)?;
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

/// For `#[serde(with = "amount")]`: an optional amount, written with exactly the digits it has, less
/// trailing zeros, so that equal amounts are equal bytes. Works with `serde_json` only.
#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
pub(crate) fn serialize<S: Serializer>(amount: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
    let written = amount.map(|amount| RawValue::from_string(amount.normalize().to_string()));
    written.transpose().map_err(serde::ser::Error::custom)?.serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let Some(raw) = Option::<Box<RawValue>>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let unreadable = || serde::de::Error::custom("not an exact amount");
    read(raw.get()).map(Some).ok_or_else(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_in_every_notation() {
        for (text, expected) in [
            ("49.9", "49.9"),
            ("120", "120"),
            ("15.000", "15"),
            ("1E-5", "0.00001"),
            ("1e+2", "100"),
            ("1.25E1", "12.5"),
            ("0.0", "0"),
            ("-0", "0"),
            ("-7.5", "-7.5"),
            ("1000000000", "1000000000"),
            ("0.000000000000000001", "0.000000000000000001"),
            ("999999999.999999999999999999", "999999999.999999999999999999"),
            ("0e64", "0"),
            ("1.0000000000000000000000000000000000000", "1"),
        ] {
            assert_eq!(read(text).map(|amount| amount.to_string()), Some(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn nothing_is_rounded_and_nothing_odd_is_an_amount() {
        for text in [
            "0.12345678901234567890123456789", // 29 digits
            "79228162514264337593543950336",   // one more than the largest decimal
            "1e400",
            "1e-400",
            "1e99999999999",
            "",
            "-",
            ".5",
            "5.",
            "1_000",
            "1,5",
            "+1",
            "--1",
            "1e",
            "1e1e1",
            "0x10",
            "NaN",
            "Infinity",
            "٣",
            " 1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
