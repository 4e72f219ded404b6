use std::fs::File;
use std::sync::Arc;

use jiff::civil::date;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use rust_decimal::Decimal;

use crate::cell::Cell;
use crate::file::NotWritten;
use crate::report::{Column, Kind};

/// Rows that are held until they are written as one group.
const GROUP_ROWS: usize = 20_000;

/// Amounts are decimals of this many digits, of which so many stand behind the point: what any amount has.
const PRECISION: i32 = 38;
const SCALE: u32 = 18;
const SCALE_DIGITS: i32 = 18;

/// 16 bytes hold 38 digits.
const AMOUNT_BYTES: i32 = 16;

/// Apache Parquet: amounts as decimals, days as dates, moments as UTC timestamps in microseconds. Every column may be empty.
pub(crate) struct ParquetFile {
    writer: SerializedFileWriter<File>,
    columns: Vec<Values>,
    rows: usize,
}

/// The values of a column that wait to be written: whether each row has one, and those that there are.
struct Values {
    present: Vec<i16>,
    held: Held,
}

enum Held {
    Text(Vec<ByteArray>),
    Amount(Vec<FixedLenByteArray>),
    Whole(Vec<i64>),
    Date(Vec<i32>),
}

impl ParquetFile {
    pub(crate) fn begin(file: File, columns: &'static [Column]) -> Result<Self, NotWritten> {
        let fields = columns.iter().map(field).collect::<Result<Vec<_>, _>>()?;
        let schema = Type::group_type_builder("rows").with_fields(fields).build()?;
        // Named after what is written, so that another version of the library writes the same.
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by("export".to_owned())
            .build();
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
        Ok(Self { writer, columns: columns.iter().map(|column| Values::of(column.kind)).collect(), rows: 0 })
    }

    pub(crate) fn row(&mut self, row: &[Cell], number: u64) -> Result<(), NotWritten> {
        for (values, cell) in self.columns.iter_mut().zip(row) {
            values.push(cell).ok_or(NotWritten::Misfit { row: number })?;
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    pub(crate) fn end(mut self) -> Result<(), NotWritten> {
        self.write_group()?;
        self.writer.close()?;
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), NotWritten> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for Values { present, held } in &mut self.columns {
            let Some(mut column) = group.next_column()? else { break };
            match held {
                Held::Text(values) => write::<ByteArrayType>(&mut column, values, present)?,
                Held::Amount(values) => write::<FixedLenByteArrayType>(&mut column, values, present)?,
                Held::Whole(values) => write::<Int64Type>(&mut column, values, present)?,
                Held::Date(values) => write::<Int32Type>(&mut column, values, present)?,
            }
            column.close()?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

fn write<T: DataType>(
    column: &mut parquet::file::writer::SerializedColumnWriter<'_>,
    values: &mut Vec<T::T>,
    present: &mut Vec<i16>,
) -> Result<(), ParquetError> {
    column.typed::<T>().write_batch(values, Some(present), None)?;
    values.clear();
    present.clear();
    Ok(())
}

fn field(column: &Column) -> Result<Arc<Type>, ParquetError> {
    let of = |physical| Type::primitive_type_builder(column.name, physical).with_repetition(Repetition::OPTIONAL);
    let field = match column.kind {
        Kind::Text => of(Physical::BYTE_ARRAY).with_logical_type(Some(LogicalType::String)),
        Kind::Amount => of(Physical::FIXED_LEN_BYTE_ARRAY)
            .with_length(AMOUNT_BYTES)
            .with_logical_type(Some(LogicalType::decimal(SCALE_DIGITS, PRECISION)))
            .with_precision(PRECISION)
            .with_scale(SCALE_DIGITS),
        Kind::Count => of(Physical::INT64),
        Kind::Date => of(Physical::INT32).with_logical_type(Some(LogicalType::Date)),
        Kind::Moment => of(Physical::INT64).with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
    };
    field.build().map(Arc::new)
}

impl Values {
    fn of(kind: Kind) -> Self {
        let held = match kind {
            Kind::Text => Held::Text(Vec::new()),
            Kind::Amount => Held::Amount(Vec::new()),
            Kind::Count | Kind::Moment => Held::Whole(Vec::new()),
            Kind::Date => Held::Date(Vec::new()),
        };
        Self { present: Vec::new(), held }
    }

    /// None if the format cannot hold it.
    fn push(&mut self, cell: &Cell) -> Option<()> {
        self.present.push(i16::from(*cell != Cell::Empty));
        match (&mut self.held, cell) {
            (_, Cell::Empty) => {}
            (Held::Text(values), Cell::Text(text)) => values.push(ByteArray::from(text.as_str())),
            (Held::Amount(values), Cell::Amount(amount)) => {
                values.push(FixedLenByteArray::from(units(*amount)?.to_be_bytes().to_vec()));
            }
            (Held::Whole(values), Cell::Count(count)) => values.push(i64::try_from(*count).ok()?),
            (Held::Whole(values), Cell::Moment(moment)) => values.push(moment.unix_micros()),
            (Held::Date(values), Cell::Date(day)) => {
                values.push(date(1970, 1, 1).until(*day).ok()?.get_days());
            }
            _ => return None,
        }
        Some(())
    }
}

/// An amount in units of its last digit.
fn units(amount: Decimal) -> Option<i128> {
    let amount = amount.normalize();
    let shift = SCALE.checked_sub(amount.scale())?;
    let units = amount.mantissa().checked_mul(10_i128.checked_pow(shift)?)?;
    (units.unsigned_abs() < 10_u128.pow(38)).then_some(units)
}
