//! The functions of JMESPath.

use std::cmp::Ordering;

use sluice_value::{EcoVec, Kind, Object, Value, format_float_json};

use super::eval::{Run, equal};
use super::parse::Node;

/// An argument: a value, or an expression for each item.
enum Argument<'n> {
    Value(Value),
    Expression(&'n Node),
}

/// Which arguments a function takes: the names of types for each; the last may repeat.
fn signature(name: &str) -> Option<(&'static [&'static [&'static str]], bool)> {
    const NUMBER: &[&str] = &["number"];
    const STRING: &[&str] = &["string"];
    const ARRAY: &[&str] = &["array"];
    const OBJECT: &[&str] = &["object"];
    const ANY: &[&str] = &["any"];
    const NUMBERS: &[&str] = &["array[number]"];
    const EXPRESSION: &[&str] = &["expref"];
    Some(match name {
        "abs" | "ceil" | "floor" => (&[NUMBER], false),
        "avg" | "sum" => (&[NUMBERS], false),
        "contains" => (&[&["array", "string"], ANY], false),
        "ends_with" | "starts_with" => (&[STRING, STRING], false),
        "join" => (&[STRING, &["array[string]"]], false),
        "keys" | "values" => (&[OBJECT], false),
        "length" => (&[&["string", "array", "object"]], false),
        "map" => (&[EXPRESSION, ARRAY], false),
        "max" | "min" => (&[&["array[number]", "array[string]"]], false),
        "max_by" | "min_by" | "sort_by" => (&[ARRAY, EXPRESSION], false),
        "merge" => (&[OBJECT], true),
        "not_null" => (&[ANY], true),
        "reverse" => (&[&["array", "string"]], false),
        "sort" => (&[&["array[string]", "array[number]"]], false),
        "to_array" | "to_number" | "to_string" | "type" => (&[ANY], false),
        _ => return None,
    })
}

/// # Errors
/// There is no such function, or an argument does not fit.
pub(super) fn call(
    run: &Run,
    name: &str,
    arguments: &[Node],
    value: &Value,
) -> Result<Value, String> {
    let (kinds, repeats) = signature(name).ok_or_else(|| format!("Unknown function: {name}"))?;
    let arguments = arguments.iter().map(|argument| match argument {
        Node::Reference(expression) => Ok(Argument::Expression(expression)),
        other => run.ask(other, value).map(Argument::Value),
    });
    let arguments = arguments.collect::<Result<Vec<_>, String>>()?;
    if repeats && arguments.len() < kinds.len() {
        return Err("Invalid arity.".into());
    }
    if !repeats && arguments.len() != kinds.len() {
        return Err("Incorrect number of args.".into());
    }
    for (at, argument) in arguments.iter().enumerate() {
        check(argument, kinds[at.min(kinds.len() - 1)])?;
    }
    match (name, &arguments[..]) {
        ("map", [Argument::Expression(expression), Argument::Value(Value::Array(items))]) => {
            let mapped = items.iter().map(|item| run.ask(expression, item));
            Ok(Value::Array(mapped.collect::<Result<_, _>>()?))
        }
        (_, [Argument::Value(Value::Array(items)), Argument::Expression(expression)]) => {
            by(run, name, items, expression)
        }
        _ => {
            let values: Option<Vec<Value>> = arguments
                .into_iter()
                .map(|argument| match argument {
                    Argument::Value(value) => Some(value),
                    Argument::Expression(_) => None,
                })
                .collect();
            plain(run, name, &values.ok_or("an expression reference is not a value")?)
        }
    }
}

fn check(argument: &Argument<'_>, expected: &[&str]) -> Result<(), String> {
    let all = |items: &EcoVec<Value>, kind| items.iter().all(|item| item.kind() == kind);
    let fits = |expected: &&str| match (argument, *expected) {
        (Argument::Expression(_), expected) => expected == "expref",
        (_, "any") => true,
        (Argument::Value(value), "number") => value.kind() == Kind::Number,
        (Argument::Value(Value::Array(items)), "array[number]") => all(items, Kind::Number),
        (Argument::Value(Value::Array(items)), "array[string]") => all(items, Kind::String),
        (Argument::Value(value), expected) => value.kind().name() == expected,
    };
    if expected.iter().any(fits) {
        return Ok(());
    }
    let shown = match argument {
        Argument::Value(value) => go_text(value),
        Argument::Expression(_) => "{expression}".into(),
    };
    let kinds: Vec<String> = expected.iter().map(|kind| format!("{kind:?}")).collect();
    let kinds = kinds.join(", ");
    Err(format!("Invalid type for: {shown}, expected: []jmespath.jpType{{{kinds}}}"))
}

/// A value as the reference's errors print it.
fn go_text(value: &Value) -> String {
    let join = |parts: Vec<String>| parts.join(" ");
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.to_string(),
        Value::Array(items) => format!("[{}]", join(items.iter().map(go_text).collect())),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| format!("{key}:{}", go_text(value)));
            format!("map[{}]", join(fields.collect()))
        }
        other => match other.as_f64() {
            Some(float) => format_float_json(float),
            None => other.to_string(),
        },
    }
}

/// Functions of values alone.
fn plain(run: &Run, name: &str, arguments: &[Value]) -> Result<Value, String> {
    let [first, rest @ ..] = arguments else { return Ok(Value::Null) };
    let number = |value: f64| Ok(Value::Float(value));
    let float = |value: &Value| value.as_f64().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = || first.as_array().cloned().unwrap_or_default();
    match name {
        "abs" => number(float(first).abs()),
        "ceil" => number(float(first).ceil()),
        "floor" => number(float(first).floor()),
        "sum" => number(items().iter().map(float).sum()),
        "avg" => {
            let items = items();
            let average = items.iter().map(float).sum::<f64>() / items.len() as f64;
            if average.is_nan() { Ok(Value::Null) } else { number(average) }
        }
        "contains" => Ok(Value::Bool(match (first, &rest[0]) {
            (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
            (Value::Array(items), item) => items.iter().any(|it| equal(it, item)),
            _ => false,
        })),
        "starts_with" => Ok(Value::Bool(text(first).starts_with(&text(&rest[0])))),
        "ends_with" => Ok(Value::Bool(text(first).ends_with(&text(&rest[0])))),
        "join" => {
            let parts: Vec<String> = rest[0].as_array().into_iter().flatten().map(text).collect();
            Ok(Value::from(parts.join(&text(first))))
        }
        "keys" => {
            let keys = first.as_object().into_iter().flat_map(Object::keys);
            Ok(Value::Array(keys.cloned().map(Value::String).collect()))
        }
        "values" => {
            let values = first.as_object().into_iter().flat_map(Object::values);
            Ok(Value::Array(values.cloned().collect()))
        }
        "length" => number(match first {
            Value::String(text) => text.chars().count(),
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            _ => 0,
        } as f64),
        "max" => Ok(best(&items(), Ordering::Greater)),
        "min" => Ok(best(&items(), Ordering::Less)),
        "merge" => {
            let mut merged = Object::new();
            for object in arguments.iter().filter_map(Value::as_object) {
                run.count(object.len())?;
                merged.extend(object.clone());
            }
            Ok(Value::Object(merged))
        }
        "not_null" => Ok(arguments.iter().find(|it| !it.is_null()).cloned().unwrap_or_default()),
        "reverse" => Ok(match first {
            Value::String(text) => Value::from(text.chars().rev().collect::<String>()),
            _ => Value::Array(items().iter().rev().cloned().collect()),
        }),
        "sort" => {
            let mut items = items();
            items.make_mut().sort_by(order);
            Ok(Value::Array(items))
        }
        "to_array" => Ok(match first {
            Value::Array(_) => first.clone(),
            other => Value::from(vec![other.clone()]),
        }),
        "to_string" => Ok(match first {
            Value::String(_) => first.clone(),
            other => Value::from(run.plain(other.clone())?.to_string()),
        }),
        "to_number" => Ok(match first {
            Value::String(text) => {
                let looks_right = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
                let number = text.parse().ok().filter(|_| looks_right);
                number.map_or(Value::Null, Value::Float)
            }
            other if other.kind() == Kind::Number => other.clone(),
            _ => Value::Null,
        }),
        _ => Ok(Value::from(match first.kind() {
            Kind::Bool => "boolean",
            Kind::Bytes | Kind::Timestamp => "string",
            other => other.name(),
        })),
    }
}

/// `sort_by`, `max_by` and `min_by`.
fn by(run: &Run, name: &str, items: &EcoVec<Value>, key: &Node) -> Result<Value, String> {
    let keyed = items.iter().map(|item| Ok((run.ask(key, item)?, item.clone())));
    let mut keyed = keyed.collect::<Result<Vec<(Value, Value)>, String>>()?;
    let kind = keyed.first().map(|(key, _)| key.kind());
    let expected = match kind {
        None => {
            return Ok(if name == "sort_by" { Value::Array(EcoVec::new()) } else { Value::Null });
        }
        Some(Kind::Number) => "number",
        Some(Kind::String) => "string",
        Some(_) => return Err("Invalid type, must be number of string.".into()),
    };
    if keyed.iter().any(|(key, _)| Some(key.kind()) != kind) {
        return Err(format!("Invalid type, must be {expected}"));
    }
    if name == "sort_by" {
        keyed.sort_by(|(a, _), (b, _)| order(a, b));
        return Ok(Value::Array(keyed.into_iter().map(|(_, item)| item).collect()));
    }
    let wanted = if name == "max_by" { Ordering::Greater } else { Ordering::Less };
    let best = keyed
        .into_iter()
        .reduce(|best, next| if order(&next.0, &best.0) == wanted { next } else { best });
    Ok(best.map_or(Value::Null, |(_, item)| item))
}

fn best(items: &EcoVec<Value>, wanted: Ordering) -> Value {
    let better = |best, next| if order(next, best) == wanted { next } else { best };
    items.iter().reduce(better).cloned().unwrap_or_default()
}

/// The order of two numbers or two texts.
fn order(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left.cmp(right),
        _ => left.as_f64().partial_cmp(&right.as_f64()).unwrap_or(Ordering::Equal),
    }
}
