//! No text makes the parser, the diagnostics or the formatter panic, hang or overflow the stack.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sluice_bloblang::{Environment, Program, Template, format};

static ENVIRONMENT: LazyLock<Environment> =
    LazyLock::new(|| Environment::default().with_placeholders(["tyk_context"]));

fuzz_target!(|text: &str| {
    match Program::parse(text, &ENVIRONMENT) {
        Ok(program) => {
            let formatted = format(text, &ENVIRONMENT).expect("it is a mapping");
            let again = Program::parse(&formatted, &ENVIRONMENT).expect("it still is one");
            assert!(again == program, "{formatted}");
        }
        Err(problems) => drop(problems.to_string()),
    }
    drop(Template::parse(text, &ENVIRONMENT));
});
