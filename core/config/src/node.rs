//! The tree that a document parses to: every node knows where it stood.

use std::fmt;

use sluice_value::{EcoString, Object, Value, json};

/// Line and column, both from 1. `(0, 0)` for nodes that no document contains, such as defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Node {
    pub at: Position,
    pub value: NodeValue,
    pub form: Form,
}

/// How a node was written; only for showing it again and for messages about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    pub style: Style,
    /// Stands where the document has an alias (`*name`); positions are those of the anchor.
    pub is_alias: bool,
    /// Column of the `|` or `>` of a block scalar, on the line before its content.
    pub header_column: u32,
    /// A comment to show behind the value.
    pub comment: &'static str,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Plain scalars and indented lists and maps; also what no document contains.
    #[default]
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
    Folded,
    /// A list or map in brackets.
    Flow,
}

#[derive(Clone, Debug)]
pub enum NodeValue {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In document order; a repeated key stands as often as it was written.
    Map(Vec<(Key, Node)>),
}

impl Default for NodeValue {
    fn default() -> Self {
        Self::Scalar(Scalar::null())
    }
}

/// A key of a map and where it stood.
#[derive(Clone, Debug)]
pub struct Key {
    pub at: Position,
    pub name: String,
}

/// A scalar as written, with the kind its text has by YAML's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    pub text: String,
    pub kind: ScalarKind,
    /// A literal or folded block: the node's position is that of its first line of content.
    pub is_block: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarKind {
    Null,
    Bool,
    Int,
    Float,
    String,
}

impl Scalar {
    pub fn null() -> Self {
        Self { text: "null".into(), kind: ScalarKind::Null, is_block: false }
    }

    pub fn string(text: impl Into<String>) -> Self {
        Self { text: text.into(), kind: ScalarKind::String, is_block: false }
    }

    /// A plain scalar, whose kind its text decides.
    pub fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { kind: plain_kind(&text), text, is_block: false }
    }
}

impl ScalarKind {
    /// The kind's short YAML tag, such as `!!str`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool => "!!bool",
            Self::Int => "!!int",
            Self::Float => "!!float",
            Self::String => "!!str",
        }
    }
}

pub(crate) fn plain_kind(text: &str) -> ScalarKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => ScalarKind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => ScalarKind::Bool,
        _ if parse_int(text).is_some() => ScalarKind::Int,
        _ if parse_float(text).is_some() => ScalarKind::Float,
        _ => ScalarKind::String,
    }
}

/// An integer as YAML writes it: decimal, `0x`, `0o`, `0b`, a leading zero for octal, and `_`
/// between digits.
pub(crate) fn parse_int(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = digits.replace('_', "");
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits.as_str()),
    };
    let n = i128::from_str_radix(digits, radix).ok()?;
    Some(if negative { -n } else { n })
}

pub(crate) fn parse_float(text: &str) -> Option<f64> {
    match text.trim_start_matches(['+', '-']) {
        ".inf" | ".Inf" | ".INF" => {
            return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    let digits = text.trim_start_matches(['+', '-']);
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.contains(|c: char| c.is_ascii_digit());
    if numeric { text.replace('_', "").parse().ok() } else { None }
}

impl Node {
    pub fn new(at: Position, value: NodeValue) -> Self {
        Self { at, value, form: Form::default() }
    }

    fn without_place(value: NodeValue) -> Self {
        Self::new(Position::default(), value)
    }

    pub fn string(text: impl Into<String>) -> Self {
        Self::from(text.into())
    }

    pub fn empty_map() -> Self {
        Self::without_place(NodeValue::Map(Vec::new()))
    }

    pub fn is_null(&self) -> bool {
        matches!(&self.value, NodeValue::Scalar(scalar) if scalar.kind == ScalarKind::Null)
    }

    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.value {
            NodeValue::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar of any kind except null.
    pub fn as_text(&self) -> Option<&str> {
        self.as_scalar()
            .filter(|scalar| scalar.kind != ScalarKind::Null)
            .map(|scalar| scalar.text.as_str())
    }

    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            NodeValue::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_map(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            NodeValue::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// The field of a map; of repeated keys the last.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let fields = self.as_map()?;
        fields.iter().rev().find(|(name, _)| name.name == key).map(|(_, node)| node)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.value {
            NodeValue::Map(fields) => {
                fields.iter_mut().rev().find(|(name, _)| name.name == key).map(|(_, node)| node)
            }
            _ => None,
        }
    }

    /// Sets a field of a map (a scalar or list becomes a map of just that field).
    pub fn insert(&mut self, key: &str, node: Node) {
        if let Some(place) = self.get_mut(key) {
            *place = node;
            return;
        }
        let key = Key { at: node.at, name: key.into() };
        match &mut self.value {
            NodeValue::Map(fields) => fields.push((key, node)),
            other => *other = NodeValue::Map(vec![(key, node)]),
        }
    }

    /// Removes a field of a map, all its repetitions, and returns the last.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let NodeValue::Map(fields) = &mut self.value else { return None };
        let removed = fields.extract_if(.., |(name, _)| name.name == key).last();
        removed.map(|(_, node)| node)
    }

    /// A block that names one component and configures nothing.
    pub fn component(name: &str) -> Self {
        let mut block = Self::empty_map();
        block.insert(name, Self::empty_map());
        block
    }

    /// What stands at a path of keys and list indexes.
    pub fn at_path<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&Node> {
        path.into_iter().try_fold(self, |node, key| match &node.value {
            NodeValue::List(items) => items.get(key.parse::<usize>().ok()?),
            _ => node.get(key),
        })
    }

    /// The node as a value: what a field of unknown type holds.
    pub fn to_value(&self) -> Value {
        match &self.value {
            NodeValue::Scalar(scalar) => scalar_value(scalar),
            NodeValue::List(items) => items.iter().map(Self::to_value).collect::<Vec<_>>().into(),
            NodeValue::Map(fields) => {
                let fields =
                    fields.iter().map(|(key, node)| (EcoString::from(&key.name), node.to_value()));
                Value::Object(fields.collect::<Object>())
            }
        }
    }

    /// A value as a node without positions.
    pub fn from_value(value: &Value) -> Self {
        let value = match value {
            Value::Null => NodeValue::Scalar(Scalar::null()),
            Value::Array(items) => NodeValue::List(items.iter().map(Self::from_value).collect()),
            Value::Object(fields) => NodeValue::Map(
                fields
                    .iter()
                    .map(|(name, field)| {
                        let key = Key { at: Position::default(), name: name.to_string() };
                        (key, Self::from_value(field))
                    })
                    .collect(),
            ),
            Value::String(_) | Value::Bytes(_) | Value::Timestamp(_) => {
                NodeValue::Scalar(Scalar::string(value.to_text()))
            }
            scalar => NodeValue::Scalar(Scalar::plain(scalar.to_string())),
        };
        Self::without_place(value)
    }
}

fn scalar_value(scalar: &Scalar) -> Value {
    let text = scalar.text.as_str();
    match scalar.kind {
        ScalarKind::Null => Value::Null,
        ScalarKind::Bool => Value::Bool(text.eq_ignore_ascii_case("true")),
        ScalarKind::Int => parse_int(text).and_then(|n| i64::try_from(n).ok()).map_or_else(
            || parse_int(text).map_or(Value::Null, |n| Value::Float(n as f64)),
            Value::Int,
        ),
        ScalarKind::Float => match json::parse(text.as_bytes()) {
            Ok(number) => number.as_f64().map_or(number, Value::Float),
            Err(_) => parse_float(text).map_or(Value::Null, Value::Float),
        },
        ScalarKind::String => Value::from(text),
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::without_place(NodeValue::Scalar(Scalar::string(text)))
    }
}

impl From<bool> for Node {
    fn from(b: bool) -> Self {
        Self::without_place(NodeValue::Scalar(Scalar::plain(b.to_string())))
    }
}

impl From<i64> for Node {
    fn from(n: i64) -> Self {
        Self::without_place(NodeValue::Scalar(Scalar::plain(n.to_string())))
    }
}

impl From<i32> for Node {
    fn from(n: i32) -> Self {
        Self::from(i64::from(n))
    }
}

impl From<f64> for Node {
    fn from(f: f64) -> Self {
        Self::without_place(NodeValue::Scalar(Scalar::plain(f.to_string())))
    }
}

impl<T: Into<Node>, const N: usize> From<[T; N]> for Node {
    fn from(items: [T; N]) -> Self {
        let items = items.into_iter().map(Into::into).collect();
        Self::without_place(NodeValue::List(items))
    }
}
