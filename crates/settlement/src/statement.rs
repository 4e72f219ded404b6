use std::time::Duration;

use domain::{SettlementLine, Time};
use serde::{Deserialize, Serialize};

use crate::camt;
use crate::csv_file::{self, Columns};
use crate::malformed::Malformed;

/// How a settlement file is written.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
pub enum Format {
    /// Comma-separated values, with the columns that the settings name.
    #[serde(rename = "csv")]
    #[strum(serialize = "csv")]
    Csv,
    /// A bank's statement in XML (ISO 20022).
    #[serde(rename = "camt.053")]
    #[strum(serialize = "camt.053")]
    Camt053,
}

/// A settlement file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it says, payment by payment.
    pub lines: Vec<SettlementLine>,
    /// Entries without any name that a payment could have: they tell of something else.
    pub unnamed: u64,
    /// The day of its earliest line, and the end of that of its latest.
    pub window: [Time; 2],
}

const DAY: Duration = Duration::from_hours(24);

impl Statement {
    /// Reads a file to its end.
    pub fn read(format: Format, columns: &Columns, bytes: &[u8]) -> Result<Self, Malformed> {
        let (lines, unnamed) = match format {
            Format::Csv => (csv_file::read(columns, bytes)?, 0),
            Format::Camt053 => camt::read(bytes)?,
        };
        let days = || lines.iter().map(|line| line.at);
        let (Some(first), Some(last)) = (days().min(), days().max()) else {
            return Err(Malformed::at(1, "nothing in the file tells of a payment"));
        };
        Ok(Self { window: [first, last.plus(DAY)], lines, unnamed })
    }
}
