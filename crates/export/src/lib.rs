//! The files that finance gets: rows in, a file out.
//!
//! No database, no HTTP, no clock: the same heading and the same rows give the same bytes, whoever writes them and how often.

mod cell;
mod control;
mod csv_file;
mod file;
mod manifest;
mod ndjson_file;
mod parquet_file;
mod report;
mod xlsx_file;
mod zone;

pub use cell::Cell;
pub use control::{Control, Sums, Unresolved};
pub use file::{ExportFile, Format, NotWritten};
pub use manifest::{Heading, Manifest};
pub use report::{Column, Kind, Report};
pub use zone::{UnknownZone, Zone};
