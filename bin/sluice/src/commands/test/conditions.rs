//! What a message should be like.

use std::path::Path;

use regex::bytes::Regex;
use sluice_bloblang::compare;
use sluice_engine::{Check, Scope};
use sluice_message::Message;
use sluice_value::{Value, json};

use super::case::{beside, content};
use super::json_diff::{self, Mode};
use crate::config::files;
use crate::config::tests::TestOutput;
use crate::console::{self, Colour};

/// The conditions of one message, in the order in which they are reported.
pub(super) struct Conditions(Vec<(&'static str, Condition)>);

enum Condition {
    Query(Check),
    Content(String),
    Matches(String),
    Metadata(Vec<(String, Value)>),
    File(String),
    Json(String, Mode),
    JsonFile(String, Mode),
}

impl Conditions {
    /// # Errors
    /// A query that does not parse.
    pub(super) fn new(scope: &Scope, output: &TestOutput) -> Result<Self, String> {
        let TestOutput {
            bloblang,
            content_equals,
            content_matches,
            metadata_equals,
            file_equals,
            file_json_equals,
            json_equals,
            json_contains,
            file_json_contains,
        } = output.clone();
        let query = bloblang.map(|query| scope.check(&query).map_err(|error| error.to_string()));
        let all = [
            ("bloblang", query.transpose()?.map(Condition::Query)),
            ("content_equals", content_equals.map(Condition::Content)),
            ("content_matches", content_matches.map(Condition::Matches)),
            ("file_equals", file_equals.map(Condition::File)),
            (
                "file_json_contains",
                file_json_contains.map(|path| Condition::JsonFile(path, Mode::Contains)),
            ),
            (
                "file_json_equals",
                file_json_equals.map(|path| Condition::JsonFile(path, Mode::Equals)),
            ),
            (
                "json_contains",
                json_contains.map(|value| Condition::Json(document(value), Mode::Contains)),
            ),
            (
                "json_equals",
                json_equals.map(|value| Condition::Json(document(value), Mode::Equals)),
            ),
            (
                "metadata_equals",
                metadata_equals.map(|all| Condition::Metadata(all.into_iter().collect())),
            ),
        ];
        Ok(Self(all.into_iter().filter_map(|(name, it)| Some((name, it?))).collect()))
    }

    /// Which conditions do not hold, and why.
    pub(super) fn check(&self, message: &Message, directory: &Path) -> Vec<String> {
        let check = |(name, condition): &(&'static str, Condition)| {
            condition.check(message, directory).err().map(|why| format!("{name}: {why}"))
        };
        self.0.iter().filter_map(check).collect()
    }
}

/// A text stands for the document it holds.
fn document(value: Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    }
}

impl Condition {
    fn check(&self, message: &Message, directory: &Path) -> Result<(), String> {
        match self {
            Self::Query(check) => match check.is_true(std::slice::from_ref(message), 0) {
                Ok(true) => Ok(()),
                Ok(false) => Err("bloblang expression was false".into()),
                Err(error) => Err(error),
            },
            Self::Content(expected) => same_content(expected.as_bytes(), message),
            Self::Matches(pattern) => matches(pattern, message),
            Self::Metadata(expected) => same_metadata(expected, message),
            Self::File(path) => {
                let expected = files::read(&beside(directory, path))
                    .map_err(|error| format!("failed to read comparison file: {error}"))?;
                same_content(&expected, message)
            }
            Self::Json(expected, mode) => same_document(expected.as_bytes(), *mode, message),
            Self::JsonFile(path, mode) => {
                let expected = files::read(&beside(directory, path))
                    .map_err(|error| format!("failed to read comparison JSON file: {error}"))?;
                same_document(&expected, *mode, message)
            }
        }
    }
}

fn mismatch(what: &str, expected_name: &str, expected: &str, received: &str) -> String {
    let colours = console::stdout_has_colours();
    format!(
        "{what}\n  {expected_name:>8}: {}\n  received: {}",
        Colour::Blue.paint(expected, colours),
        Colour::Red.paint(received, colours)
    )
}

fn same_content(expected: &[u8], message: &Message) -> Result<(), String> {
    if expected == &message.bytes()[..] {
        return Ok(());
    }
    let expected = String::from_utf8_lossy(expected);
    Err(mismatch("content mismatch", "expected", &expected, &content(message)))
}

fn matches(pattern: &str, message: &Message) -> Result<(), String> {
    let regex = Regex::new(pattern).map_err(|error| format!("error parsing regexp: {error}"))?;
    if regex.is_match(message.bytes()) {
        return Ok(());
    }
    Err(mismatch("pattern mismatch", "pattern", pattern, &content(message)))
}

fn same_metadata(expected: &[(String, Value)], message: &Message) -> Result<(), String> {
    for (name, expected) in expected {
        let Some(actual) = message.metadata().get(name) else {
            return Err(format!("metadata key '{name}' expected but not found"));
        };
        if !compare::equal(expected, actual) {
            let what = format!("metadata key '{name}' mismatch");
            return Err(mismatch(&what, "expected", &expected.to_text(), &actual.to_text()));
        }
    }
    Ok(())
}

fn same_document(expected: &[u8], mode: Mode, message: &Message) -> Result<(), String> {
    let what = match mode {
        Mode::Equals => "JSON content mismatch",
        Mode::Contains => "JSON superset mismatch",
    };
    let parse = |bytes: &[u8], whose: &str| {
        json::parse(bytes).map_err(|error| format!("{what}\n{whose} is not valid JSON: {error}"))
    };
    let expected = parse(expected, "the expected document")?;
    let actual = parse(message.bytes(), "the message")?;
    let differences = json_diff::differences(&expected, &actual, mode);
    if differences.is_empty() { Ok(()) } else { Err(format!("{what}\n{}", differences.join("\n"))) }
}
