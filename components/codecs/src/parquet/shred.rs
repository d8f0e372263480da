//! Rows taken apart into columns.
//!
//! Each entry of a column says how deep its place is defined (optional and repeated groups count)
//! and at which repeated group it begins anew. A value that is required and missing is zero.

use parquet::basic::Repetition;
use parquet::data_type::ByteArray;
use sluice_value::Value;

use super::column::{Column, Kind, Leaf};

/// Entries of a column of values.
pub(super) struct Entries {
    pub(super) values: Values,
    pub(super) definitions: Vec<i16>,
    pub(super) repetitions: Vec<i16>,
    leaf: Leaf,
}

pub(super) enum Values {
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
}

/// Columns being filled.
pub(super) struct Shredder<'a> {
    columns: &'a [Column],
    entries: Vec<Entries>,
    /// The column of values whose turn it is.
    next: usize,
}

/// Where an entry stands.
#[derive(Clone, Copy, Default)]
struct Levels {
    definition: i16,
    repetition: i16,
    /// Repeated groups around it.
    depth: i16,
}

type Result<T> = std::result::Result<T, String>;

impl<'a> Shredder<'a> {
    pub(super) fn new(columns: &'a [Column]) -> Self {
        let mut entries = Vec::new();
        columns.iter().for_each(|column| add_entries(column, &mut entries));
        Self { columns, entries, next: 0 }
    }

    /// # Errors
    /// The row is no object, or has a value that its column cannot have.
    pub(super) fn add(&mut self, row: &Value) -> Result<()> {
        let Value::Object(fields) = row else {
            return Err(format!("unable to encode message type {} as parquet row", row.kind()));
        };
        self.next = 0;
        for column in self.columns {
            self.column(column, fields.get(&column.name), Levels::default())?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<Entries> {
        self.entries
    }

    fn column(&mut self, column: &Column, value: Option<&Value>, levels: Levels) -> Result<()> {
        let value = value.filter(|value| !value.is_null());
        let of_column = |error: String| format!("failed to set field {}: {error}", column.name);
        match column.repetition {
            Repetition::REQUIRED => self.value(column, value, levels).map_err(of_column),
            Repetition::OPTIONAL => match value {
                None => {
                    self.nothing(column, levels);
                    Ok(())
                }
                Some(_) => {
                    let inside = Levels { definition: levels.definition + 1, ..levels };
                    self.value(column, value, inside).map_err(of_column)
                }
            },
            Repetition::REPEATED => {
                let items: &[Value] = match value {
                    None => &[],
                    Some(value) => array(value).map_err(of_column)?,
                };
                if items.is_empty() {
                    self.nothing(column, levels);
                }
                let first = self.next;
                for (at, item) in items.iter().enumerate() {
                    self.next = first;
                    let inside = levels.inside(at);
                    self.value(column, Some(item), inside).map_err(of_column)?;
                }
                Ok(())
            }
        }
    }

    /// One value of a column; without one the value is zero.
    fn value(&mut self, column: &Column, value: Option<&Value>, levels: Levels) -> Result<()> {
        let value = value.filter(|value| !value.is_null());
        match &column.kind {
            Kind::Leaf(_) => {
                let entries = &mut self.entries[self.next];
                self.next += 1;
                entries.push(levels);
                entries.set(value)
            }
            Kind::Group(columns) => {
                let fields = match value {
                    None => None,
                    Some(Value::Object(fields)) => Some(fields),
                    Some(other) => {
                        return Err(format!("cannot convert {} to struct", other.kind()));
                    }
                };
                columns.iter().try_for_each(|column| {
                    let value = fields.and_then(|fields| fields.get(&column.name));
                    self.column(column, value, levels)
                })
            }
            Kind::List(element) => {
                let items: &[Value] = match value {
                    None => &[],
                    Some(value) => array(value)?,
                };
                if items.is_empty() {
                    self.nothing(element, levels);
                }
                let first = self.next;
                for (at, item) in items.iter().enumerate() {
                    self.next = first;
                    self.column(element, Some(item), levels.inside(at))?;
                }
                Ok(())
            }
            Kind::Map { key, value: inner } => {
                let first = self.next;
                match value {
                    Some(Value::Object(entries)) if !entries.is_empty() => {
                        for (at, (name, value)) in entries.iter().enumerate() {
                            self.next = first;
                            let inside = levels.inside(at);
                            self.column(key, Some(&Value::String(name.clone())), inside)?;
                            self.column(inner, Some(value), inside)?;
                        }
                    }
                    None | Some(Value::Object(_)) => {
                        self.nothing(key, levels);
                        self.nothing(inner, levels);
                    }
                    Some(other) => return Err(format!("cannot convert {} to map", other.kind())),
                }
                Ok(())
            }
        }
    }

    /// Says of all columns of values below that there is nothing at this place.
    fn nothing(&mut self, column: &Column, levels: Levels) {
        for _ in 0..leaves(column) {
            self.entries[self.next].push(levels);
            self.next += 1;
        }
    }
}

impl Levels {
    /// The place of an item of a repeated group that stands here.
    fn inside(self, at: usize) -> Self {
        let depth = self.depth + 1;
        let repetition = if at == 0 { self.repetition } else { depth };
        Self { definition: self.definition + 1, repetition, depth }
    }
}

impl Entries {
    fn push(&mut self, levels: Levels) {
        self.definitions.push(levels.definition);
        self.repetitions.push(levels.repetition);
    }

    fn set(&mut self, value: Option<&Value>) -> Result<()> {
        let leaf = self.leaf;
        match &mut self.values {
            Values::Bool(values) => values.push(match value {
                None => false,
                Some(value) => value
                    .as_bool()
                    .ok_or_else(|| format!("cannot convert {} to bool", value.kind()))?,
            }),
            Values::Int32(values) => {
                let bits = match leaf {
                    Leaf::Integer(bits) => bits,
                    _ => 32,
                };
                let number = value.map_or(Ok(0), |value| integer(value, bits))?;
                values.push(number as i32);
            }
            Values::Int64(values) => values.push(value.map_or(Ok(0), |value| integer(value, 64))?),
            Values::Float(values) => values.push(value.map_or(Ok(0.0), float)? as f32),
            Values::Double(values) => values.push(value.map_or(Ok(0.0), float)?),
            Values::Bytes(values) => values.push(match value {
                None => ByteArray::from(Vec::new()),
                Some(Value::Bytes(content) | Value::RawString(content)) => {
                    ByteArray::from((**content).clone())
                }
                Some(value @ (Value::String(_) | Value::Timestamp(_))) => {
                    ByteArray::from(value.to_text().into_bytes())
                }
                Some(other) => return Err(format!("cannot convert {} to string", other.kind())),
            }),
        }
        Ok(())
    }
}

fn integer(value: &Value, bits: i8) -> Result<i64> {
    let problem = || format!("cannot represent {value} as int{bits}");
    let number = match (value.as_i64(), value.as_f64()) {
        (Some(number), _) => number,
        // Fractions are cut off.
        (None, Some(float)) if float.abs() < 9.2e18 => float as i64,
        (None, Some(_)) => return Err(problem()),
        (None, None) => return Err(format!("cannot convert {} to int{bits}", value.kind())),
    };
    let limit = 1_i128 << (bits - 1);
    let fits = (-limit..limit).contains(&i128::from(number));
    if fits { Ok(number) } else { Err(problem()) }
}

fn float(value: &Value) -> Result<f64> {
    value.as_f64().ok_or_else(|| format!("cannot convert {} to float64", value.kind()))
}

fn array(value: &Value) -> Result<&[Value]> {
    let items =
        value.as_array().ok_or_else(|| format!("cannot convert {} to slice", value.kind()))?;
    Ok(items.as_slice())
}

fn leaves(column: &Column) -> usize {
    match &column.kind {
        Kind::Leaf(_) => 1,
        Kind::Group(columns) => columns.iter().map(leaves).sum(),
        Kind::List(element) => leaves(element),
        Kind::Map { key, value } => leaves(key) + leaves(value),
    }
}

fn add_entries(column: &Column, entries: &mut Vec<Entries>) {
    let leaf = match &column.kind {
        Kind::Leaf(leaf) => *leaf,
        Kind::Group(columns) => return columns.iter().for_each(|it| add_entries(it, entries)),
        Kind::List(element) => return add_entries(element, entries),
        Kind::Map { key, value } => {
            add_entries(key, entries);
            return add_entries(value, entries);
        }
    };
    let values = match leaf {
        Leaf::Boolean => Values::Bool(Vec::new()),
        Leaf::Integer(64) | Leaf::Decimal { bits: 64, .. } => Values::Int64(Vec::new()),
        Leaf::Integer(_) | Leaf::Decimal { .. } => Values::Int32(Vec::new()),
        Leaf::Float => Values::Float(Vec::new()),
        Leaf::Double => Values::Double(Vec::new()),
        Leaf::Bytes | Leaf::Text => Values::Bytes(Vec::new()),
    };
    entries.push(Entries { values, definitions: Vec::new(), repetitions: Vec::new(), leaf });
}
