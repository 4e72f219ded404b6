use std::fs::File;
use std::io::{BufWriter, Write as _};

use serde::{Serialize, Serializer};

use crate::cell::Cell;
use crate::file::NotWritten;
use crate::report::Column;

/// One JSON object per line. Amounts are strings, since JSON's readers make floats of numbers.
pub(crate) struct NdjsonFile {
    out: BufWriter<File>,
    columns: &'static [Column],
}

impl NdjsonFile {
    pub(crate) fn begin(file: File, columns: &'static [Column]) -> Self {
        Self { out: BufWriter::new(file), columns }
    }

    pub(crate) fn row(&mut self, row: &[Cell]) -> Result<(), NotWritten> {
        let object = Object { columns: self.columns, row };
        serde_json::to_writer(&mut self.out, &object).map_err(std::io::Error::from)?;
        Ok(self.out.write_all(b"\n")?)
    }

    pub(crate) fn end(mut self) -> Result<(), NotWritten> {
        Ok(self.out.flush()?)
    }
}

/// A row with its columns' names, in their order.
struct Object<'a> {
    columns: &'static [Column],
    row: &'a [Cell],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns.iter().map(|column| column.name).zip(self.row.iter().map(Value)))
    }
}

struct Value<'a>(&'a Cell);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Cell::Empty => serializer.serialize_none(),
            Cell::Count(count) => serializer.serialize_u64(*count),
            Cell::Text(text) => serializer.serialize_str(text),
            other => serializer.serialize_str(&other.plain()),
        }
    }
}
