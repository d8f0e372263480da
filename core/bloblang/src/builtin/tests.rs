//! Every documented example runs.

use sluice_value::json;

use crate::{Body, Environment, Input, Program, Single, builtin::Example};

/// What the example's documentation says of an input.
fn outcome_of(program: &Program, input: &str) -> String {
    let message = Document(input);
    match program.map(&Input::new(&message, 0)) {
        Err(error) => {
            format!("Error({})", crate::number::quote(&error.to_string()).replace("\\`", "`"))
        }
        Ok(mapped) => match mapped.body {
            Body::Deleted => "<Message deleted>".into(),
            Body::Unchanged => input.into(),
            Body::Value(value) => String::from_utf8_lossy(&value.to_body()).into_owned(),
        },
    }
}

/// A message that may not be JSON.
struct Document<'a>(&'a str);

impl crate::Messages for Document<'_> {
    fn len(&self) -> usize {
        1
    }

    fn bytes(&self, _at: usize) -> bytes::Bytes {
        bytes::Bytes::copy_from_slice(self.0.as_bytes())
    }

    fn value(&self, _at: usize) -> Result<&sluice_value::Value, json::JsonError> {
        // Leaking is fine here: examples are few and small.
        json::parse(self.0.as_bytes()).map(|value| &*Box::leak(Box::new(value)))
    }

    fn is_parsed(&self, _at: usize) -> bool {
        false
    }

    fn metadata(&self, _at: usize) -> &sluice_value::Object {
        static NONE: sluice_value::Object = sluice_value::Object::new();
        &NONE
    }
}

fn check(name: &str, examples: &[Example], failures: &mut Vec<String>) {
    for example in examples {
        let program = match Program::parse(example.mapping, &Environment::default()) {
            Ok(program) => program,
            Err(problems) => {
                failures.push(format!("{name}: {problems}"));
                continue;
            }
        };
        for (input, expected) in example.runs {
            let actual = outcome_of(&program, input);
            // Documents are compared as documents: spaces and the order of keys do not matter.
            let same = match (json::parse(actual.as_bytes()), json::parse(expected.as_bytes())) {
                (Ok(actual), Ok(expected)) => actual.to_json() == expected.to_json(),
                _ => actual == *expected,
            };
            if !same {
                failures
                    .push(format!("{name}: {input}\n  expected {expected}\n  actual   {actual}"));
            }
        }
    }
}

#[test]
fn every_documented_example_yields_what_it_says() {
    let mut failures = Vec::new();
    for function in super::functions() {
        check(function.name, function.examples, &mut failures);
    }
    for method in super::methods() {
        check(method.name, method.examples, &mut failures);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_built_in_is_documented() {
    for (name, summary, examples) in super::functions()
        .map(|spec| (spec.name, spec.summary, spec.examples))
        .chain(super::methods().map(|spec| (spec.name, spec.summary, spec.examples)))
    {
        assert!(!summary.is_empty(), "{name} has no summary");
        assert!(!examples.is_empty(), "{name} has no example");
    }
}

#[test]
fn a_single_value_is_a_message() {
    let message = Single { value: json::parse(br#"{"a":1}"#).unwrap(), ..Single::default() };
    let program = Program::parse("this.a + 1", &Environment::default()).unwrap();
    let mapped = program.map(&Input::new(&message, 0)).unwrap();
    assert_eq!(mapped.body, Body::Value(sluice_value::Value::Int(2)));
}
