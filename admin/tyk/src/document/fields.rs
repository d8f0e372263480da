//! Reading the members of a document, with every misfit reported by path.

use std::time::Duration;

use serde_json::{Map, Value};
use sluice_config::Problem;

use super::problem;

/// A place in a document, present or not.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    value: Option<&'a Value>,
    path: String,
}

/// Collects what does not fit.
#[derive(Default)]
pub(crate) struct Misfits(pub Vec<Problem>);

impl Misfits {
    pub(crate) fn add(&mut self, field: &Field<'_>, message: impl Into<String>) {
        self.0.push(problem(field.path.clone(), message));
    }

    fn wrong_type(&mut self, field: &Field<'_>, expected: &str) {
        let given = match field.value {
            None | Some(Value::Null) => "null",
            Some(Value::Bool(_)) => "boolean",
            Some(Value::Number(number)) if number.is_f64() => "number",
            Some(Value::Number(_)) => "integer",
            Some(Value::String(_)) => "string",
            Some(Value::Array(_)) => "array",
            Some(Value::Object(_)) => "object",
        };
        self.add(field, format!("Invalid type. Expected: {expected}, given: {given}"));
    }
}

impl<'a> Field<'a> {
    pub(crate) fn root(value: &'a Value) -> Self {
        Self { value: Some(value), path: String::new() }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn get(&self, name: &str) -> Self {
        let path =
            if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        let value = self.value.and_then(|value| value.get(name)).filter(|value| !value.is_null());
        Self { value, path }
    }

    pub(crate) fn exists(&self) -> bool {
        self.value.is_some()
    }

    pub(crate) fn value(&self) -> Option<&'a Value> {
        self.value
    }

    pub(crate) fn text(&self, misfits: &mut Misfits) -> Option<&'a str> {
        let text = self.value?.as_str();
        if text.is_none() {
            misfits.wrong_type(self, "string");
        }
        text
    }

    pub(crate) fn flag(&self, misfits: &mut Misfits) -> bool {
        let Some(value) = self.value else { return false };
        value.as_bool().unwrap_or_else(|| {
            misfits.wrong_type(self, "boolean");
            false
        })
    }

    pub(crate) fn integer(&self, misfits: &mut Misfits) -> Option<i64> {
        let number = self.value?.as_i64();
        if number.is_none() {
            misfits.wrong_type(self, "integer");
        }
        number
    }

    /// A time like `1h2m3s`, or a number of seconds.
    pub(crate) fn duration(&self, misfits: &mut Misfits) -> Option<Duration> {
        let duration = match self.value? {
            Value::Number(seconds) => {
                seconds.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            }
            Value::String(text) => parse_duration(text),
            _ => None,
        };
        if duration.is_none() {
            misfits.add(self, "expected a time like `1m30s` or a number of seconds");
        }
        duration
    }

    /// An object's members; none if it is missing.
    pub(crate) fn members(&self, misfits: &mut Misfits) -> Option<&'a Map<String, Value>> {
        let members = self.value?.as_object();
        if members.is_none() {
            misfits.wrong_type(self, "object");
        }
        members
    }

    /// Whether this is an object with `enabled: true`.
    pub(crate) fn enabled(&self, misfits: &mut Misfits) -> bool {
        self.members(misfits).is_some() && self.get("enabled").flag(misfits)
    }
}

/// Numbers with units from hours to nanoseconds, one after the other: `1h2m3s`, `1.5s`, `250ms`.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let seconds = match &rest[..unit] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number * seconds;
        rest = &rest[unit..];
    }
    Duration::try_from_secs_f64(total).ok()
}

/// The value at a path of plain names.
pub(crate) fn pointer<'a>(document: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(document, |value, name| value.get(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up() {
        for (text, millis) in [
            ("1h2m3s", Some(3_723_000)),
            ("1.5s", Some(1500)),
            ("250ms", Some(250)),
            ("0s", Some(0)),
        ] {
            assert_eq!(parse_duration(text).map(|d| d.as_millis()), millis, "{text}");
        }
        for text in ["", "5", "s", "1x", "-1s", "1s5"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
