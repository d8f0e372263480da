//! The one place where tests touch the API.

use sluice_bloblang::{Body, Environment, Error, Input, Program, Single};
use sluice_value::json;

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
