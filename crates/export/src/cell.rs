use domain::{Time, Total, TotalOverflow};
use jiff::civil::Date;
use rust_decimal::Decimal;

/// One value of a row, of the kind that its column says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Not known, or there is none.
    Empty,
    /// Text, ids and codes.
    Text(String),
    /// An exact amount, with the digits it came with.
    Amount(Decimal),
    /// A count of things.
    Count(u64),
    /// A calendar day.
    Date(Date),
    /// A moment in UTC.
    Moment(Time),
}

impl Cell {
    /// Text, if there is some.
    pub fn text(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Empty, |text| Self::Text(text.into()))
    }

    /// A moment, if there is one.
    pub fn moment(moment: Option<Time>) -> Self {
        moment.map_or(Self::Empty, Self::Moment)
    }

    /// An amount, if there is one.
    pub fn amount(amount: Option<Decimal>) -> Self {
        amount.map_or(Self::Empty, Self::Amount)
    }

    /// A sum, of either sign, without zeros behind its last digit.
    pub fn total(total: Total) -> Result<Self, TotalOverflow> {
        exact(total).map(Self::Amount).ok_or(TotalOverflow)
    }

    /// It as plain text: nothing for what is empty, every digit of an amount.
    pub(crate) fn plain(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Amount(amount) => amount.to_string(),
            Self::Count(count) => count.to_string(),
            Self::Date(date) => date.to_string(),
            Self::Moment(time) => time.to_string(),
        }
    }
}

/// A sum as one number; none if it has more digits than that can hold.
pub(crate) fn exact(total: Total) -> Option<Decimal> {
    Decimal::from_str_exact(&total.to_string()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_either_sign_are_cells() {
        for text in ["0", "-0.5", "1200", "-999999999.999999999999999999", "123456789012"] {
            let amount: Decimal = text.parse().unwrap();
            assert_eq!(Cell::total(Total::ZERO.plus(amount).unwrap()), Ok(Cell::Amount(amount)), "{text}");
        }
        let largest: Decimal = "999999999.999999999999999999".parse().unwrap();
        let many = (0..100).try_fold(Total::ZERO, |sum, _| sum.plus(largest)).unwrap();
        assert_eq!(Cell::total(many), Ok(Cell::Amount("99999999999.9999999999999999".parse().unwrap())));
        let too_many = (0..700).try_fold(Total::ZERO, |sum, _| sum.minus(largest - Decimal::new(1, 18))).unwrap();
        let told = Cell::total(too_many);
        assert!(told == Err(TotalOverflow) || told.map(|cell| cell.plain()) == Ok(too_many.to_string()), "{too_many}");
    }
}
