//! camt.053 (ISO 20022): a bank's statement of what was booked on an account. Each transaction of an entry is one, or the
//! entry itself where the bank tells no transactions. What is only announced is not booked.

use std::str::{self, FromStr};

use domain::{Currency, SettlementLine, Time, parse_amount};
use jiff::Timestamp;
use jiff::civil::Date;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use rust_decimal::Decimal;

use crate::csv_file::start_of;
use crate::malformed::Malformed;
use crate::named::{ByName, Entry, Names};

/// Elements inside of each other. A statement has about ten.
const DEPTH_MAX: usize = 64;

/// What banks write where there is no name.
const NO_NAME: &str = "NOTPROVIDED";

/// Elements that hold a name, the likeliest first: who ordered the payment gave the first of them.
const NAMES: [&str; 5] = ["EndToEndId", "TxId", "InstrId", "AcctSvcrRef", "NtryRef"];

/// Answers the lines, and how many entries have no name that a payment could have.
pub(crate) fn read(bytes: &[u8]) -> Result<(Vec<SettlementLine>, u64), Malformed> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        Malformed::at(lines_in(before), "it is no UTF-8")
    })?;
    let mut reading = Reading::default();
    let mut reader = Reader::from_str(text);
    let (mut counted, mut line) = (0, 1);
    loop {
        let event = reader.read_event();
        let position = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(bytes.len());
        let passed = bytes.get(counted..position).unwrap_or_default();
        // An event belongs to the line on which it begins, which is where the one before it has ended.
        let begun = line;
        line += lines_in(passed) - 1;
        counted = position;
        match event.map_err(|_| Malformed::at(line, "it is no well-formed XML"))? {
            Event::Start(element) => reading.open(&element, begun)?,
            Event::Empty(element) => {
                reading.open(&element, begun)?;
                reading.close(line)?;
            }
            Event::End(_) => reading.close(line)?,
            Event::Text(text) => {
                reading.text.push_str(&text.decode().map_err(|_| Malformed::at(line, "it is no UTF-8"))?);
            }
            Event::CData(text) => {
                reading.text.push_str(&text.decode().map_err(|_| Malformed::at(line, "it is no UTF-8"))?);
            }
            Event::GeneralRef(reference) => reading.refer(&reference, line)?,
            Event::DocType(_) => {
                return Err(Malformed::at(line, "it defines a document type, which no statement does"));
            }
            Event::Eof if reading.path.is_empty() && reading.has_statement => break,
            Event::Eof => return Err(Malformed::at(line, "it is no whole camt.053 statement")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    Ok((reading.lines.lines()?, reading.unnamed))
}

/// How many lines begin in these bytes, or before them.
fn lines_in(bytes: &[u8]) -> u64 {
    1 + bytes.iter().fold(0, |lines, byte| lines + u64::from(*byte == b'\n'))
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    path: Vec<String>,
    /// The text of the innermost element so far.
    text: String,
    /// The currency of the innermost amount.
    currency: Option<String>,
    entry: Part,
    /// The transactions of the entry that were told.
    transactions: Vec<Part>,
    transaction: Part,
    has_statement: bool,
    lines: ByName,
    unnamed: u64,
}

/// An entry, or one of its transactions.
#[derive(Default, Clone)]
struct Part {
    line: u64,
    names: [Option<String>; NAMES.len()],
    amount: Option<(Decimal, Currency)>,
    fee: Option<Decimal>,
    is_debit: Option<bool>,
    is_booked: bool,
    at: Option<Time>,
}

impl Reading {
    fn open(&mut self, element: &BytesStart<'_>, line: u64) -> Result<(), Malformed> {
        let name = String::from_utf8_lossy(element.local_name().as_ref()).into_owned();
        if self.path.len() == DEPTH_MAX {
            return Err(Malformed::at(line, "its elements lie too deep in each other"));
        }
        self.path.push(name);
        self.text.clear();
        let place = self.path.join("/");
        if place == "Document/BkToCstmrStmt/Stmt" {
            self.has_statement = true;
        } else if place.ends_with("/Stmt/Ntry") {
            self.entry = Part { line, ..Part::default() };
            self.transactions.clear();
        } else if place.ends_with("/Ntry/NtryDtls/TxDtls") {
            self.transaction = Part { line, ..Part::default() };
        } else if place.ends_with("Amt") {
            let attribute = element.try_get_attribute("Ccy").ok().flatten();
            self.currency = attribute.map(|attribute| String::from_utf8_lossy(&attribute.value).into_owned());
        }
        Ok(())
    }

    fn refer(&mut self, reference: &BytesRef<'_>, line: u64) -> Result<(), Malformed> {
        let unknown = || Malformed::at(line, "it refers to an entity that XML does not define");
        if let Some(character) = reference.resolve_char_ref().map_err(|_| unknown())? {
            self.text.push(character);
            return Ok(());
        }
        let name = reference.decode().map_err(|_| unknown())?;
        self.text.push_str(resolve_predefined_entity(&name).ok_or_else(unknown)?);
        Ok(())
    }

    fn close(&mut self, line: u64) -> Result<(), Malformed> {
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        let path = std::mem::take(&mut self.path);
        let place: Vec<&str> = path.iter().skip_while(|name| *name != "Ntry").map(String::as_str).collect();
        match place[..] {
            ["Ntry"] => self.end_entry()?,
            ["Ntry", "NtryDtls", "TxDtls"] => self.transactions.push(std::mem::take(&mut self.transaction)),
            ["Ntry", "NtryDtls", "TxDtls", ref inside @ ..] => {
                let currency = self.currency.as_deref();
                self.transaction.take(inside, text, currency, line)?;
            }
            ["Ntry", ref inside @ ..] => {
                let currency = self.currency.as_deref();
                self.entry.take(inside, text, currency, line)?;
            }
            _ => {}
        }
        self.path = path;
        self.path.pop();
        Ok(())
    }

    fn end_entry(&mut self) -> Result<(), Malformed> {
        let entry = std::mem::take(&mut self.entry);
        let transactions = std::mem::take(&mut self.transactions);
        if !entry.is_booked {
            return Ok(());
        }
        if transactions.is_empty() {
            return self.add(&entry, &entry);
        }
        let is_alone = transactions.len() == 1;
        for mut transaction in transactions {
            if transaction.amount.is_none() && is_alone {
                transaction.amount = entry.amount;
            }
            self.add(&transaction, &entry)?;
        }
        Ok(())
    }

    fn add(&mut self, part: &Part, entry: &Part) -> Result<(), Malformed> {
        let line = part.line;
        let names = part.names();
        if names.is_empty() {
            self.unnamed += 1;
            return Ok(());
        }
        let Some((amount, currency)) = part.amount else {
            return Err(Malformed::at(line, "it has no amount of its own"));
        };
        let Some(at) = part.at.or(entry.at) else {
            return Err(Malformed::at(line, "its entry has no booking date"));
        };
        let Some(is_debit) = part.is_debit.or(entry.is_debit) else {
            return Err(Malformed::at(line, "nothing says whether it is a credit or a debit"));
        };
        let amount = if is_debit { -amount } else { amount };
        self.lines.add(Entry { line, names, amount, fee: part.fee, currency, at })
    }
}

impl Part {
    fn take(&mut self, inside: &[&str], text: &str, currency: Option<&str>, line: u64) -> Result<(), Malformed> {
        match inside {
            ["Amt"] | ["AmtDtls", "TxAmt", "Amt"] => {
                let currency = currency.and_then(|code| Currency::from_str(code).ok());
                let currency = currency.ok_or_else(|| Malformed::at(line, "an amount has no currency"))?;
                self.amount = Some((read_amount(text, line)?, currency));
            }
            ["Chrgs", "TtlChrgsAndTaxAmt"] => self.fee = Some(read_amount(text, line)?),
            ["Chrgs", "Rcrd", "Amt"] | ["Chrgs", "Amt"] => {
                let sum = self.fee.unwrap_or_default().checked_add(read_amount(text, line)?);
                self.fee = Some(sum.ok_or_else(|| Malformed::at(line, "its charges are more than can be counted"))?);
            }
            ["CdtDbtInd"] => match text {
                "CRDT" => self.is_debit = Some(false),
                "DBIT" => self.is_debit = Some(true),
                _ => return Err(Malformed::at(line, "CdtDbtInd must be CRDT or DBIT")),
            },
            ["Sts"] | ["Sts", "Cd"] if !text.is_empty() => self.is_booked = text == "BOOK",
            ["BookgDt", "Dt"] => {
                let day = Date::from_str(text.get(..10).unwrap_or_default()).ok().and_then(start_of);
                self.at = Some(day.ok_or_else(|| Malformed::at(line, "BookgDt is no date"))?);
            }
            ["BookgDt", "DtTm"] => self.at = Some(read_moment(text, line)?),
            [name] | ["Refs", name] => {
                if let Some(place) = NAMES.iter().position(|known| known == name)
                    && !text.is_empty()
                    && text != NO_NAME
                {
                    self.names[place] = Some(text.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Which of its names a payment could have; the gateway's name and the reference may stand anywhere.
    fn names(&self) -> Names {
        let texts = || self.names.iter().flatten();
        Names {
            ids: texts().filter_map(|text| text.parse().ok()).collect(),
            references: texts().filter_map(|text| text.parse().ok()).collect(),
        }
    }
}

fn read_amount(text: &str, line: u64) -> Result<Decimal, Malformed> {
    parse_amount(text).map_err(|why| Malformed::amount(line, "an amount", why))
}

/// The day of a moment, which is in UTC if it says nothing else.
fn read_moment(text: &str, line: u64) -> Result<Time, Malformed> {
    let moment = Timestamp::from_str(text).or_else(|_| Timestamp::from_str(&format!("{text}Z")));
    let day = moment.ok().map(|moment| moment.to_zoned(jiff::tz::TimeZone::UTC).date());
    day.and_then(start_of).ok_or_else(|| Malformed::at(line, "BookgDt is no moment"))
}
