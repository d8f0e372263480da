//! Where two documents differ.

use sluice_bloblang::compare;
use sluice_value::Value;

/// What the second document must be to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Equals,
    /// It may have more fields and items.
    Contains,
}

/// A line for each place at which `actual` is not what `expected` asks for.
pub(super) fn differences(expected: &Value, actual: &Value, mode: Mode) -> Vec<String> {
    let mut found = Vec::new();
    compare_at("", expected, actual, mode, &mut found);
    found
}

fn compare_at(path: &str, expected: &Value, actual: &Value, mode: Mode, found: &mut Vec<String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (expected, actual) {
        (Value::Object(wanted), Value::Object(given)) => {
            for (key, wanted) in wanted.iter() {
                match given.get(key) {
                    Some(given) => compare_at(&below(key), wanted, given, mode, found),
                    None => {
                        found.push(format!("  {}: expected {wanted}, found nothing", below(key)));
                    }
                }
            }
            if mode == Mode::Equals {
                let more = given.iter().filter(|(key, _)| !wanted.contains_key(key));
                found.extend(more.map(|(key, given)| {
                    format!("  {}: expected nothing, found {given}", below(key))
                }));
            }
        }
        (Value::Array(wanted), Value::Array(given)) => {
            for (at, wanted) in wanted.iter().enumerate() {
                let place = below(&at.to_string());
                match given.get(at) {
                    Some(given) => compare_at(&place, wanted, given, mode, found),
                    None => found.push(format!("  {place}: expected {wanted}, found nothing")),
                }
            }
            if mode == Mode::Equals {
                for (at, given) in given.iter().enumerate().skip(wanted.len()) {
                    let place = below(&at.to_string());
                    found.push(format!("  {place}: expected nothing, found {given}"));
                }
            }
        }
        (wanted, given) => {
            if wanted.kind() != given.kind() || !compare::equal(wanted, given) {
                let place = if path.is_empty() { "the document" } else { path };
                found.push(format!("  {place}: expected {wanted}, found {given}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sluice_value::json;

    use super::*;

    #[track_caller]
    fn check(expected: &str, actual: &str, mode: Mode, found: &[&str]) {
        let parse = |text: &str| json::parse(text.as_bytes()).unwrap();
        assert_eq!(differences(&parse(expected), &parse(actual), mode), found);
    }

    #[test]
    fn each_difference_is_named_with_its_place() {
        check(
            r#"{"a":{"b":1,"c":2},"d":[1,2]}"#,
            r#"{"a":{"b":"1"},"d":[1,3,4],"e":0}"#,
            Mode::Equals,
            &[
                "  a.b: expected 1, found \"1\"",
                "  a.c: expected 2, found nothing",
                "  d.1: expected 2, found 3",
                "  d.2: expected nothing, found 4",
                "  e: expected nothing, found 0",
            ],
        );
        check(r#"{"a":1.0}"#, r#"{"a":1,"b":2}"#, Mode::Contains, &[]);
        check("1", "2", Mode::Contains, &["  the document: expected 1, found 2"]);
        check("true", "1", Mode::Equals, &["  the document: expected true, found 1"]);
    }
}
