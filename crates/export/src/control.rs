use std::collections::BTreeMap;

use domain::{Total, TotalOverflow};
use serde::{Deserialize, Serialize, Serializer};

use crate::cell::Cell;
use crate::report::Report;

/// Exact sums of one currency and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Sums {
    /// How many lines.
    pub count: u64,
    /// The sum of gross.
    #[serde(serialize_with = "as_digits")]
    pub gross: Total,
    /// The sum of the fees.
    #[serde(serialize_with = "as_digits")]
    pub fee: Total,
    /// The sum of the nets.
    #[serde(serialize_with = "as_digits")]
    pub net: Total,
}

fn as_digits<S: Serializer>(total: &Total, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(total)
}

/// What a reader compares with what arrived.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Control {
    /// How many rows, without the header.
    pub rows: u64,
    /// The sums by currency, then by kind; none in a report of breaks.
    pub totals: BTreeMap<String, BTreeMap<String, Sums>>,
}

impl Control {
    /// Counts a row of `report`, whose cells stand under the report's columns.
    pub(crate) fn count(&mut self, report: Report, row: &[Cell]) -> Result<(), TotalOverflow> {
        self.rows += 1;
        if report == Report::Breaks {
            return Ok(());
        }
        let (currency, kind) = (text(report, row, "currency"), text(report, row, "kind"));
        let sums = self.totals.entry(currency.to_owned()).or_default().entry(kind.to_owned()).or_default();
        sums.count += match cell(report, row, "count") {
            Some(Cell::Count(count)) => *count,
            _ => 1,
        };
        for (sum, column) in [(&mut sums.gross, "gross"), (&mut sums.fee, "fee"), (&mut sums.net, "net")] {
            if let Some(Cell::Amount(amount)) = cell(report, row, column) {
                *sum = sum.plus(*amount)?;
            }
        }
        Ok(())
    }
}

fn cell<'a>(report: Report, row: &'a [Cell], column: &str) -> Option<&'a Cell> {
    report.position(column).and_then(|at| row.get(at))
}

fn text<'a>(report: Report, row: &'a [Cell], column: &str) -> &'a str {
    match cell(report, row, column) {
        Some(Cell::Text(text)) => text,
        _ => "",
    }
}

/// Payments that have not ended: what was asked for in them is in no total, since nobody knows what will move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unresolved {
    /// Whose.
    pub shop: String,
    /// Their type.
    pub payment_type: String,
    /// Where they stand.
    pub state: String,
    /// The currency that was asked for.
    pub currency: String,
    /// How many.
    pub count: u64,
    /// What was asked for in them together, in digits.
    pub requested: String,
}
