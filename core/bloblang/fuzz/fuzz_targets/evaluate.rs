//! No mapping on any document panics, hangs or takes all memory. The input is a document, a zero
//! byte and a mapping.
#![no_main]

use std::sync::{LazyLock, Once};

use libfuzzer_sys::fuzz_target;
use sluice_bloblang::{Body, Environment, Input, Limits, Program, Single};
use sluice_value::json;

// `env` and the like would make runs differ, and small limits are reached sooner.
static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(|| {
    Environment::default().only_pure().with_limits(Limits { steps: 500_000, bytes: 4_000_000 })
});

// Panics of a library that are caught and become errors end no search; others still do.
static CAUGHT_PANICS_PASS: Once = Once::new();

fuzz_target!(|data: &[u8]| {
    CAUGHT_PANICS_PASS.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let Some(split) = data.iter().position(|byte| *byte == 0) else { return };
    let (document, mapping) = (&data[..split], &data[split + 1..]);
    let Ok(mapping) = std::str::from_utf8(mapping) else { return };
    let Ok(value) = json::parse(document) else { return };
    let Ok(program) = Program::parse(mapping, &ENVIRONMENT) else { return };
    let message = Single { value, ..Single::default() };
    let input = Input::new(&message, 0);
    if let Ok(mapped) = program.map(&input)
        && let Body::Value(value) = mapped.body
    {
        drop(value.to_body());
    }
    drop(program.mutate(&input));
});
