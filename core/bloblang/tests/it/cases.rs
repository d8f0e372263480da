//! Cases recorded on the reference, from `tests/cases`.
//!
//! Files in [`REQUIRED`] must pass completely. The others are reported with their counts, so that
//! nobody mistakes them for done.

use std::path::Path;

use sluice_conformance::{Report, bloblang};

/// Files that pass without exception.
const REQUIRED: &[&str] = &[];

#[test]
fn recorded_cases_of_required_files_pass() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> = std::fs::read_dir(&directory)
        .expect("the case directory is there")
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    files.sort();
    let mut failed = Report::default();
    for file in files {
        let name = file.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let report = bloblang::run_file(&file).expect("it is a case file");
        println!("{name}: {} passed, {} failed", report.passed, report.failures.len());
        if REQUIRED.contains(&name.as_str()) {
            failed.merge(report);
        }
    }
    let details: Vec<String> = failed.failures.iter().map(ToString::to_string).collect();
    assert!(details.is_empty(), "{}", details.join("\n"));
}
