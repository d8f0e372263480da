//! The functions of templates: those of Go and of the Sprig library.

use std::cmp::Ordering;

use sluice_bloblang::gofmt;
use sluice_value::{Kind, Value};

use super::run::{Run, is_true, printed};
use super::{sprig, sprig_crypto, sprig_more, sprig_rare};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// By name, from here or from [`sprig`].
    Known(&'static str),
    Meta,
    /// One that the configuration adds.
    Own(usize),
}

/// The functions of Go's templates.
const GO: &[&str] = &[
    "and", "or", "not", "len", "index", "slice", "print", "printf", "println", "html", "js",
    "urlquery", "eq", "ne", "lt", "le", "gt", "ge",
];

/// Whether a name is taken, so that the configuration may not add a function of this name.
pub(super) fn is_known(name: &str) -> bool {
    Function::parse(name, &[]).is_some()
}

impl Function {
    pub(super) fn parse(name: &str, own: &[String]) -> Option<Self> {
        if let Some(place) = own.iter().position(|own| own == name) {
            return Some(Self::Own(place));
        }
        if name == "meta" {
            return Some(Self::Meta);
        }
        let find = |name: &str| {
            let name = sprig_rare::same_as(name);
            let mut known = GO.iter().chain(sprig::NAMES).chain(sprig_more::NAMES);
            let mut rest = sprig_crypto::NAMES.iter().chain(sprig_rare::NAMES);
            let found = known.find(|known| **known == name);
            found.or_else(|| rest.find(|known| **known == name)).map(|known| Self::Known(known))
        };
        find(name).or_else(|| find(&sprig_more::without_must(name)?))
    }

    /// For `or` and `and`: the truth that ends them.
    pub(super) fn decides_on(self) -> Option<bool> {
        match self {
            Self::Known("or") => Some(true),
            Self::Known("and") => Some(false),
            _ => None,
        }
    }
}

/// # Errors
/// The arguments do not fit.
pub(super) fn call(
    run: &mut Run<'_>,
    function: Function,
    arguments: &[Value],
) -> Result<Value, String> {
    let value = match function {
        Function::Own(place) => match arguments {
            [argument] => run.surroundings.own(place, argument)?,
            _ => return Err(format!("wrong number of args: want 1 got {}", arguments.len())),
        },
        Function::Meta => match arguments {
            [Value::String(key)] => run.surroundings.metadata(key),
            _ => return Err("meta: expected the name of a metadata key".into()),
        },
        Function::Known(name) if GO.contains(&name) => {
            go(run, name, arguments).map_err(|error| format!("error calling {name}: {error}"))?
        }
        Function::Known(name) => sprig::call(run, name, arguments)
            .map_err(|error| format!("error calling {name}: {error}"))?,
    };
    run.spend(weight(&value))?;
    Ok(value)
}

/// Roughly the bytes that a new value takes.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.len() * size_of::<Value>(),
        Value::Object(fields) => fields.len() * size_of::<Value>() * 2,
        _ => 8,
    }
}

fn go(run: &mut Run<'_>, name: &str, arguments: &[Value]) -> Result<Value, String> {
    let all = || arguments.iter().map(printed).collect::<String>();
    Ok(match (name, arguments) {
        ("not", [value]) => Value::Bool(!is_true(value)),
        ("len", [value]) => Value::Int(match value {
            Value::String(text) => text.len() as i64,
            Value::Array(items) => items.len() as i64,
            Value::Object(fields) => fields.len() as i64,
            other => return Err(format!("len of type {}", other.kind())),
        }),
        ("index", [value, keys @ ..]) => {
            keys.iter().try_fold(value.clone(), |value, key| index(&value, key))?
        }
        ("slice", [value, bounds @ ..]) => slice(value, bounds)?,
        ("print", _) => Value::from(joined(arguments)),
        ("println", _) => {
            let words: Vec<String> = arguments.iter().map(printed).collect();
            Value::from(format!("{}\n", words.join(" ")))
        }
        ("printf", [Value::String(format), values @ ..]) => {
            run.spend(format.len())?;
            let operands: Vec<_> =
                values.iter().map(|value| gofmt::Operand { value, from_document: false }).collect();
            Value::from(gofmt::sprintf(format, &operands).map_err(|error| error.to_string())?)
        }
        ("html", _) => Value::from(escape(&all(), |c| match c {
            '<' => Some("&lt;"),
            '>' => Some("&gt;"),
            '&' => Some("&amp;"),
            '\'' => Some("&#39;"),
            '"' => Some("&#34;"),
            _ => None,
        })),
        ("js", _) => Value::from(escape(&all(), |c| match c {
            '\\' => Some("\\\\"),
            '\'' => Some("\\'"),
            '"' => Some("\\\""),
            '<' => Some("\\u003C"),
            '>' => Some("\\u003E"),
            '&' => Some("\\u0026"),
            '=' => Some("\\u003D"),
            '\n' => Some("\\u000A"),
            '\r' => Some("\\u000D"),
            '\t' => Some("\\u0009"),
            _ => None,
        })),
        ("urlquery", _) => Value::from(url_query(&all())),
        ("eq", [left, rest @ ..]) if !rest.is_empty() => {
            Value::Bool(rest.iter().any(|right| compare(left, right) == Some(Ordering::Equal)))
        }
        ("ne", [left, right]) => Value::Bool(compare(left, right) != Some(Ordering::Equal)),
        ("lt" | "le" | "gt" | "ge", [left, right]) => {
            let order = compare(left, right).ok_or("incompatible types for comparison")?;
            Value::Bool(match name {
                "lt" => order.is_lt(),
                "le" => order.is_le(),
                "gt" => order.is_gt(),
                _ => order.is_ge(),
            })
        }
        _ => return Err(format!("wrong arguments: {}", arguments.len())),
    })
}

/// As Go's `Sprint`: a space between two that are both no texts.
fn joined(values: &[Value]) -> String {
    let mut out = String::new();
    for (at, value) in values.iter().enumerate() {
        let is_text = |value: &Value| value.kind() == Kind::String;
        if at > 0 && !is_text(value) && !is_text(&values[at - 1]) {
            out.push(' ');
        }
        out.push_str(&printed(value));
    }
    out
}

fn index(value: &Value, key: &Value) -> Result<Value, String> {
    match (value, key) {
        (Value::Object(fields), Value::String(key)) => {
            Ok(fields.get(key).cloned().unwrap_or_default())
        }
        (Value::Array(items), at) if at.as_i64().is_some() => {
            let at = at.as_i64().unwrap_or_default();
            let item = usize::try_from(at).ok().and_then(|at| items.get(at));
            item.cloned().ok_or_else(|| format!("index out of range: {at}"))
        }
        (Value::Null, _) => Err("index of untyped nil".into()),
        (value, key) => {
            Err(format!("can't index item of type {} with {}", value.kind(), key.kind()))
        }
    }
}

fn slice(value: &Value, bounds: &[Value]) -> Result<Value, String> {
    let length = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.len(),
        other => return Err(format!("can't slice item of type {}", other.kind())),
    };
    let bound = |at: usize, default: usize| match bounds.get(at) {
        None => Ok(default),
        Some(bound) => {
            let bound = bound.as_i64().and_then(|bound| usize::try_from(bound).ok());
            bound.filter(|bound| *bound <= length).ok_or("index out of range")
        }
    };
    let (start, end) = (bound(0, 0)?, bound(1, length)?);
    match value {
        Value::String(text) => {
            let part = text.get(start..end).ok_or("index out of range")?;
            Ok(Value::from(part))
        }
        Value::Array(items) if start <= end => {
            Ok(Value::Array(items[start..end].iter().cloned().collect()))
        }
        _ => Err("index out of range".into()),
    }
}

/// `None` when two values have no order and are not equal.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => left.partial_cmp(&right),
            _ => (left == right).then_some(Ordering::Equal),
        },
    }
}

fn escape(text: &str, replacement: fn(char) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match replacement(c) {
            Some(replacement) => out.push_str(replacement),
            None => out.push(c),
        }
    }
    out
}

fn url_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
