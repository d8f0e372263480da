//! Parquet files as rows.
//!
//! A row has the structure of the file: lists and maps are the groups that make them up, dates
//! and decimals the numbers that are stored.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use parquet::{
    basic::{ConvertedType, LogicalType, Repetition},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, DataType, Int96},
    file::{
        metadata::ColumnChunkMetaData,
        reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader},
    },
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

/// What lists and maps are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shape {
    /// Lists are arrays, rather than the groups `{"list":[{"element":...}]}`.
    pub plain_lists: bool,
    /// Maps are objects, rather than the groups `{"key_value":[{"key":...,"value":...}]}`.
    pub plain_maps: bool,
    /// Values of fixed length are text, rather than bytes.
    pub fixed_as_text: bool,
}

/// Reads all rows of a file.
///
/// # Errors
/// The content is no Parquet file, or yields too much.
pub fn parse(content: Bytes) -> Result<Value> {
    parse_as(content, Shape::default()).map(|rows| Value::Array(rows.into()))
}

/// As [`parse`], in a shape of choice.
///
/// # Errors
/// As those of [`parse`].
pub fn parse_as(content: Bytes, shape: Shape) -> Result<Vec<Value>> {
    let magic = |content: &[u8]| number::quote(&String::from_utf8_lossy(content));
    let start = content.get(..4).ok_or("reading magic header of parquet file: EOF")?;
    if start != b"PAR1" {
        return Err(format!("invalid magic header of parquet file: {}", magic(start)));
    }
    let end = &content[content.len() - 4..];
    if end != b"PAR1" {
        return Err(format!("invalid magic footer of parquet file: {}", magic(end)));
    }
    let mut reader = Reader::open(content, shape)?;
    let mut budget = Budget::default();
    let mut rows = Vec::new();
    loop {
        let more = reader.rows(BATCH, &mut budget)?;
        if more.is_empty() {
            return Ok(rows);
        }
        rows.extend(more);
    }
}

/// Reads a file a few rows at a time.
pub struct Reader<R: ChunkReader> {
    file: SerializedFileReader<R>,
    schema: Arc<Type>,
    shape: Shape,
    next_group: usize,
    /// The columns of the group that is being read, and how many rows are left of it.
    columns: Vec<Column>,
    left: usize,
}

impl<R: ChunkReader + 'static> Reader<R> {
    /// # Errors
    /// The content is no Parquet file.
    pub fn open(content: R, shape: Shape) -> Result<Self> {
        guarded(move || {
            let file = SerializedFileReader::new(content).map_err(|error| error.to_string())?;
            let schema = file.metadata().file_metadata().schema_descr().root_schema_ptr();
            check_depth(&schema, 0)?;
            Ok(Self { file, schema, shape, next_group: 0, columns: Vec::new(), left: 0 })
        })
    }

    /// The next rows, so many at most; none at the end.
    ///
    /// # Errors
    /// The file is broken, or the rows exceed the budget. There is no going on after it.
    pub fn rows(&mut self, most: usize, budget: &mut Budget) -> Result<Vec<Value>> {
        guarded(|| self.next_rows(most, budget))
    }

    fn next_rows(&mut self, most: usize, budget: &mut Budget) -> Result<Vec<Value>> {
        while self.left == 0 {
            if self.next_group >= self.file.num_row_groups() {
                return Ok(Vec::new());
            }
            self.open_group()?;
        }
        let count = most.min(self.left);
        budget.spend(count, 0)?;
        for column in &mut self.columns {
            column.fill(count, budget)?;
        }
        let mut rows = Vec::with_capacity(count);
        for _ in 0..count {
            let mut row = Assembly { columns: &mut self.columns, next: 0, shape: self.shape };
            rows.push(Value::Object(row.fields(&self.schema, Levels::default())?));
        }
        self.left -= count;
        Ok(rows)
    }

    fn open_group(&mut self) -> Result<()> {
        let group = self.file.get_row_group(self.next_group).map_err(|error| error.to_string())?;
        self.next_group += 1;
        self.left = usize::try_from(group.metadata().num_rows()).map_err(|e| e.to_string())?;
        self.columns.clear();
        if group.metadata().columns().iter().any(is_out_of_place) {
            return Err("the file is corrupt".into());
        }
        open_columns(&self.schema, &*group, self.shape, &mut self.columns)
    }
}

/// The library takes for granted that a column lies somewhere.
fn is_out_of_place(column: &ColumnChunkMetaData) -> bool {
    column.data_page_offset() < 0
        || column.compressed_size() < 0
        || column.dictionary_page_offset().is_some_and(|offset| offset < 0)
}

/// The library does not return an error for everything that a broken file may hold.
fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("the file is corrupt".into()))
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

/// What may still be read: at first as much as a mapping may make.
pub struct Budget {
    values: usize,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { values: MAX_ELEMENTS, bytes: MAX_GROWTH }
    }
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

/// Some values of a column with how deep each is defined and where it begins anew.
struct Column {
    reader: ColumnReader,
    meaning: Meaning,
    values: std::vec::IntoIter<Value>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    at: usize,
    length: usize,
    max_definition: i16,
    max_repetition: i16,
}

/// What stored values mean.
#[derive(Clone, Copy)]
enum Meaning {
    Itself,
    Json,
    Unsigned,
    Text,
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

    /// Reads the entries of the next records.
    fn fill(&mut self, records: usize, budget: &mut Budget) -> Result<()> {
        let Self { reader, meaning, definitions, repetitions, .. } = self;
        (self.at, self.length) = (0, 0);
        definitions.clear();
        repetitions.clear();
        let definitions = (self.max_definition > 0).then_some(definitions);
        let repetitions = (self.max_repetition > 0).then_some(repetitions);
        let mut into = Levelled { definitions, repetitions, records, budget };
        let meaning = *meaning;
        let (values, length) = match reader {
            ColumnReader::BoolColumnReader(reader) => into.read(reader, Value::Bool),
            ColumnReader::Int32ColumnReader(reader) => into.read(reader, |n| {
                Value::Int(match meaning {
                    Meaning::Unsigned => i64::from(n.cast_unsigned()),
                    _ => n.into(),
                })
            }),
            ColumnReader::Int64ColumnReader(reader) => into.read(reader, |n| match meaning {
                Meaning::Unsigned if n < 0 => Value::UInt(n.cast_unsigned()),
                _ => Value::Int(n),
            }),
            ColumnReader::Int96ColumnReader(reader) => into.read(reader, moment),
            ColumnReader::FloatColumnReader(reader) => into.read(reader, |f| {
                // The shortest decimal that means it, as it was probably written once.
                Value::Float(f.to_string().parse().unwrap_or_else(|_| f64::from(f)))
            }),
            ColumnReader::DoubleColumnReader(reader) => into.read(reader, Value::Float),
            ColumnReader::ByteArrayColumnReader(reader) => {
                into.read(reader, |content: ByteArray| {
                    let document = match meaning {
                        Meaning::Json => json::parse(content.data()).ok(),
                        _ => None,
                    };
                    document.unwrap_or_else(|| Value::text(content.data().to_vec()))
                })
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                into.read(reader, |content| match meaning {
                    Meaning::Text => Value::text(content.data().to_vec()),
                    _ => Value::bytes(content.data().to_vec()),
                })
            }
        }?;
        (self.values, self.length) = (values.into_iter(), length);
        Ok(())
    }
}

/// Opens the columns of a group, in the order of the schema.
fn open_columns(
    schema: &Type,
    group: &dyn RowGroupReader,
    shape: Shape,
    columns: &mut Vec<Column>,
) -> Result<()> {
    if schema.is_group() {
        return schema
            .get_fields()
            .iter()
            .try_for_each(|field| open_columns(field, group, shape, columns));
    }
    let at = columns.len();
    let info = schema.get_basic_info();
    let is_json = info.converted_type() == ConvertedType::JSON
        || matches!(info.logical_type_ref(), Some(LogicalType::Json));
    let meaning = match info.converted_type() {
        _ if is_json => Meaning::Json,
        ConvertedType::UINT_32 | ConvertedType::UINT_64 => Meaning::Unsigned,
        _ if shape.fixed_as_text => Meaning::Text,
        _ => Meaning::Itself,
    };
    let descriptor = group.metadata().column(at).column_descr_ptr();
    columns.push(Column {
        reader: group.get_column_reader(at).map_err(|error| error.to_string())?,
        meaning,
        values: Vec::new().into_iter(),
        definitions: Vec::new(),
        repetitions: Vec::new(),
        at: 0,
        length: 0,
        max_definition: descriptor.max_def_level(),
        max_repetition: descriptor.max_rep_level(),
    });
    Ok(())
}

/// Where the levels of values go, and how much may be read.
struct Levelled<'a> {
    definitions: Option<&'a mut Vec<i16>>,
    repetitions: Option<&'a mut Vec<i16>>,
    records: usize,
    budget: &'a mut Budget,
}

impl Levelled<'_> {
    /// The values of the next records, and how many entries there are.
    fn read<T: DataType>(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        value_of: impl Fn(T::T) -> Value,
    ) -> Result<(Vec<Value>, usize)> {
        let mut values = Vec::new();
        let (mut records, mut length) = (0, 0);
        while records < self.records {
            let mut batch = Vec::new();
            let (more, _, levels) = reader
                .read_records(
                    self.records - records,
                    self.definitions.as_deref_mut(),
                    self.repetitions.as_deref_mut(),
                    &mut batch,
                )
                .map_err(|error| error.to_string())?;
            if levels == 0 {
                break;
            }
            records += more;
            length += levels;
            self.budget.spend(levels, 0)?;
            for value in batch {
                let value = value_of(value);
                if let Value::String(text) = &value {
                    self.budget.spend(0, text.len())?;
                } else if let Value::RawString(content) | Value::Bytes(content) = &value {
                    self.budget.spend(0, content.len())?;
                }
                values.push(value);
            }
        }
        Ok((values, length))
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
    shape: Shape,
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
            let fields = self.fields(field, levels)?;
            let info = field.get_basic_info();
            let shaped = match (info.converted_type(), info.logical_type_ref()) {
                (ConvertedType::LIST, _) | (_, Some(LogicalType::List)) => {
                    self.shape.plain_lists.then(|| list(&fields)).flatten()
                }
                (ConvertedType::MAP, _) | (_, Some(LogicalType::Map)) => {
                    self.shape.plain_maps.then(|| map(&fields)).flatten()
                }
                _ => None,
            };
            return Ok(shaped.unwrap_or(Value::Object(fields)));
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

/// The array that the group of a list stands for.
fn list(group: &Object) -> Option<Value> {
    let items = group.values().next()?.as_array()?;
    let item = |item: &Value| match item.as_object() {
        Some(element) if element.len() == 1 => element.values().next().cloned(),
        _ => Some(item.clone()),
    };
    items.iter().map(item).collect::<Option<EcoVec<_>>>().map(Value::Array)
}

/// The object that the group of a map stands for.
fn map(group: &Object) -> Option<Value> {
    let entries = group.values().next()?.as_array()?;
    let entry = |entry: &Value| {
        let key = entry.get("key")?.to_text();
        Some((key.into(), entry.get("value").cloned().unwrap_or_default()))
    };
    entries.iter().map(entry).collect::<Option<Object>>().map(Value::Object)
}

fn moment(stored: Int96) -> Value {
    use jiff::{Timestamp, tz::TimeZone};
    let moment = Timestamp::from_nanosecond(i128::from(stored.to_nanos()));
    moment.map_or(Value::Null, |moment| Value::timestamp(moment.to_zoned(TimeZone::UTC)))
}
