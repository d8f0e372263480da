//! Cases recorded on the reference, from `tests/cases`.
//!
//! All must pass but for [`KNOWN_DIFFERENCES`], which must really differ.

use sluice_conformance::{Report, bloblang};

/// Cases in which we differ on purpose, and why.
const KNOWN_DIFFERENCES: &[(&str, &str)] = &[
    ("mut-let-alias-after-write", "a variable keeps the value it was given"),
    ("set-on-literal-persists-between-messages", "a literal is the same for every message"),
    ("format-json-empty-array", "an empty array prints as one"),
    ("log-zero-into-json", INFINITE),
    ("log-negative-into-json", INFINITE),
    ("pow-into-json-infinity", INFINITE),
    ("number-infinity-into-json", INFINITE),
    (
        "parse-yaml-integer-key",
        "a key that is a number becomes text, and does not empty the message",
    ),
];

const INFINITE: &str = "an infinite number becomes null, and does not empty the message";

#[test]
fn recorded_cases_pass() {
    let mut files: Vec<_> = std::fs::read_dir("tests/cases")
        .expect("the case directory is there")
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    files.sort();
    let mut all = Report::default();
    let mut surprises = Vec::new();
    for file in files {
        let name = file.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let report = bloblang::run_file(&file).expect("it is a case file");
        println!("{name}: {} passed, {} failed", report.passed, report.failures.len());
        let known = |failure: &str| KNOWN_DIFFERENCES.iter().any(|(name, _)| *name == failure);
        let new = report.failures.iter().filter(|failure| !known(&failure.name));
        surprises.extend(new.map(ToString::to_string));
        all.merge(report);
    }
    for (name, _) in KNOWN_DIFFERENCES {
        if !all.failures.iter().any(|failure| failure.name == *name) {
            surprises.push(format!("{name} is no difference any more"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}
