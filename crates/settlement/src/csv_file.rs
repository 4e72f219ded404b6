//! Comma-separated values: which column is what, the settings say.

use csv::StringRecord;
use domain::{Currency, SettlementLine, Time, parse_amount};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use thiserror::Error;

use crate::malformed::Malformed;
use crate::named::{ByName, Entry, Names};

/// Which column is what, and how it is written. A name that is empty is of a column that the file does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// What stands between two fields: one character.
    pub delimiter: String,
    /// What stands before the fraction of an amount: `.` or `,`. Where it is the one, the other may stand between thousands.
    pub decimal_mark: String,
    /// The gateway's name of the payment.
    pub gateway_payment_id: String,
    /// Its reference.
    pub reference_id: String,
    /// What was paid out, or taken back.
    pub amount: String,
    /// What was kept for it.
    pub fee: String,
    /// The currency of both.
    pub currency: String,
    /// The day of it.
    pub date: String,
    /// How days are written, such as `%Y-%m-%d`.
    pub date_format: String,
}

/// Columns by which no file can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidColumns {
    /// It separates nothing.
    #[error("delimiter must be one ASCII character")]
    Delimiter,
    /// It is neither of the two.
    #[error("decimal_mark must be . or ,")]
    DecimalMark,
    /// Nothing says which payment a line is about.
    #[error("gateway_payment_id or reference_id must name a column")]
    Names,
    /// One that no file can do without.
    #[error("amount, currency and date must name columns, and date_format must say how days are written")]
    Missing,
}

impl Columns {
    /// Refuses columns by which no file can be read.
    pub fn check(&self) -> Result<(), InvalidColumns> {
        if !self.delimiter.is_ascii() || self.delimiter.len() != 1 {
            return Err(InvalidColumns::Delimiter);
        }
        if ![".", ","].contains(&self.decimal_mark.as_str()) {
            return Err(InvalidColumns::DecimalMark);
        }
        if self.gateway_payment_id.is_empty() && self.reference_id.is_empty() {
            return Err(InvalidColumns::Names);
        }
        let needed = [&self.amount, &self.currency, &self.date, &self.date_format];
        if needed.iter().any(|name| name.is_empty()) { Err(InvalidColumns::Missing) } else { Ok(()) }
    }

    fn separator(&self) -> u8 {
        self.delimiter.bytes().next().unwrap_or(b',')
    }
}

/// Where the columns stand in this file.
struct Places {
    id: Option<usize>,
    reference: Option<usize>,
    amount: usize,
    fee: Option<usize>,
    currency: usize,
    date: usize,
}

pub(crate) fn read(columns: &Columns, bytes: &[u8]) -> Result<Vec<SettlementLine>, Malformed> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().delimiter(columns.separator()).trim(csv::Trim::All).from_reader(bytes);
    let places = places(columns, reader.headers().map_err(|error| unreadable(bytes, &error))?)?;
    let (mut lines, mut record) = (ByName::default(), StringRecord::new());
    let (mut counted, mut line) = (0, 1);
    while reader.read_record(&mut record).map_err(|error| unreadable(bytes, &error))? {
        let begun = beginning(bytes, record.position());
        line += ends_in(bytes.get(counted..begun).unwrap_or_default());
        counted = begun;
        lines.add(entry(columns, &places, line, &record)?)?;
    }
    lines.lines()
}

fn places(columns: &Columns, header: &StringRecord) -> Result<Places, Malformed> {
    let place = |name: &str| {
        let mut found = header.iter().enumerate().filter(|(_, field)| *field == name).map(|(place, _)| place);
        match (found.next(), found.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => Err(Malformed::at(1, format!("two columns are named {name}"))),
            (None, _) => Err(Malformed::at(1, format!("there is no column named {name}"))),
        }
    };
    let place_if_any = |name: &str| if name.is_empty() { Ok(None) } else { place(name).map(Some) };
    Ok(Places {
        id: place_if_any(&columns.gateway_payment_id)?,
        reference: place_if_any(&columns.reference_id)?,
        amount: place(&columns.amount)?,
        fee: place_if_any(&columns.fee)?,
        currency: place(&columns.currency)?,
        date: place(&columns.date)?,
    })
}

fn entry(columns: &Columns, places: &Places, line: u64, record: &StringRecord) -> Result<Entry, Malformed> {
    let field = |place: usize| record.get(place).unwrap_or_default();
    let filled = |place: Option<usize>| place.map(field).filter(|text| !text.is_empty());
    let id = filled(places.id).map(str::parse).transpose();
    let id = id.map_err(|why| Malformed::at(line, format!("{} {why}", columns.gateway_payment_id)))?;
    let reference = filled(places.reference).map(str::parse).transpose();
    let reference = reference.map_err(|why| Malformed::at(line, format!("{} {why}", columns.reference_id)))?;
    let names = Names { ids: id.into_iter().collect(), references: reference.into_iter().collect() };
    if names.is_empty() {
        return Err(Malformed::at(line, "nothing says which payment it is about"));
    }
    let currency: Currency =
        field(places.currency).parse().map_err(|why| Malformed::at(line, format!("{} {why}", columns.currency)))?;
    let fee = filled(places.fee).map(|text| amount(columns, line, &columns.fee, text)).transpose()?;
    Ok(Entry {
        line,
        names,
        amount: amount(columns, line, &columns.amount, field(places.amount))?,
        fee,
        currency,
        at: day(columns, line, field(places.date))?,
    })
}

/// An amount with its sign, as the file writes it.
fn amount(columns: &Columns, line: u64, of: &str, text: &str) -> Result<Decimal, Malformed> {
    let thousands = if columns.decimal_mark == "," { '.' } else { ',' };
    let plain: String = text.chars().filter(|character| *character != thousands).collect();
    let plain = plain.replace(&columns.decimal_mark, ".");
    let (is_negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let size = parse_amount(digits).map_err(|why| Malformed::amount(line, of, why))?;
    Ok(if is_negative { -size } else { size })
}

fn day(columns: &Columns, line: u64, text: &str) -> Result<Time, Malformed> {
    let wrong = || Malformed::at(line, format!("{} is no day as {} writes it", columns.date, columns.date_format));
    let day = Date::strptime(&columns.date_format, text).map_err(|_| wrong())?;
    start_of(day).ok_or_else(wrong)
}

/// The first moment of a day, in UTC.
pub(crate) fn start_of(day: Date) -> Option<Time> {
    let begun = day.to_zoned(TimeZone::UTC).ok()?;
    Time::from_unix_micros(begun.timestamp().as_microsecond())
}

/// Where the text of a record begins: the reader may stand before the end of the line before it.
fn beginning(bytes: &[u8], position: Option<&csv::Position>) -> usize {
    let at = position.map_or(0, |position| usize::try_from(position.byte()).unwrap_or(usize::MAX)).min(bytes.len());
    let ends = bytes.iter().skip(at).take_while(|byte| [b'\r', b'\n'].contains(*byte)).count();
    at + ends
}

/// How many lines end in these bytes.
fn ends_in(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |lines, byte| lines + u64::from(*byte == b'\n'))
}

fn unreadable(bytes: &[u8], error: &csv::Error) -> Malformed {
    let begun = beginning(bytes, error.position());
    let line = 1 + ends_in(bytes.get(..begun).unwrap_or_default());
    let why = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "it is no UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} fields, and the header has {expected_len}")
        }
        _ => "it cannot be read as comma-separated values".to_owned(),
    };
    Malformed::at(line, why)
}
