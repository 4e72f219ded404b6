use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use domain::TotalOverflow;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::cell::Cell;
use crate::control::{Control, Unresolved};
use crate::csv_file::CsvFile;
use crate::manifest::{Heading, Manifest, digest};
use crate::ndjson_file::NdjsonFile;
use crate::parquet_file::ParquetFile;
use crate::xlsx_file::XlsxFile;

/// How a file is written.
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
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Format {
    /// RFC 4180.
    Csv,
    /// The same behind a byte order mark, by which some spreadsheets know UTF-8.
    CsvBom,
    /// Office Open XML, for spreadsheets.
    Xlsx,
    /// Apache Parquet.
    Parquet,
    /// One JSON object per line (RFC 8259), amounts as strings.
    Ndjson,
}

impl Format {
    /// How the names of its files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvBom => "csv",
            Self::Xlsx => "xlsx",
            Self::Parquet => "parquet",
            Self::Ndjson => "ndjson",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvBom => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// Why a file could not be written to its end.
#[derive(Debug, Error)]
pub enum NotWritten {
    /// The place it goes to refused it.
    #[error("the file could not be written: {0}")]
    Io(#[from] io::Error),
    /// The library that writes the format refused something.
    #[error("the file could not be written: {0}")]
    Xlsx(#[from] rust_xlsxwriter::XlsxError),
    /// The library that writes the format refused something.
    #[error("the file could not be written: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// A sum that the control cannot hold.
    #[error(transparent)]
    Total(#[from] TotalOverflow),
    /// A row whose cells are not those of the columns, or a value that the format cannot hold.
    #[error("row {row} does not fit into the columns of the report")]
    Misfit {
        /// Its number, from 1.
        row: u64,
    },
}

/// A file being written, row by row. What is in memory does not grow with it.
pub struct ExportFile {
    path: PathBuf,
    heading: Heading,
    unresolved: Vec<Unresolved>,
    control: Control,
    rows: Rows,
}

enum Rows {
    Csv(CsvFile),
    Xlsx(Box<XlsxFile>),
    Parquet(ParquetFile),
    Ndjson(NdjsonFile),
}

impl ExportFile {
    /// Begins a file, in place of one that may be there.
    pub fn begin(path: &Path, heading: Heading, unresolved: Vec<Unresolved>) -> Result<Self, NotWritten> {
        let columns = heading.report.columns();
        let rows = match heading.format {
            Format::Csv => Rows::Csv(CsvFile::begin(File::create(path)?, columns, false)?),
            Format::CsvBom => Rows::Csv(CsvFile::begin(File::create(path)?, columns, true)?),
            Format::Xlsx => Rows::Xlsx(Box::new(XlsxFile::begin(heading.report, heading.ordered_at)?)),
            Format::Parquet => Rows::Parquet(ParquetFile::begin(File::create(path)?, columns)?),
            Format::Ndjson => Rows::Ndjson(NdjsonFile::begin(File::create(path)?, columns)),
        };
        Ok(Self { path: path.to_owned(), heading, unresolved, control: Control::default(), rows })
    }

    /// Writes one row; its cells stand in the order of the columns.
    pub fn row(&mut self, row: &[Cell]) -> Result<(), NotWritten> {
        let (report, number) = (self.heading.report, self.control.rows + 1);
        let columns = report.columns();
        if row.len() != columns.len() || !columns.iter().zip(row).all(|(column, cell)| column.kind.takes(cell)) {
            return Err(NotWritten::Misfit { row: number });
        }
        self.control.count(report, row)?;
        match &mut self.rows {
            Rows::Csv(file) => file.row(row),
            Rows::Xlsx(file) => file.row(row),
            Rows::Parquet(file) => file.row(row, number),
            Rows::Ndjson(file) => file.row(row),
        }
    }

    /// Ends the file, durably, and says what it holds. `file_name` is what it will be called.
    pub fn end(self, file_name: String) -> Result<Manifest, NotWritten> {
        let Self { path, heading, unresolved, control, rows } = self;
        match rows {
            Rows::Csv(file) => file.end()?,
            Rows::Xlsx(file) => file.end(&path, &heading, &control, &unresolved)?,
            Rows::Parquet(file) => file.end()?,
            Rows::Ndjson(file) => file.end()?,
        }
        File::open(&path)?.sync_all()?;
        let (bytes, sha256) = digest(&path)?;
        Ok(Manifest { heading, control, unresolved, file_name, bytes, sha256 })
    }
}
