//! The built program against cases recorded on the reference engine: its command line, and the
//! streams it runs.
//!
//! `tests/cases/engine/*.yaml` are never edited. A case that should differ stands in `differences`
//! with its reason; a case that needs a component nobody has built yet waits for it.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic and talk, its helpers too"
)]

mod crash;
mod debug;
mod differences;
mod docs;
mod metrics;
mod mistakes;
mod streams;
mod support;
mod tracing;
mod watch;

use std::process::Command;

use sluice_conformance::Failure;
use sluice_conformance::engine::Runner;

use differences::{KNOWN, TIMED, WAITING, WAITING_CASES};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sluice");

/// How often cases that depend on pauses are run again.
const ATTEMPTS: usize = 8;

/// Most known differences there may be.
const MOST_DIFFERENCES: usize = 10;

#[test]
fn recorded_cases_pass() {
    let cases = std::path::absolute("tests/cases/engine").unwrap();
    let runner = Runner::new(PROGRAM);
    let mut report = runner.run_directory(&cases).unwrap();
    assert!(report.total() > 600, "only {} cases were found", report.total());
    for _ in 0..ATTEMPTS {
        let is_timed = |failure: &Failure| {
            let name = name_of(failure);
            TIMED.iter().any(|(it, _)| name.starts_with(it)) || has_threads(failure)
        };
        let Some(failed) = report.failures.iter().position(is_timed) else { break };
        let again = runner.run_file(&cases.join(&report.failures[failed].file)).unwrap();
        let name = name_of(&report.failures[failed]);
        if !again.failures.iter().any(|failure| name_of(failure) == name) {
            report.failures.remove(failed);
        }
    }
    let names: Vec<String> = report.failures.iter().map(name_of).collect();
    let stale: Vec<&str> = KNOWN
        .iter()
        .chain(WAITING_CASES)
        .map(|(name, _)| *name)
        .filter(|name| !names.iter().any(|it| it == name))
        .collect();
    assert!(stale.is_empty(), "these cases pass now, take them from the list: {stale:#?}");
    let failures: Vec<String> = report
        .failures
        .iter()
        .filter(|failure| !is_listed(failure) && !waits(failure))
        .map(ToString::to_string)
        .collect();
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn components_that_cases_wait_for_are_not_there_yet() {
    let kinds = ["inputs", "processors", "outputs", "scanners"];
    let mut list = Command::new(PROGRAM);
    let listed = list.args(["list", "--format", "json"]).args(kinds).output().unwrap();
    assert!(listed.status.success());
    let listed = String::from_utf8(listed.stdout).unwrap();
    let built: Vec<_> =
        WAITING.iter().filter(|name| listed.contains(&format!("\"{name}\""))).collect();
    assert!(built.is_empty(), "these are built, take them from the list: {built:?}");
}

#[test]
fn differences_are_few_and_have_reasons() {
    assert!(KNOWN.len() <= MOST_DIFFERENCES, "{} known differences", KNOWN.len());
    assert!(KNOWN.iter().all(|(_, reason)| reason.len() > 20));
}

fn name_of(failure: &Failure) -> String {
    format!("{} / {}", failure.file, failure.name)
}

fn is_listed(failure: &Failure) -> bool {
    let name = name_of(failure);
    KNOWN.iter().chain(WAITING_CASES).any(|(known, _)| *known == name)
}

/// Whether the case has several pipeline threads, which keep the order of batches only while none of
/// them is held up.
fn has_threads(failure: &Failure) -> bool {
    failure.program.contains("pipeline:") && !failure.program.contains("threads: 1")
}

/// Whether the case configures a component that is not built yet.
fn waits(failure: &Failure) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    WAITING.iter().any(|name| {
        let key = format!("{name}:");
        failure.program.match_indices(&key).any(|(at, _)| !failure.program[..at].ends_with(is_word))
    })
}
