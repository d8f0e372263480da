//! Types of fields beyond those of the standard library.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use sluice_value::Value;

use crate::node::{parse_float, parse_int};
use crate::{
    ComponentKind, Field, FieldType, Node, Position, Reader, ScalarKind, Type, parse_duration,
};

/// Text that is evaluated for each message: `${! }` parts are queries. Kept as written;
/// the engine compiles it.
#[derive(Clone, Debug)]
pub struct Interpolated {
    pub text: String,
    pub at: Position,
    pub path: String,
}

/// A mapping or a query. Kept as written; the engine compiles it.
#[derive(Clone, Debug)]
pub struct Query {
    pub text: String,
    /// Where the text begins; for a block scalar its first line of content.
    pub at: Position,
    pub path: String,
}

/// Text that is never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

/// A size in bytes, written as a number or with a unit (`1MB` = 10^6, `1MiB` = 2^20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub u64);

/// A nested component, not yet built.
#[derive(Clone, Debug)]
pub struct Block<K> {
    pub node: Node,
    /// Document path of the block, for problems and labels.
    pub path: String,
    kind: PhantomData<K>,
}

/// Which kind of component a [`Block`] holds.
pub trait Kind: Clone + fmt::Debug {
    const KIND: ComponentKind;
}

/// The kinds as types, for [`Block`].
#[allow(non_snake_case)]
pub mod Kinds {
    use super::{ComponentKind, Kind};

    macro_rules! kinds {
        ($($name:ident),*) => { $(
            #[derive(Clone, Copy, Debug)]
            pub struct $name;
            impl Kind for $name {
                const KIND: ComponentKind = ComponentKind::$name;
            }
        )* };
    }
    kinds!(Input, Buffer, Processor, Output, Cache, RateLimit, Scanner, Metrics, Tracer);
}

impl<K> Block<K> {
    pub fn new(node: Node, path: impl Into<String>) -> Self {
        Self { node, path: path.into(), kind: PhantomData }
    }
}

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself; the name reminds that it must not be printed.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("!!!SECRET_SCRUBBED!!!")
    }
}

/// Any scalar except null as text, placeholders replaced.
fn text(node: &Node, reader: &mut Reader<'_>, expected: &str) -> Option<String> {
    if let Some(text) = node.as_text() {
        return Some(reader.substitute(text).into_owned());
    }
    reader.problem(node.at, format!("expected {expected} value"));
    None
}

/// Any scalar except null as it stands, for text that is compiled later.
fn source(node: &Node, reader: &mut Reader<'_>) -> Option<(String, Position)> {
    let Some(scalar) = node.as_scalar().filter(|scalar| scalar.kind != ScalarKind::Null) else {
        reader.problem(node.at, "expected string value");
        return None;
    };
    Some((scalar.text.clone(), node.at))
}

impl FieldType for String {
    fn describe(field: &mut Field) {
        field.ty = Type::String;
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        text(node, reader, "string")
    }
}

impl FieldType for Secret {
    fn describe(field: &mut Field) {
        field.ty = Type::String;
        field.secret = true;
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        text(node, reader, "string").map(Self)
    }
}

impl FieldType for Interpolated {
    fn describe(field: &mut Field) {
        field.ty = Type::String;
        field.interpolated = true;
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, at) = source(node, reader)?;
        Some(Self { text, at, path: reader.path().into() })
    }
}

impl FieldType for Query {
    fn describe(field: &mut Field) {
        field.ty = Type::String;
        field.bloblang = true;
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, at) = source(node, reader)?;
        Some(Self { text, at, path: reader.path().into() })
    }
}

impl FieldType for bool {
    fn describe(field: &mut Field) {
        field.ty = Type::Bool;
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match text(node, reader, "bool")?.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                reader.problem(node.at, "expected bool value");
                None
            }
        }
    }
}

macro_rules! integers {
    ($($ty:ty),*) => { $(
        impl FieldType for $ty {
            fn describe(field: &mut Field) {
                field.ty = Type::Int;
            }

            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                let text = text(node, reader, "int")?;
                let whole = || {
                    let float = parse_float(&text).filter(|float| float.fract() == 0.0);
                    float.map(|float| float as i128)
                };
                let Some(number) = parse_int(&text).or_else(whole) else {
                    reader.problem(node.at, "expected int value");
                    return None;
                };
                let read = <$ty>::try_from(number).ok();
                if read.is_none() {
                    let (low, high) = (<$ty>::MIN, <$ty>::MAX);
                    reader.problem(node.at, format!("expected {low} to {high}, found {number}"));
                }
                read
            }
        }
    )* };
}
integers!(i64, i32, u64, u32, u16, usize);

impl FieldType for f64 {
    fn describe(field: &mut Field) {
        field.ty = Type::Float;
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = text(node, reader, "float")?;
        let number = parse_int(&text).map(|n| n as f64).or_else(|| parse_float(&text));
        if number.is_none() {
            reader.problem(node.at, "expected float value");
        }
        number
    }
}

/// A duration such as `5s`. The empty text, which means "not set", reads as zero.
impl FieldType for Duration {
    fn describe(field: &mut Field) {
        field.ty = Type::String;
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = text(node, reader, "string")?;
        let parsed = if text.is_empty() { Ok(Self::ZERO) } else { parse_duration(&text) };
        match parsed {
            Ok(duration) => Some(duration),
            Err(message) => {
                reader.problem(node.at, message);
                reader.hint("a number with a unit, such as 500ms, 5s or 1h30m");
                None
            }
        }
    }
}

impl FieldType for ByteSize {
    fn describe(field: &mut Field) {
        field.ty = Type::String;
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = text(node, reader, "string")?;
        let size = parse_size(&text);
        if size.is_none() {
            reader.problem(node.at, format!("not a size in bytes: {text}"));
            reader.hint("a number, or one with a unit such as 512KB or 1MiB");
        }
        size.map(Self)
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let scale: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        "ti" | "tib" => 1 << 40,
        _ => return None,
    };
    Some((number * scale as f64) as u64)
}

/// Anything, placeholders in its texts replaced.
impl FieldType for Value {
    fn describe(field: &mut Field) {
        field.ty = Type::Unknown;
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Some(substituted(node.to_value(), reader))
    }
}

fn substituted(value: Value, reader: &Reader<'_>) -> Value {
    match value {
        Value::String(text) => Value::from(reader.substitute(&text).into_owned()),
        Value::Array(items) => {
            items.into_iter().map(|item| substituted(item, reader)).collect::<Vec<_>>().into()
        }
        Value::Object(fields) => Value::Object(
            fields.into_iter().map(|(key, field)| (key, substituted(field, reader))).collect(),
        ),
        other => other,
    }
}

/// Anything, with positions.
impl FieldType for Node {
    fn describe(field: &mut Field) {
        field.ty = Type::Unknown;
    }

    fn read(node: &Node, _: &mut Reader<'_>) -> Option<Self> {
        Some(node.clone())
    }
}
