use std::fs::File;
use std::io::Write as _;

use crate::cell::Cell;
use crate::file::NotWritten;
use crate::report::Column;

/// Comma-separated values (RFC 4180). Numbers are plain; text that a spreadsheet would take for a formula is guarded.
pub(crate) struct CsvFile(Box<csv::Writer<File>>);

impl CsvFile {
    pub(crate) fn begin(mut file: File, columns: &[Column], byte_order_mark: bool) -> Result<Self, NotWritten> {
        if byte_order_mark {
            file.write_all("\u{feff}".as_bytes())?;
        }
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
        writer.write_record(columns.iter().map(|column| column.name)).map_err(std::io::Error::from)?;
        Ok(Self(Box::new(writer)))
    }

    pub(crate) fn row(&mut self, row: &[Cell]) -> Result<(), NotWritten> {
        Ok(self.0.write_record(row.iter().map(field)).map_err(std::io::Error::from)?)
    }

    pub(crate) fn end(mut self) -> Result<(), NotWritten> {
        Ok(self.0.flush()?)
    }
}

fn field(cell: &Cell) -> String {
    match cell {
        // A spreadsheet takes text that begins so for a formula; numbers are never touched.
        Cell::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        other => other.plain(),
    }
}
