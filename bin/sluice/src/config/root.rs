//! The top level of configuration files, as tables.

use std::sync::LazyLock;

use sluice_config::Field;
use sluice_engine::StreamConfig;

use super::settings::ProgramSettings;
use super::tests::Tests;

/// Fields in the order in which they are shown.
const ORDER: [&str; 17] = [
    "http",
    "input",
    "buffer",
    "pipeline",
    "output",
    "input_resources",
    "processor_resources",
    "output_resources",
    "cache_resources",
    "rate_limit_resources",
    "logger",
    "metrics",
    "tracer",
    "shutdown_delay",
    "shutdown_timeout",
    "error_handling",
    "tests",
];

fn table(wanted: impl Fn(&str) -> bool) -> Vec<Field> {
    let all = || {
        let program = ProgramSettings::fields().iter();
        program.chain(StreamConfig::fields()).chain(Tests::fields())
    };
    let named = |name: &&str| all().find(|field| field.name == *name).cloned();
    ORDER.iter().filter(|name| wanted(name)).filter_map(named).collect()
}

fn is_stream_field(name: &str) -> bool {
    matches!(name, "input" | "buffer" | "pipeline" | "output")
}

fn is_resource_field(name: &str) -> bool {
    name.ends_with("_resources")
}

/// A whole configuration.
pub fn full() -> &'static [Field] {
    static TABLE: LazyLock<Vec<Field>> = LazyLock::new(|| table(|_| true));
    &TABLE
}

/// The stream alone.
pub fn stream() -> &'static [Field] {
    static TABLE: LazyLock<Vec<Field>> = LazyLock::new(|| table(is_stream_field));
    &TABLE
}

/// A file of a stream in streams mode.
pub fn stream_file() -> &'static [Field] {
    static TABLE: LazyLock<Vec<Field>> =
        LazyLock::new(|| table(|name| is_stream_field(name) || name == "tests"));
    &TABLE
}

/// A file of resources.
pub fn resources() -> &'static [Field] {
    static TABLE: LazyLock<Vec<Field>> =
        LazyLock::new(|| table(|name| is_resource_field(name) || name == "tests"));
    &TABLE
}

/// The main file in streams mode: all but a stream.
pub fn without_stream() -> &'static [Field] {
    static TABLE: LazyLock<Vec<Field>> = LazyLock::new(|| table(|name| !is_stream_field(name)));
    &TABLE
}

/// Whether a top-level field belongs to the engine's part of a configuration.
pub fn is_of_engine(name: &str) -> bool {
    StreamConfig::fields().iter().any(|field| field.name == name)
}
