//! Parquet files as rows.
//!
//! A row has the structure of the file: lists and maps are the groups that make them up, dates
//! and decimals the numbers that are stored.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use parquet::{
    basic::{ConvertedType, LogicalType, Repetition},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, DataType, Int96},
    file::reader::{FileReader, RowGroupReader, SerializedFileReader},
    schema::types::Type,
};
use sluice_value::{EcoVec, Object, Value, json};

use crate::{
    builtin::{MAX_ELEMENTS, MAX_GROWTH},
    number,
};

/// How many records are read from a column at once.
const BATCH: usize = 1024;
/// Deepest nesting of a schema.
const MAX_DEPTH: usize = 100;

type Result<T> = std::result::Result<T, String>;

/// Reads all rows of a file.
///
/// # Errors
/// The content is no Parquet file, or yields too much.
pub fn parse(content: Bytes) -> Result<Value> {
    let magic = |content: &[u8]| number::quote(&String::from_utf8_lossy(content));
    let start = content.get(..4).ok_or("reading magic header of parquet file: EOF")?;
    if start != b"PAR1" {
        return Err(format!("invalid magic header of parquet file: {}", magic(start)));
    }
    let end = &content[content.len() - 4..];
    if end != b"PAR1" {
        return Err(format!("invalid magic footer of parquet file: {}", magic(end)));
    }
    // The library does not return an error for everything that a broken file may hold.
    catch_unwind(AssertUnwindSafe(|| rows(content)))
        .unwrap_or_else(|_| Err("the file is corrupt".into()))
}

fn rows(content: Bytes) -> Result<Value> {
    let file = SerializedFileReader::new(content).map_err(|error| error.to_string())?;
    let schema = file.metadata().file_metadata().schema_descr().root_schema().clone();
    check_depth(&schema, 0)?;
    let mut rows = EcoVec::new();
    let mut budget = Budget { values: MAX_ELEMENTS, bytes: MAX_GROWTH };
    for at in 0..file.num_row_groups() {
        let group = file.get_row_group(at).map_err(|error| error.to_string())?;
        let count = usize::try_from(group.metadata().num_rows()).map_err(|e| e.to_string())?;
        budget.spend(count, 0)?;
        let mut columns = Vec::new();
        read_columns(&schema, &*group, &mut columns, &mut budget)?;
        for _ in 0..count {
            let mut row = Assembly { columns: &mut columns, next: 0 };
            rows.push(Value::Object(row.fields(&schema, Levels::default())?));
        }
    }
    Ok(Value::Array(rows))
}

fn check_depth(schema: &Type, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(format!("the schema is nested more than {MAX_DEPTH} deep"));
    }
    if schema.is_group() {
        schema.get_fields().iter().try_for_each(|field| check_depth(field, depth + 1))?;
    }
    Ok(())
}

/// What may still be read.
struct Budget {
    values: usize,
    bytes: usize,
}

impl Budget {
    fn spend(&mut self, values: usize, bytes: usize) -> Result<()> {
        let left = self.values.checked_sub(values).zip(self.bytes.checked_sub(bytes));
        let (values, bytes) = left.ok_or_else(|| {
            format!("the file holds more than {MAX_ELEMENTS} values or {MAX_GROWTH} bytes")
        })?;
        (self.values, self.bytes) = (values, bytes);
        Ok(())
    }
}

/// The values of a column with how deep each is defined and where it begins anew.
#[derive(Default)]
struct Column {
    values: std::vec::IntoIter<Value>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    at: usize,
    length: usize,
    max_definition: i16,
}

impl Column {
    /// How deep the next entry is defined; `None` behind the last.
    fn definition(&self) -> Option<i16> {
        if self.at >= self.length {
            return None;
        }
        Some(self.definitions.get(self.at).copied().unwrap_or(self.max_definition))
    }

    fn repetition(&self) -> Option<i16> {
        if self.at >= self.length {
            return None;
        }
        Some(self.repetitions.get(self.at).copied().unwrap_or_default())
    }

    fn next(&mut self) -> Result<Value> {
        let is_defined = self.definition().ok_or("a column ends early")? == self.max_definition;
        self.at += 1;
        if !is_defined {
            return Ok(Value::Null);
        }
        self.values.next().ok_or_else(|| "a column has too few values".into())
    }
}

fn read_columns(
    schema: &Type,
    group: &dyn RowGroupReader,
    columns: &mut Vec<Column>,
    budget: &mut Budget,
) -> Result<()> {
    if schema.is_group() {
        return schema
            .get_fields()
            .iter()
            .try_for_each(|field| read_columns(field, group, columns, budget));
    }
    let at = columns.len();
    let info = schema.get_basic_info();
    let is_json = info.converted_type() == ConvertedType::JSON
        || matches!(info.logical_type_ref(), Some(LogicalType::Json));
    let kind = info.converted_type();
    let descriptor = group.metadata().column(at).column_descr_ptr();
    let (definition, repetition) = (descriptor.max_def_level(), descriptor.max_rep_level());
    let reader = group.get_column_reader(at).map_err(|error| error.to_string())?;
    let levels = (definition, repetition);
    let column = match reader {
        ColumnReader::BoolColumnReader(reader) => read(reader, levels, budget, Value::Bool),
        ColumnReader::Int32ColumnReader(reader) => read(reader, levels, budget, |n| {
            Value::Int(if kind == ConvertedType::UINT_32 {
                i64::from(n.cast_unsigned())
            } else {
                n.into()
            })
        }),
        ColumnReader::Int64ColumnReader(reader) => read(reader, levels, budget, |n| {
            if kind == ConvertedType::UINT_64 && n < 0 {
                Value::UInt(n.cast_unsigned())
            } else {
                Value::Int(n)
            }
        }),
        ColumnReader::Int96ColumnReader(reader) => read(reader, levels, budget, moment),
        ColumnReader::FloatColumnReader(reader) => read(reader, levels, budget, |f| {
            // The shortest decimal that means it, as it was probably written once.
            Value::Float(f.to_string().parse().unwrap_or_else(|_| f64::from(f)))
        }),
        ColumnReader::DoubleColumnReader(reader) => read(reader, levels, budget, Value::Float),
        ColumnReader::ByteArrayColumnReader(reader) => {
            read(reader, levels, budget, |content: ByteArray| {
                let document = is_json.then(|| json::parse(content.data()).ok()).flatten();
                document.unwrap_or_else(|| Value::text(content.data().to_vec()))
            })
        }
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            read(reader, levels, budget, |content| Value::bytes(content.data().to_vec()))
        }
    };
    columns.push(column?);
    Ok(())
}

fn read<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    (max_definition, max_repetition): (i16, i16),
    budget: &mut Budget,
    value_of: impl Fn(T::T) -> Value,
) -> Result<Column> {
    let mut column = Column { max_definition, ..Column::default() };
    let mut values = Vec::new();
    loop {
        let mut batch = Vec::new();
        let (_, _, levels) = reader
            .read_records(
                BATCH,
                (max_definition > 0).then_some(&mut column.definitions),
                (max_repetition > 0).then_some(&mut column.repetitions),
                &mut batch,
            )
            .map_err(|error| error.to_string())?;
        if levels == 0 {
            column.values = values.into_iter();
            return Ok(column);
        }
        column.length += levels;
        budget.spend(levels, 0)?;
        for value in batch {
            let value = value_of(value);
            if let Value::String(text) = &value {
                budget.spend(0, text.len())?;
            } else if let Value::RawString(content) | Value::Bytes(content) = &value {
                budget.spend(0, content.len())?;
            }
            values.push(value);
        }
    }
}

/// How deep the place of an entry is defined, and how often it repeats.
#[derive(Clone, Copy, Default)]
struct Levels {
    definition: i16,
    repetition: i16,
}

/// Puts the entries of columns together, in the order of the schema.
struct Assembly<'a> {
    columns: &'a mut [Column],
    /// The column whose turn it is.
    next: usize,
}

impl Assembly<'_> {
    fn fields(&mut self, group: &Type, levels: Levels) -> Result<Object> {
        let mut object = Object::new();
        for field in group.get_fields() {
            object.insert(field.name(), self.field(field, levels)?);
        }
        Ok(object)
    }

    fn field(&mut self, field: &Type, levels: Levels) -> Result<Value> {
        let info = field.get_basic_info();
        let repetition =
            if info.has_repetition() { info.repetition() } else { Repetition::REQUIRED };
        let mut inner = levels;
        inner.definition += i16::from(repetition != Repetition::REQUIRED);
        inner.repetition += i16::from(repetition == Repetition::REPEATED);
        let first = self.next;
        let is_there = match self.columns.get(first) {
            Some(column) => column.definition().ok_or("a column ends early")? >= inner.definition,
            // A group without columns.
            None => return Ok(Value::Object(Object::new())),
        };
        if !is_there {
            self.skip(field)?;
            let is_list = repetition == Repetition::REPEATED;
            return Ok(if is_list { Value::Array(EcoVec::new()) } else { Value::Null });
        }
        if repetition != Repetition::REPEATED {
            return self.value(field, inner);
        }
        let mut items = EcoVec::new();
        loop {
            self.next = first;
            items.push(self.value(field, inner)?);
            if self.columns[first].repetition() != Some(inner.repetition) {
                return Ok(Value::Array(items));
            }
        }
    }

    fn value(&mut self, field: &Type, levels: Levels) -> Result<Value> {
        if field.is_group() {
            return self.fields(field, levels).map(Value::Object);
        }
        let at = self.next;
        self.next += 1;
        self.columns.get_mut(at).ok_or("a column is missing")?.next()
    }

    /// Passes over an entry that is not there, in all columns.
    fn skip(&mut self, field: &Type) -> Result<()> {
        if field.is_group() {
            return field.get_fields().iter().try_for_each(|field| self.skip(field));
        }
        self.value(field, Levels::default()).map(drop)
    }
}

fn moment(stored: Int96) -> Value {
    use jiff::{Timestamp, tz::TimeZone};
    let moment = Timestamp::from_nanosecond(i128::from(stored.to_nanos()));
    moment.map_or(Value::Null, |moment| Value::timestamp(moment.to_zoned(TimeZone::UTC)))
}
