//! File and environment laid over each other, and checked against the known keys.

use serde_json::{Map, Value};

use super::keys::{KEYS, Key, Kind, Use};

/// Prefixes of environment variables; later ones win.
const PREFIXES: &[&str] = &["TYK_GW_", "SLUICE_GW_", "SLUICE_"];

/// The configuration as one object, and what is to be said about it.
pub(crate) struct Layered {
    pub values: Map<String, Value>,
    pub problems: Vec<String>,
    pub notes: Vec<String>,
}

pub(crate) fn apply(content: Map<String, Value>, environment: &[(String, String)]) -> Layered {
    let variable = |prefix: &str, name: &str| {
        let full = format!("{prefix}{name}");
        let found = environment.iter().find(|(name, value)| *name == full && !value.is_empty());
        found.map(|(name, value)| (name.clone(), value.clone()))
    };
    let omit =
        variable("TYK_GW_", "OMITCONFIGFILE").is_some_and(|(_, value)| truth(&value) == Some(true));
    let values = if omit { Map::new() } else { content };
    let mut layered = Layered { values, problems: Vec::new(), notes: Vec::new() };
    layered.note_unknown();
    for key in KEYS {
        layered.check(key);
        let name = key.variable();
        for (variable, text) in PREFIXES.iter().filter_map(|prefix| variable(prefix, &name)) {
            match from_text(key.kind, &text) {
                Ok(value) => put(&mut layered.values, key.path, value),
                Err(wanted) => layered.problems.push(format!("{variable}: expected {wanted}")),
            }
        }
        layered.judge(key);
    }
    layered
}

impl Layered {
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
        let value = self.values.get(first)?;
        let found = match rest {
            Some(rest) => rest.split('.').try_fold(value, |value, part| value.get(part))?,
            None => value,
        };
        (!found.is_null()).then_some(found)
    }

    fn check(&mut self, key: &Key) {
        let Some(value) = self.get(key.path) else { return };
        let fits = match key.kind {
            Kind::Text => value.is_string(),
            Kind::Bool => value.is_boolean(),
            Kind::Integer => value.is_i64() || value.is_u64(),
            Kind::Number => value.is_number(),
            Kind::List => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
            Kind::Map => {
                value.as_object().is_some_and(|items| items.values().all(Value::is_string))
            }
            Kind::Any => true,
        };
        if !fits {
            let problem =
                format!("{}: expected {}, found {}", key.path, wanted(key.kind), kind_of(value));
            self.problems.push(problem);
        }
    }

    fn judge(&mut self, key: &Key) {
        let Some(value) = self.get(key.path) else { return };
        // An object may be idle as a whole and yet have parts with effect.
        let parts = KEYS.iter().any(|other| other.path != key.path && key.covers(other.path));
        match key.usage {
            Use::Idle if !parts && matters(value) => {
                self.notes.push(format!("{}: understood, but without effect here", key.path));
            }
            Use::Refused if matters(value) => {
                self.problems.push(format!("{}: this program can't enforce it", key.path));
            }
            _ => {}
        }
    }

    /// Unknown keys are no error: configurations of other releases must load.
    fn note_unknown(&mut self) {
        let unknown: Vec<String> = self
            .values
            .keys()
            .filter(|name| !KEYS.iter().any(|key| key.path.split('.').next() == Some(name)))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            self.notes.push(format!("unknown keys are ignored: {}", unknown.join(", ")));
        }
    }
}

/// Whether a value asks for anything.
fn matters(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => members.values().any(matters),
    }
}

fn put(values: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => _ = values.insert(path.to_owned(), value),
        Some((first, rest)) => {
            let inner = values.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn from_text(kind: Kind, text: &str) -> Result<Value, &'static str> {
    let parts = || text.split(',').map(str::trim).filter(|part| !part.is_empty());
    match kind {
        Kind::Text => Ok(text.into()),
        Kind::Bool => truth(text).map(Value::from).ok_or(wanted(kind)),
        Kind::Integer => text.trim().parse::<i64>().map(Value::from).map_err(|_| wanted(kind)),
        Kind::Number => text.trim().parse::<f64>().map(Value::from).map_err(|_| wanted(kind)),
        Kind::List => Ok(parts().collect()),
        Kind::Map => {
            let pair = |part: &str| {
                let (name, value) = part.split_once(':').ok_or(wanted(kind))?;
                Ok((name.to_owned(), Value::from(value)))
            };
            parts().map(pair).collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        Kind::Any => Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into())),
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.trim() {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a text",
        Kind::Bool => "true or false",
        Kind::Integer => "a whole number",
        Kind::Number => "a number",
        Kind::List => "a list of texts",
        Kind::Map => "texts by name",
        Kind::Any => "JSON",
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
