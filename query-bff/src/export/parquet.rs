//! Rows as Parquet: types from the columns, row groups of a bounded size.

use std::sync::Arc;

use event_schema::object::Kind;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};
use serde_json::value::RawValue;

use crate::es::document::Document;
use crate::view::Column;

/// Rows of a row group at most.
const MAX_ROWS: usize = 50_000;
/// Bytes of a row group at most, before they are packed.
const MAX_BYTES: usize = 16 << 20;

/// Writes a file, a part at a time.
pub struct Parquet {
    file: SerializedFileWriter<Vec<u8>>,
    columns: Vec<Packed>,
    rows: usize,
    bytes: usize,
}

/// The values of a column in the row group that is being filled.
struct Packed {
    kind: Kind,
    values: Values,
    /// 1 for a value, 0 for null.
    levels: Vec<i16>,
}

enum Values {
    Texts(Vec<ByteArray>),
    Flags(Vec<bool>),
    Longs(Vec<i64>),
    Doubles(Vec<f64>),
}

impl Values {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::String | Kind::Text | Kind::Id | Kind::Json | Kind::Enum(_) => Self::Texts(Vec::new()),
            Kind::Boolean => Self::Flags(Vec::new()),
            Kind::Integer | Kind::Date => Self::Longs(Vec::new()),
            Kind::Double => Self::Doubles(Vec::new()),
        }
    }
}

/// The type of a column; all may be null.
fn typed(column: &Column) -> Result<TypePtr> {
    let (physical, logical) = match column.kind {
        Kind::String | Kind::Text | Kind::Id | Kind::Enum(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
        Kind::Boolean => (Physical::BOOLEAN, None),
        Kind::Integer => (Physical::INT64, None),
        Kind::Double => (Physical::DOUBLE, None),
        Kind::Date => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
    };
    let builder = Type::primitive_type_builder(&column.name, physical).with_repetition(Repetition::OPTIONAL);
    Ok(Arc::new(builder.with_logical_type(logical).build()?))
}

impl Parquet {
    /// A file with these columns, named after the view.
    pub fn new(name: &str, columns: &[&Column]) -> Result<Self> {
        let fields = columns.iter().map(|column| typed(column)).collect::<Result<Vec<_>>>()?;
        let schema = Arc::new(Type::group_type_builder(name).with_fields(fields).build()?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("weChess query-bff ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
        let packed =
            |column: &&Column| Packed { kind: column.kind, values: Values::of(column.kind), levels: Vec::new() };
        Ok(Self { file, columns: columns.iter().map(packed).collect(), rows: 0, bytes: 0 })
    }

    /// Adds a document.
    pub fn push(&mut self, columns: &[&Column], document: &Document<'_>) -> Result<()> {
        let mut at = 0;
        for (column, packed) in columns.iter().zip(&mut self.columns) {
            let raw = document.value(&column.name, &mut at).map(RawValue::get).filter(|raw| *raw != "null");
            self.bytes += packed.push(raw).map_err(|told| unreadable(column, &told))?;
        }
        self.rows += 1;
        if self.rows >= MAX_ROWS || self.bytes >= MAX_BYTES { self.flush() } else { Ok(()) }
    }

    /// What is ready to be sent.
    pub fn ready(&mut self) -> Result<Vec<u8>> {
        self.file.flush().map_err(|e| ParquetError::External(e.into()))?;
        Ok(std::mem::take(self.file.inner_mut()))
    }

    /// The rest of the file; without it nobody can read the file.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        if self.rows > 0 {
            self.flush()?;
        }
        self.file.into_inner()
    }

    fn flush(&mut self) -> Result<()> {
        let mut group = self.file.next_row_group()?;
        for packed in &mut self.columns {
            let missing = || ParquetError::General("a column is missing".to_owned());
            let mut column = group.next_column()?.ok_or_else(missing)?;
            packed.write(&mut column)?;
            column.close()?;
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

fn unreadable(column: &Column, told: &serde_json::Error) -> ParquetError {
    ParquetError::General(format!("a value of `{}` is not of its type: {told}", column.name))
}

impl Packed {
    /// Adds a value; its size.
    fn push(&mut self, raw: Option<&str>) -> std::result::Result<usize, serde_json::Error> {
        self.levels.push(i16::from(raw.is_some()));
        let Some(raw) = raw else { return Ok(2) };
        match &mut self.values {
            Values::Texts(values) => {
                let text: String = if self.kind == Kind::Json { raw.to_owned() } else { serde_json::from_str(raw)? };
                values.push(text.into_bytes().into());
            }
            Values::Flags(values) => values.push(serde_json::from_str(raw)?),
            Values::Longs(values) if self.kind == Kind::Date => {
                let time: chrono::DateTime<chrono::Utc> = serde_json::from_str(raw)?;
                values.push(time.timestamp_millis());
            }
            Values::Longs(values) => values.push(serde_json::from_str(raw)?),
            Values::Doubles(values) => values.push(serde_json::from_str(raw)?),
        }
        Ok(raw.len() + 10)
    }

    /// Writes the values into a row group, and forgets them.
    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let levels = std::mem::take(&mut self.levels);
        let levels = Some(levels.as_slice());
        match &mut self.values {
            Values::Texts(values) => {
                column.typed::<ByteArrayType>().write_batch(&std::mem::take(values), levels, None)?
            }
            Values::Flags(values) => column.typed::<BoolType>().write_batch(&std::mem::take(values), levels, None)?,
            Values::Longs(values) => column.typed::<Int64Type>().write_batch(&std::mem::take(values), levels, None)?,
            Values::Doubles(values) => {
                column.typed::<DoubleType>().write_batch(&std::mem::take(values), levels, None)?
            }
        };
        Ok(())
    }
}
