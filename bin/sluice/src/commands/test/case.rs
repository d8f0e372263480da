//! Running one test.

use std::path::{Path, PathBuf};

use sluice_engine::Scope;
use sluice_message::{Batch, Message};
use sluice_value::Value;

use super::conditions::Conditions;
use super::target::Target;
use crate::commands::Setting;
use crate::config::files;
use crate::config::tests::{TestCase, TestInput};
use crate::console::{self, Colour};

/// Runs a test. Returns why it failed, nothing when it passed.
///
/// # Errors
/// What is under test, or what it is fed, cannot be made.
pub(super) async fn run(
    setting: &Setting,
    config: &str,
    case: &TestCase,
) -> Result<Vec<String>, String> {
    let directory = Path::new(config).parent().unwrap_or(Path::new(""));
    let Target { chain, scope } = Target::build(setting, config, case)?;
    let expected = expected(&scope, case)?;
    let mut actual: Vec<Batch> = Vec::new();
    for batch in inputs(case, directory)? {
        actual.extend(chain.process(batch).await);
    }
    chain.close().await;
    scope.resources().close().await;
    Ok(judge(&expected, &actual, directory))
}

fn expected(scope: &Scope, case: &TestCase) -> Result<Vec<Vec<Conditions>>, String> {
    let batches = case.output_batches.iter().flatten();
    batches
        .map(|batch| batch.iter().map(|output| Conditions::new(scope, output)).collect())
        .collect()
}

fn inputs(case: &TestCase, directory: &Path) -> Result<Vec<Batch>, String> {
    let several = case.input_batches.iter().flatten();
    let single = case.input_batch.iter().filter(|batch| !batch.is_empty());
    let batches = several.chain(single).map(|inputs| {
        let messages = inputs.iter().enumerate().map(|(at, input)| {
            message(input, directory)
                .map_err(|error| format!("failed to create test input {at}: {error}"))
        });
        messages.collect::<Result<Vec<_>, _>>().map(|messages| {
            let mut batch = Batch::new(messages);
            batch.number();
            batch
        })
    });
    batches.collect()
}

fn message(input: &TestInput, directory: &Path) -> Result<Message, String> {
    let content = match (&input.content, &input.json_content, &input.file_content) {
        (Some(content), _, _) => content.clone().into_bytes(),
        (None, Some(value), _) => value.to_json(),
        (None, None, Some(path)) => files::read(&beside(directory, path))?,
        (None, None, None) => Vec::new(),
    };
    let mut message = Message::from_bytes(content);
    for (name, value) in input.metadata.iter().flatten() {
        message.set_metadata(name, value.clone());
    }
    Ok(message)
}

/// A path as tests name files: from the directory of their configuration.
pub(super) fn beside(directory: &Path, path: &str) -> String {
    let joined: PathBuf = directory.join(path);
    files::clean(&joined)
}

fn judge(expected: &[Vec<Conditions>], actual: &[Batch], directory: &Path) -> Vec<String> {
    let mut reasons = Vec::new();
    if actual.len() < expected.len() {
        reasons.push(format!(
            "wrong batch count, expected {}, got {}",
            expected.len(),
            actual.len()
        ));
    }
    for (at, batch) in actual.iter().enumerate() {
        let Some(expected) = expected.get(at) else {
            let contents: Vec<String> = batch.iter().map(content).collect();
            reasons.push(format!("unexpected batch: [{}]", contents.join(" ")));
            continue;
        };
        if expected.len() != batch.len() {
            reasons.push(format!(
                "mismatch of output batch {at} message counts, expected {}, got {}",
                expected.len(),
                batch.len()
            ));
        }
        for (index, message) in batch.iter().enumerate() {
            let Some(conditions) = expected.get(index) else {
                reasons.push(format!("unexpected message from batch {at}: {}", content(message)));
                continue;
            };
            let failed = conditions.check(message, directory);
            let place = |reason| format!("batch {at} message {index}: {reason}");
            let has_failed = !failed.is_empty();
            reasons.extend(failed.into_iter().map(place));
            if let Some(failure) = message.failure().filter(|_| has_failed) {
                let colours = console::stdout_has_colours();
                reasons.push(place(Colour::Red.paint(&failure.message, colours)));
            }
        }
    }
    reasons
}

pub(super) fn content(message: &Message) -> String {
    Value::bytes(message.bytes().clone()).to_text()
}
