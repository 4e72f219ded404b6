use std::fmt;

use rust_decimal::Decimal;

/// A sum of amounts in one currency, exact and checked; it may be negative.
///
/// Kept as an `i128` in units of 1e-18, because `rust_decimal` rounds silently beyond 28 digits, which a
/// hundred of the largest amounts reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Total {
    units: i128,
}

/// The sum left the range of about ±1.7e20 major units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the total is out of range")]
pub struct TotalOverflow;

impl Total {
    const DIGITS: u32 = 18;
    const UNIT: i128 = 10i128.pow(Self::DIGITS);

    /// Nothing.
    pub const ZERO: Total = Total { units: 0 };

    /// This and `amount`, which has at most 18 fraction digits as every amount has.
    pub fn plus(self, amount: Decimal) -> Result<Self, TotalOverflow> {
        let units = units_of(amount)?;
        self.units.checked_add(units).map(|units| Self { units }).ok_or(TotalOverflow)
    }

    /// This without `amount`.
    pub fn minus(self, amount: Decimal) -> Result<Self, TotalOverflow> {
        let units = units_of(amount)?;
        self.units.checked_sub(units).map(|units| Self { units }).ok_or(TotalOverflow)
    }

    /// This without another sum.
    pub fn less(self, other: Self) -> Result<Self, TotalOverflow> {
        self.units.checked_sub(other.units).map(|units| Self { units }).ok_or(TotalOverflow)
    }

    /// This as one amount; none if it is negative, or has more digits than an amount can hold exactly.
    pub fn amount(self) -> Option<Decimal> {
        let negative = self.units < 0;
        (!negative).then(|| Decimal::try_from_i128_with_scale(self.units, Self::DIGITS).ok()).flatten()
    }
}

fn units_of(amount: Decimal) -> Result<i128, TotalOverflow> {
    let amount = amount.normalize();
    let missing = Total::DIGITS.checked_sub(amount.scale()).ok_or(TotalOverflow)?;
    amount.mantissa().checked_mul(10i128.pow(missing)).ok_or(TotalOverflow)
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let whole = (self.units / Self::UNIT).unsigned_abs();
        let fraction = format!("{:018}", (self.units % Self::UNIT).unsigned_abs());
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            fraction => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse_amount;

    #[test]
    fn a_hundred_of_the_largest_amount_with_18_decimals_are_exact() {
        let largest = parse_amount("999999999.999999999999999999").unwrap();
        let sum = (0..100).try_fold(Total::ZERO, |sum, _| sum.plus(largest)).unwrap();
        assert_eq!(sum.to_string(), "99999999999.9999999999999999");
        let back = (0..100).try_fold(sum, |sum, _| sum.minus(largest)).unwrap();
        assert_eq!(back, Total::ZERO);
    }

    #[test]
    fn a_sum_is_an_amount_again_if_one_can_hold_it() {
        let amount = parse_amount("999999999.999999999999999999").unwrap();
        assert_eq!(Total::ZERO.plus(amount).unwrap().amount(), Some(amount));
        let cent = Total::ZERO.plus(parse_amount("0.01").unwrap()).unwrap();
        assert_eq!(cent.less(cent).unwrap().amount(), Some(Decimal::ZERO));
        assert_eq!(Total::ZERO.less(cent).unwrap().amount(), None);
    }

    #[test]
    fn a_total_may_be_negative_and_never_wraps() {
        let cent = parse_amount("0.01").unwrap();
        assert_eq!(Total::ZERO.minus(cent).unwrap().to_string(), "-0.01");
        let brim = Total { units: i128::MAX };
        assert_eq!(brim.plus(cent), Err(TotalOverflow));
    }

    proptest! {
        #[test]
        fn the_order_of_a_sum_does_not_matter(amounts in prop::collection::vec((0u64..1_000_000_000, 0u64..1_000_000_000_000_000_000), 0..40)) {
            let amounts: Vec<_> = amounts.iter().map(|(whole, part)| parse_amount(&format!("{whole}.{part:018}")).unwrap()).collect();
            let forth = amounts.iter().try_fold(Total::ZERO, |sum, amount| sum.plus(*amount)).unwrap();
            let back = amounts.iter().rev().try_fold(Total::ZERO, |sum, amount| sum.plus(*amount)).unwrap();
            prop_assert_eq!(forth, back);
        }
    }
}
