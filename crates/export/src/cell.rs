use domain::Time;
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
