//! Running cases of the mapping language.

mod compare;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use sluice_bloblang::{Body, Diagnostics, Environment, Error, Input, Mapped, Program, Template};
use sluice_value::{Object, Value, json};

use crate::{
    Failure, Report,
    messages::{Batch, Caches, Document, Files, InputFailure},
};

/// Runs all case files (`*.json`) of a directory, in order of their names.
///
/// # Errors
/// A file that cannot be read or is no case file.
pub fn run_directory(directory: &Path) -> Result<Report> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .with_context(|| format!("cannot read {}", directory.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    if files.is_empty() {
        bail!("there are no case files in {}", directory.display());
    }
    let mut report = Report::default();
    for file in files {
        report.merge(run_file(&file)?);
    }
    Ok(report)
}

/// Runs all cases of a file.
///
/// # Errors
/// The file cannot be read or is no case file.
pub fn run_file(path: &Path) -> Result<Report> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let document =
        json::parse(&text).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    let Some(Value::Array(cases)) = document.get("cases") else {
        bail!("{} has no cases", path.display());
    };
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut report = Report::default();
    for case in cases {
        let case = Case(case);
        match case.run() {
            Ok(()) => report.passed += 1,
            Err((expected, actual)) => report.failures.push(Failure {
                file: file.clone(),
                name: case.text("name").to_owned(),
                program: case.program().to_owned(),
                expected,
                actual,
            }),
        }
    }
    Ok(report)
}

/// One case, read where it is needed.
struct Case<'a>(&'a Value);

/// What was recorded and what came out, where they differ.
type Difference = (String, String);

/// What running a case yields for one message.
enum Outcome {
    Content { content: Bytes, metadata: Object },
    Deleted,
    Failed { error: Error, content: Bytes, metadata: Object },
}

impl Case<'_> {
    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    fn flag(&self, key: &str) -> bool {
        self.0.get(key).and_then(Value::as_bool).unwrap_or_default()
    }

    fn program(&self) -> &str {
        if self.0.get("template").is_some() { self.text("template") } else { self.text("mapping") }
    }

    fn run(&self) -> Result<(), Difference> {
        let environment = self.environment();
        let result = if self.0.get("template").is_some() {
            Template::parse(self.text("template"), &environment)
                .map(|template| self.render(&template))
        } else {
            Program::parse(self.text("mapping"), &environment).map(|program| self.map(&program))
        };
        let outcomes =
            match (result, self.0.get("expect").filter(|e| e.get("parse_error").is_some())) {
                (Ok(_), Some(expected)) => {
                    return Err((expected.to_string(), "the text was accepted".into()));
                }
                (Err(problems), Some(expected)) => return self.refused(expected, &problems),
                (Err(problems), None) => {
                    return Err((
                        self.expectation(),
                        format!("refused: {}", problems.first().short()),
                    ));
                }
                (Ok(outcomes), None) => outcomes,
            };
        let batch = Value::Array(
            self.0.get("expect_batch").and_then(Value::as_array).cloned().unwrap_or_default(),
        );
        let expected: Vec<&Value> = match (self.0.get("expect"), &batch) {
            (Some(expect), _) => vec![expect],
            (None, Value::Array(items)) => items.iter().collect(),
            _ => Vec::new(),
        };
        if expected.len() != outcomes.len() {
            return Err((self.expectation(), format!("{} messages", outcomes.len())));
        }
        for (expected, outcome) in expected.iter().zip(&outcomes) {
            self.compare(expected, outcome)?;
        }
        Ok(())
    }

    fn expectation(&self) -> String {
        let expect = self.0.get("expect").or_else(|| self.0.get("expect_batch"));
        expect.map(Value::to_string).unwrap_or_default()
    }

    fn environment(&self) -> Environment {
        let files = match self.0.get("files") {
            Some(Value::Object(files)) => files
                .iter()
                .map(|(path, text)| {
                    (path.to_string(), text.as_str().unwrap_or_default().to_owned())
                })
                .collect(),
            _ => BTreeMap::new(),
        };
        Environment::default().with_host(Arc::new(Files(files)))
    }

    fn batch(&self) -> Batch {
        let metadata =
            |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
        let documents = match self.0.get("batch") {
            Some(Value::Array(inputs)) => inputs
                .iter()
                .enumerate()
                .map(|(at, input)| {
                    let own = self.0.get("batch_meta").and_then(Value::as_array);
                    let own = own.and_then(|all| all.get(at)).or_else(|| self.0.get("meta"));
                    let text = input.as_str().unwrap_or_default();
                    Document::new(Bytes::copy_from_slice(text.as_bytes()), metadata(own))
                })
                .collect(),
            _ => {
                let bytes = match self.0.get("input_b64").and_then(Value::as_str) {
                    Some(encoded) => compare::from_base64(encoded).into(),
                    None => Bytes::copy_from_slice(self.text("input").as_bytes()),
                };
                vec![Document::new(bytes, metadata(self.0.get("meta")))]
            }
        };
        let failure = self.0.get("input_error").map(|failure| {
            let text =
                |key| failure.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            InputFailure {
                message: text("message"),
                component: text("type"),
                label: text("label"),
                path: text("path"),
            }
        });
        Batch { documents, failure }
    }

    fn caches(&self) -> Caches {
        let names = self.0.get("caches").and_then(Value::as_array);
        Caches::new(names.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)))
    }

    fn render(&self, template: &Template) -> Vec<Outcome> {
        let (batch, caches) = (self.batch(), self.caches());
        (0..batch.documents.len())
            .map(|at| {
                let input = Input::new(&batch, at).with_resources(&caches);
                match template.render_bytes(&input) {
                    Ok(content) => Outcome::Content { content, metadata: Object::new() },
                    Err(error) => {
                        Outcome::Failed { error, content: Bytes::new(), metadata: Object::new() }
                    }
                }
            })
            .collect()
    }

    fn map(&self, program: &Program) -> Vec<Outcome> {
        let (mut batch, caches) = (self.batch(), self.caches());
        let in_place = self.text("processor") == "mutation";
        let mut outcomes = Vec::new();
        for at in 0..batch.documents.len() {
            let input = Input::new(&batch, at).with_resources(&caches);
            let original = batch.documents[at].clone();
            let (mapped, failure) = if in_place {
                program.mutate(&input)
            } else {
                match program.map(&input) {
                    Ok(mapped) => (mapped, None),
                    Err(error) => {
                        let metadata = original.metadata.clone();
                        (Mapped { body: Body::Unchanged, metadata }, Some(error))
                    }
                }
            };
            let document = match mapped.body {
                Body::Deleted => None,
                Body::Unchanged => Some(Document { metadata: mapped.metadata, ..original }),
                Body::Value(value) => Some(Document::from_value(value, mapped.metadata)),
            };
            if in_place && let Some(document) = &document {
                batch.documents[at] = document.clone();
            }
            outcomes.push(match (document, failure) {
                (Some(Document { bytes, metadata, .. }), Some(error)) => {
                    Outcome::Failed { error, content: bytes, metadata }
                }
                (Some(Document { bytes, metadata, .. }), None) => {
                    Outcome::Content { content: bytes, metadata }
                }
                (None, _) => Outcome::Deleted,
            });
        }
        outcomes
    }

    fn refused(&self, expected: &Value, problems: &Diagnostics) -> Result<(), Difference> {
        let number = |key: &str| {
            expected.get(key).and_then(Value::as_i64).and_then(|n| usize::try_from(n).ok())
        };
        let problem = problems.first();
        let same_place = Some(problem.line) == number("line")
            && number("column").is_some_and(|column| {
                compare::same_token(self.program(), problem.line, problem.column, column)
            });
        if same_place {
            return Ok(());
        }
        let recorded = expected.get("parse_error").and_then(Value::as_str).unwrap_or_default();
        Err((recorded.to_owned(), problem.short()))
    }

    fn compare(&self, expected: &Value, outcome: &Outcome) -> Result<(), Difference> {
        let differs = || Err((expected.to_string(), describe(outcome)));
        if let Some(error) = expected.get("error").and_then(Value::as_str) {
            let Outcome::Failed { error: actual, content, metadata } = outcome else {
                return differs();
            };
            if !compare::same_error(error, &actual.to_string(), self.flag("library_text")) {
                return differs();
            }
            if self.flag("observe_after_error")
                && !(self.same_content(expected, content) && same_metadata(expected, metadata))
            {
                return differs();
            }
            return Ok(());
        }
        let same = match outcome {
            Outcome::Deleted => expected.get("deleted") == Some(&Value::Bool(true)),
            Outcome::Failed { .. } => false,
            Outcome::Content { content, metadata } => {
                self.same_content(expected, content)
                    && (self.0.get("template").is_some() || same_metadata(expected, metadata))
            }
        };
        if same { Ok(()) } else { differs() }
    }

    fn same_content(&self, expected: &Value, actual: &[u8]) -> bool {
        if let Some(encoded) = expected.get("content_b64").and_then(Value::as_str) {
            return compare::from_base64(encoded) == actual;
        }
        let Some(expected) = expected.get("content").and_then(Value::as_str) else { return false };
        if self.flag("approx") {
            return compare::about_equal(expected, &String::from_utf8_lossy(actual));
        }
        expected.as_bytes() == actual
    }
}

fn same_metadata(expected: &Value, actual: &Object) -> bool {
    let none = Object::new();
    let expected = expected.get("meta").and_then(Value::as_object).unwrap_or(&none);
    let actual: Object = actual.iter().map(|(key, value)| (key.clone(), recorded(value))).collect();
    compare::same_data(&Value::Object(expected.clone()), &Value::Object(actual))
}

/// A metadata value in the notation of the case files.
fn recorded(value: &Value) -> Value {
    let tagged = |tag: &str, text: String| {
        let mut object = Object::new();
        object.insert(tag, Value::string(text));
        Value::Object(object)
    };
    match value {
        Value::Bytes(content) => tagged("$bytes", String::from_utf8_lossy(content).into_owned()),
        Value::Timestamp(_) => tagged("$timestamp", value.to_text()),
        other => other.clone(),
    }
}

fn describe(outcome: &Outcome) -> String {
    let text = |content: &[u8]| String::from_utf8_lossy(content).into_owned();
    match outcome {
        Outcome::Deleted => "deleted".into(),
        Outcome::Content { content, metadata } if metadata.is_empty() => text(content),
        Outcome::Content { content, metadata } => {
            format!("{} meta {}", text(content), Value::Object(metadata.clone()))
        }
        Outcome::Failed { error, content, metadata } => {
            format!(
                "error: {error}; left {} meta {}",
                text(content),
                Value::Object(metadata.clone())
            )
        }
    }
}
