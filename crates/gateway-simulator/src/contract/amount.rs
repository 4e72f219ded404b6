//! Money as the contract writes it: a JSON number in major units, every digit kept.

use std::{borrow::Cow, fmt};

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;
use thiserror::Error;

/// An exact number, read from and written to JSON digit by digit and never through a float
/// (gateway contract, section 3). `49.90` stays `49.90`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(Decimal);

/// Why a JSON value is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotAnAmount {
    /// A text, an object, `true`: anything but a number.
    #[error("an amount is a JSON number")]
    NotANumber,
    /// More digits than the contract's range and its 18 decimals can hold.
    #[error("an amount has at most 10 digits before and 18 after the point")]
    TooManyDigits,
}

impl Amount {
    const DECIMALS_MAX: u32 = 18;

    /// Wraps a number that is known to be in range.
    pub const fn new(value: Decimal) -> Self {
        Self(value)
    }

    /// The number itself.
    pub const fn value(self) -> Decimal {
        self.0
    }

    /// Reads the text of a JSON number, with or without an exponent.
    pub fn from_json_number(text: &str) -> Result<Self, NotAnAmount> {
        if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return Err(NotAnAmount::NotANumber);
        }
        let value = match text.split_once(['e', 'E']) {
            None => Decimal::from_str_exact(text).ok(),
            Some((mantissa, exponent)) => shifted(mantissa, exponent),
        };
        value
            .filter(|value| value.normalize().scale() <= Self::DECIMALS_MAX)
            .map(Self)
            .ok_or(NotAnAmount::TooManyDigits)
    }

    /// This amount times an exact factor, with the decimals it had but at least two; `None` when the
    /// product leaves the range of exact numbers.
    pub fn scaled(self, factor: Self) -> Option<Self> {
        let decimals = self.0.scale().max(2);
        self.0.checked_mul(factor.0).map(|product| Self(product.round_dp(decimals).normalize()))
    }
}

/// `mantissa` times ten to the power of `exponent`, or `None` where that is not exact: the library's own reader of
/// this notation rounds without a word.
fn shifted(mantissa: &str, exponent: &str) -> Option<Decimal> {
    let mantissa = Decimal::from_str_exact(mantissa).ok()?.normalize();
    let scale = i64::from(mantissa.scale()).checked_sub(exponent.parse().ok()?)?;
    if let Ok(scale) = u32::try_from(scale) {
        return Decimal::try_from_i128_with_scale(mantissa.mantissa(), scale).ok();
    }
    let power = 10_i128.checked_pow(u32::try_from(scale.checked_neg()?).ok()?)?;
    Decimal::try_from_i128_with_scale(mantissa.mantissa().checked_mul(power)?, 0).ok()
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number, as it travels.
impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Amount")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = RawValue::from_string(self.0.to_string()).map_err(ser::Error::custom)?;
        digits.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_json_number(raw.get()).map_err(de::Error::custom)
    }
}
