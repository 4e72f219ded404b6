use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use domain::{Time, Total};
use jiff::civil::date;
use rust_decimal::Decimal;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use crate::cell::{Cell, exact as whole};
use crate::control::{Control, Unresolved};
use crate::file::NotWritten;
use crate::manifest::Heading;
use crate::report::{Column, Kind, Report};

/// Rows of a sheet, its header among them: the limit of the format.
const SHEET_ROWS: u32 = 1_048_576;

/// More digits than this are not exact in a cell's number.
const EXACT_DIGITS: usize = 15;

/// Between the first day of 1900, as spreadsheets count it, and 1970.
const DAYS_TO_1970: i64 = 25_569;

/// A workbook (ISO/IEC 29500): the rows on as many sheets as they need, then the totals and what the file is about.
/// Numbers, days and moments are such; an amount with more digits than a cell's number can hold is text, so that none is
/// lost.
pub(crate) struct XlsxFile {
    workbook: Workbook,
    report: Report,
    formats: Formats,
    sheets: u32,
    /// The row of the last sheet that comes next.
    next: u32,
    sheet_rows: u32,
    /// Amounts that are written as text.
    as_text: u64,
}

struct Formats {
    header: Format,
    amount: Format,
    date: Format,
    moment: Format,
}

impl XlsxFile {
    pub(crate) fn begin(report: Report, made_at: Time) -> Result<Self, NotWritten> {
        Self::with_sheets_of(SHEET_ROWS, report, made_at)
    }

    fn with_sheets_of(sheet_rows: u32, report: Report, made_at: Time) -> Result<Self, NotWritten> {
        let mut workbook = Workbook::new();
        // The same rows are the same bytes, whenever they are written.
        let made_at = ExcelDateTime::from_timestamp(made_at.unix_micros().div_euclid(1_000_000))?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&made_at));
        let formats = Formats {
            header: Format::new().set_bold(),
            amount: Format::new().set_num_format("#,##0.00################"),
            date: Format::new().set_num_format("yyyy-mm-dd"),
            moment: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000"),
        };
        let mut file = Self { workbook, report, formats, sheets: 0, next: 0, sheet_rows, as_text: 0 };
        file.begin_sheet()?;
        Ok(file)
    }

    fn begin_sheet(&mut self) -> Result<(), XlsxError> {
        self.sheets += 1;
        let name = if self.sheets == 1 { self.report.to_string() } else { format!("{} {}", self.report, self.sheets) };
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?.set_freeze_panes(1, 0)?;
        for (at, column) in (0..).zip(self.report.columns()) {
            sheet.set_column_width(at, width(column))?;
        }
        for (at, column) in (0..).zip(self.report.columns()) {
            sheet.write_string_with_format(0, at, column.name, &self.formats.header)?;
        }
        self.next = 1;
        Ok(())
    }

    pub(crate) fn row(&mut self, row: &[Cell]) -> Result<(), NotWritten> {
        if self.next == self.sheet_rows {
            self.begin_sheet()?;
        }
        let (at, formats) = (self.next, &self.formats);
        let sheet = self.workbook.worksheet_from_index(self.sheets as usize - 1)?;
        for (column, cell) in (0..).zip(row) {
            match cell {
                Cell::Empty => continue,
                Cell::Text(text) => sheet.write_string(at, column, text)?,
                Cell::Count(count) => sheet.write_number(at, column, nearest((*count).into()))?,
                Cell::Amount(amount) => {
                    if let Some(number) = exact(*amount) {
                        sheet.write_number_with_format(at, column, number, &formats.amount)?
                    } else {
                        self.as_text += 1;
                        sheet.write_string(at, column, amount.to_string())?
                    }
                }
                Cell::Date(day) => {
                    let days = date(1970, 1, 1).until(*day).map_or(0, |span| span.get_days());
                    let serial = nearest((i64::from(days) + DAYS_TO_1970).into());
                    sheet.write_number_with_format(at, column, serial, &formats.date)?
                }
                Cell::Moment(moment) => sheet.write_number_with_format(at, column, serial(*moment), &formats.moment)?,
            };
        }
        self.next += 1;
        Ok(())
    }

    pub(crate) fn end(
        mut self,
        path: &Path,
        heading: &Heading,
        control: &Control,
        unresolved: &[Unresolved],
    ) -> Result<(), NotWritten> {
        self.write_totals(control, unresolved)?;
        self.write_control(heading, control)?;
        let file = BufWriter::new(File::create(path)?);
        self.workbook.save_to_writer(file)?;
        Ok(())
    }

    fn write_totals(&mut self, control: &Control, unresolved: &[Unresolved]) -> Result<(), XlsxError> {
        let sheet = self.workbook.add_worksheet();
        sheet.set_name("totals")?.set_freeze_panes(1, 0)?.set_column_range_width(0, 5, 20)?;
        for (at, name) in (0..).zip(["currency", "kind", "count", "gross", "fee", "net"]) {
            sheet.write_string_with_format(0, at, name, &self.formats.header)?;
        }
        let mut row = 1;
        for (currency, kinds) in &control.totals {
            for (kind, sums) in kinds {
                sheet.write_string(row, 0, currency)?.write_string(row, 1, kind)?;
                sheet.write_number(row, 2, nearest(sums.count.into()))?;
                for (at, total) in (3..).zip([sums.gross, sums.fee, sums.net]) {
                    match whole(total).and_then(exact) {
                        Some(number) => sheet.write_number_with_format(row, at, number, &self.formats.amount)?,
                        None => sheet.write_string(row, at, Total::to_string(&total))?,
                    };
                }
                row += 1;
            }
        }
        row += 1;
        let names = ["unresolved, in no total", "type", "count", "shop", "state", "requested"];
        for (at, name) in (0..).zip(names) {
            sheet.write_string_with_format(row, at, name, &self.formats.header)?;
        }
        for (row, of) in (row + 1..).zip(unresolved) {
            sheet.write_string(row, 0, &of.currency)?.write_string(row, 1, &of.payment_type)?;
            sheet.write_number(row, 2, nearest(of.count.into()))?;
            sheet.write_string(row, 3, &of.shop)?.write_string(row, 4, &of.state)?;
            match of.requested.parse().ok().and_then(exact) {
                Some(number) => sheet.write_number_with_format(row, 5, number, &self.formats.amount)?,
                None => sheet.write_string(row, 5, &of.requested)?,
            };
        }
        Ok(())
    }

    fn write_control(&mut self, heading: &Heading, control: &Control) -> Result<(), XlsxError> {
        let sheet = self.workbook.add_worksheet();
        sheet.set_name("control")?.set_column_width(0, 24)?.set_column_width(1, 60)?;
        let facts = [
            ("export", heading.export_id.clone()),
            ("report", heading.report.to_string()),
            ("shops", heading.shops.join(", ")),
            ("from", heading.from.to_string()),
            ("to", heading.to.to_string()),
            ("zone", heading.zone.clone()),
            ("as of place", heading.as_of.to_string()),
            ("ordered at", heading.ordered_at.to_string()),
            ("program version", heading.program_version.clone()),
            ("rows", control.rows.to_string()),
            ("amounts written as text", self.as_text.to_string()),
        ];
        for (row, (name, value)) in (0..).zip(facts) {
            sheet.write_string_with_format(row, 0, name, &self.formats.header)?.write_string(row, 1, value)?;
        }
        Ok(())
    }
}

fn width(column: &Column) -> f64 {
    match column.kind {
        Kind::Text | Kind::Moment => 24.0,
        Kind::Amount => 16.0,
        Kind::Count | Kind::Date => 12.0,
    }
}

/// The amount as a cell's number, if that is exactly it.
fn exact(amount: Decimal) -> Option<f64> {
    let digits = amount.normalize().mantissa().unsigned_abs().to_string().len();
    (digits <= EXACT_DIGITS).then(|| nearest(amount))
}

/// The cell's number that lies nearest.
fn nearest(number: Decimal) -> f64 {
    number.to_string().parse().unwrap_or_default()
}

/// Days since the beginning of 1900, as spreadsheets count them.
fn serial(moment: Time) -> f64 {
    nearest(Decimal::from(moment.unix_micros()) / Decimal::from(86_400_000_000_i64) + Decimal::from(DAYS_TO_1970))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cell_cannot_hold_exactly_is_no_number() {
        for (amount, is_exact) in [
            ("0.10", true),
            ("-70", true),
            ("9999999999999.99", true),
            ("99999999999999.99", false),
            ("0.000000000000000001", true),
            ("1.000000000000000001", false),
        ] {
            assert_eq!(exact(amount.parse().unwrap()).is_some(), is_exact, "{amount}");
        }
        assert!((serial(Time::from_unix_micros(1_764_158_400_500_000).unwrap()) - 45_987.500_005_787).abs() < 1e-8);
    }

    #[test]
    fn more_rows_than_a_sheet_has_go_to_the_next_one() {
        let mut file = XlsxFile::with_sheets_of(3, Report::DailySummary, Time::EPOCH).unwrap();
        let row = vec![Cell::Empty; Report::DailySummary.columns().len()];
        for _ in 0..5 {
            file.row(&row).unwrap();
        }
        assert_eq!((file.sheets, file.next), (3, 2));
    }
}
