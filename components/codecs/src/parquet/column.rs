//! Columns as configurations declare them.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::schema::types::Type;
use sluice_config::{Node, config};
use sluice_engine::{BuildError, Scope};

config! {
    /// A column, or a group of them.
    pub(super) struct ColumnConfig {
        /// The column's name.
        name: String => lint_required,
        /// What values of the column are. `LIST` has one field, `MAP` two (the key and the value),
        /// `STRUCT` any number, and so has a column without a type.
        r#type: Option<String> => options(
            "BOOLEAN", "INT8", "INT16", "INT32", "INT64", "DECIMAL64", "DECIMAL32", "FLOAT",
            "DOUBLE", "BYTE_ARRAY", "UTF8", "MAP", "LIST", "STRUCT",
        ),
        /// Digits of a decimal.
        decimal_precision: i32 = 0,
        /// How many digits of a decimal stand after the point. Values are the number without it.
        decimal_scale: i32 = 0,
        /// Whether a row has any number of values.
        repeated: bool = false,
        /// Whether a row may have no value.
        optional: bool = false,
        /// The columns inside, declared like this one.
        fields: Option<Vec<Node>>,
    }
}

/// Deepest nesting of columns.
const MAX_DEPTH: usize = 50;

/// A column, or a group of them.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) repetition: Repetition,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Leaf(Leaf),
    Group(Vec<Column>),
    List(Box<Column>),
    Map { key: Box<Column>, value: Box<Column> },
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    Boolean,
    /// A number of so many bits.
    Integer(i8),
    Decimal {
        bits: i8,
        precision: i32,
        scale: i32,
    },
    Float,
    Double,
    Bytes,
    Text,
}

/// # Errors
/// A column is declared in a way that cannot be.
pub(super) fn columns(
    configs: &[ColumnConfig],
    scope: &Scope,
    depth: usize,
) -> Result<Vec<Column>, BuildError> {
    if depth > MAX_DEPTH {
        return Err(BuildError::new(format!("columns are nested more than {MAX_DEPTH} deep")));
    }
    let mut columns: Vec<Column> = Vec::with_capacity(configs.len());
    for config in configs {
        let column = column(config, scope, depth)?;
        if columns.iter().any(|other| other.name == column.name) {
            return Err(BuildError::new(format!("column {} is declared twice", column.name)));
        }
        columns.push(column);
    }
    Ok(columns)
}

fn column(config: &ColumnConfig, scope: &Scope, depth: usize) -> Result<Column, BuildError> {
    let name = &config.name;
    let failed =
        |problem: &str| BuildError::new(format!("generating type for field {name:?}: {problem}"));
    let inner = || {
        let fields = config.fields.as_deref().unwrap_or_default();
        let fields: Result<Vec<ColumnConfig>, _> =
            fields.iter().map(|node| scope.read(node)).collect();
        columns(&fields?, scope, depth + 1)
    };
    let decimal = |bits| Leaf::Decimal {
        bits,
        precision: config.decimal_precision,
        scale: config.decimal_scale,
    };
    let leaf = match config.r#type.as_deref().map(str::to_ascii_uppercase).as_deref() {
        Some("BOOLEAN") => Leaf::Boolean,
        Some("INT8") => Leaf::Integer(8),
        Some("INT16") => Leaf::Integer(16),
        Some("INT32") => Leaf::Integer(32),
        Some("INT64") => Leaf::Integer(64),
        Some("DECIMAL32") => decimal(32),
        Some("DECIMAL64") => decimal(64),
        Some("FLOAT") => Leaf::Float,
        Some("DOUBLE") => Leaf::Double,
        Some("BYTE_ARRAY") => Leaf::Bytes,
        Some("UTF8") => Leaf::Text,
        group => {
            let kind = group_kind(group, inner()?).map_err(|problem| failed(&problem))?;
            return Ok(Column { name: name.clone(), repetition: repetition(config)?, kind });
        }
    };
    if config.fields.as_ref().is_some_and(|fields| !fields.is_empty()) {
        return Err(failed("a column of values has no fields"));
    }
    Ok(Column { name: name.clone(), repetition: repetition(config)?, kind: Kind::Leaf(leaf) })
}

fn group_kind(group: Option<&str>, mut fields: Vec<Column>) -> Result<Kind, String> {
    match group {
        Some("LIST") => {
            let count = fields.len();
            let element = fields.pop().filter(|_| count == 1).ok_or_else(|| {
                format!("list type must have exactly one field (element), got {count}")
            })?;
            Ok(Kind::List(Box::new(element)))
        }
        Some("MAP") => {
            let count = fields.len();
            let (value, key) = (fields.pop(), fields.pop());
            match (key, value) {
                (Some(key), Some(value)) if count == 2 => {
                    let is_text = matches!(key.kind, Kind::Leaf(Leaf::Text | Leaf::Bytes))
                        && key.repetition == Repetition::REQUIRED;
                    if !is_text {
                        return Err("only string keys are supported for maps".into());
                    }
                    Ok(Kind::Map { key: Box::new(key), value: Box::new(value) })
                }
                _ => Err(format!(
                    "map type must have exactly two fields (key and value), got {count}"
                )),
            }
        }
        None | Some("STRUCT") if fields.is_empty() => {
            Err("struct type requires at least one field in 'fields'".into())
        }
        None | Some("STRUCT") => Ok(Kind::Group(fields)),
        Some(other) => Err(format!("unsupported type: {other}")),
    }
}

fn repetition(config: &ColumnConfig) -> Result<Repetition, BuildError> {
    match (config.repeated, config.optional) {
        (true, true) => Err(BuildError::new(format!(
            "column {} cannot be both repeated and optional",
            config.name
        ))),
        (true, false) => Ok(Repetition::REPEATED),
        (false, true) => Ok(Repetition::OPTIONAL),
        (false, false) => Ok(Repetition::REQUIRED),
    }
}

/// The schema of files with these columns.
///
/// # Errors
/// The library cannot have such a column.
pub(super) fn schema(columns: &[Column]) -> Result<Arc<Type>, String> {
    let fields = columns.iter().map(type_of).collect::<Result<Vec<_>, _>>()?;
    let schema = Type::group_type_builder("schema").with_fields(fields).build();
    schema.map(Arc::new).map_err(|error| error.to_string())
}

fn type_of(column: &Column) -> Result<Arc<Type>, String> {
    let name = &column.name;
    let built = match &column.kind {
        Kind::Leaf(leaf) => return leaf_type(*leaf, name, column.repetition),
        Kind::Group(fields) => {
            let fields = fields.iter().map(type_of).collect::<Result<Vec<_>, _>>()?;
            Type::group_type_builder(name).with_fields(fields)
        }
        Kind::List(element) => {
            let element = renamed(element, "element")?;
            let list = group("list", vec![element])?;
            Type::group_type_builder(name)
                .with_fields(vec![list])
                .with_logical_type(Some(LogicalType::List))
        }
        Kind::Map { key, value } => {
            let entry = group("key_value", vec![renamed(key, "key")?, renamed(value, "value")?])?;
            Type::group_type_builder(name)
                .with_fields(vec![entry])
                .with_logical_type(Some(LogicalType::Map))
        }
    };
    let built = built.with_repetition(column.repetition).build();
    built.map(Arc::new).map_err(|error| error.to_string())
}

/// The type of a column inside a list or map, where names are fixed.
fn renamed(column: &Column, name: &str) -> Result<Arc<Type>, String> {
    match &column.kind {
        Kind::Leaf(leaf) => leaf_type(*leaf, name, column.repetition),
        _ => {
            let inner = type_of(column)?;
            let info = inner.get_basic_info();
            let built = Type::group_type_builder(name)
                .with_fields(inner.get_fields().to_vec())
                .with_logical_type(info.logical_type_ref().cloned())
                .with_repetition(column.repetition)
                .build();
            built.map(Arc::new).map_err(|error| error.to_string())
        }
    }
}

fn group(name: &str, fields: Vec<Arc<Type>>) -> Result<Arc<Type>, String> {
    let group = Type::group_type_builder(name).with_fields(fields);
    let built = group.with_repetition(Repetition::REPEATED).build();
    built.map(Arc::new).map_err(|error| error.to_string())
}

fn leaf_type(leaf: Leaf, name: &str, repetition: Repetition) -> Result<Arc<Type>, String> {
    let (physical, logical) = match leaf {
        Leaf::Boolean => (Physical::BOOLEAN, None),
        Leaf::Integer(64) => (Physical::INT64, Some(LogicalType::integer(64, true))),
        Leaf::Integer(bits) => (Physical::INT32, Some(LogicalType::integer(bits, true))),
        Leaf::Decimal { bits, precision, scale } => {
            let physical = if bits == 64 { Physical::INT64 } else { Physical::INT32 };
            (physical, Some(LogicalType::decimal(scale, precision)))
        }
        Leaf::Float => (Physical::FLOAT, None),
        Leaf::Double => (Physical::DOUBLE, None),
        Leaf::Bytes => (Physical::BYTE_ARRAY, None),
        Leaf::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let mut builder = Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical);
    if let Leaf::Decimal { precision, scale, .. } = leaf {
        builder = builder.with_precision(precision).with_scale(scale);
    }
    builder.build().map(Arc::new).map_err(|error| error.to_string())
}
