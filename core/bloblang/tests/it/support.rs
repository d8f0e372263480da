//! The one place where tests touch the API.

use std::{path::Path, sync::LazyLock};

use sluice_bloblang::{Body, Environment, Error, Input, Program, Single};
use sluice_value::{Value, json};

/// What `mapping` makes of a document, as text.
pub(crate) fn map(mapping: &str, document: &str) -> Result<String, Error> {
    run(&compile(mapping), document)
}

#[track_caller]
pub(crate) fn compile(mapping: &str) -> Program {
    match Program::parse(mapping, &Environment::default()) {
        Ok(program) => program,
        Err(problems) => panic!("{problems}"),
    }
}

pub(crate) fn run(program: &Program, document: &str) -> Result<String, Error> {
    let message = message(document);
    let mapped = program.map(&Input::new(&message, 0))?;
    Ok(match mapped.body {
        Body::Unchanged => document.to_owned(),
        Body::Deleted => "deleted".to_owned(),
        Body::Value(value) => String::from_utf8_lossy(&value.to_body()).into_owned(),
    })
}

pub(crate) fn message(document: &str) -> Single {
    let value = json::parse(document.as_bytes()).expect("tests use documents");
    Single { value, ..Single::default() }
}

/// The problems of a text that must be refused.
#[track_caller]
pub(crate) fn problems(mapping: &str) -> sluice_bloblang::Diagnostics {
    match Program::parse(mapping, &Environment::default()) {
        Ok(_) => panic!("this was accepted: {mapping}"),
        Err(problems) => problems,
    }
}

/// The mappings of all recorded cases.
pub(crate) fn mappings_of_cases() -> &'static [String] {
    static MAPPINGS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
        let mut mappings = Vec::new();
        for entry in std::fs::read_dir(directory).expect("the case directory is there") {
            let content = std::fs::read(entry.expect("it can be listed").path());
            let cases = json::parse(&content.expect("it can be read")).expect("it is JSON");
            let cases = cases.as_object().and_then(|file| file.get("cases"));
            for case in cases.and_then(Value::as_array).expect("a file lists cases") {
                let mapping = case.as_object().and_then(|case| case.get("mapping"));
                mappings.extend(mapping.and_then(Value::as_str).map(ToOwned::to_owned));
            }
        }
        mappings.sort_unstable();
        mappings
    });
    &MAPPINGS
}
