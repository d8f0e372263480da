//! What the engine itself costs: an empty pipeline, single processors, a fan-out.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process::Running;
use crate::report::{figure, ratio};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Lines in the file.
    #[arg(long, default_value_t = 300_000)]
    lines: usize,
    /// Runs of each; the fastest counts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
}

/// Processors, each alone in a pipeline.
const PROCESSORS: [(&str, &str); 10] = [
    ("mapping", "mapping: 'root = this.merge({ \"extra\": this.user.name.uppercase() })'"),
    ("mutation", "mutation: 'root.extra = this.user.name.uppercase()'"),
    (
        "branch",
        "branch: { request_map: root = this.user, processors: [ { mapping: root.n = this.name } ], result_map: root.r = this.n }",
    ),
    (
        "switch",
        "switch: [ { check: this.number % 2 == 0, processors: [ { mapping: root.even = true } ] }, { processors: [ { noop: {} } ] } ]",
    ),
    ("try", "try: [ { mapping: root = this }, { mapping: 'root.done = true' } ]"),
    ("for_each", "for_each: [ { mapping: root = this } ]"),
    (
        "cache",
        "cache: { resource: kept, operator: set, key: '${! json(\"number\") % 1000 }', value: '${! json(\"user.name\") }' }",
    ),
    ("dedupe", "dedupe: { cache: kept, key: '${! json(\"number\") }' }"),
    ("metric", "metric: { type: counter, name: seen, labels: { kind: '${! json(\"kind\") }' } }"),
    ("split", "split: { size: 1 }"),
];

/// Lines per second of the reference from a file to nothing on such a machine.
const REFERENCE: f64 = 130_000.0;

pub(crate) fn run(program: &Path, options: &Options) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut file = std::fs::File::create(directory.path().join("events.jsonl"))?;
    let mut text = String::new();
    for number in 0..options.lines {
        writeln!(text, "{}", document(number))?;
    }
    file.write_all(text.as_bytes())?;
    let idle = fastest(program, directory.path(), options, &config("", 1, DROP, 0))?;
    let measure = |processors: &str, threads: usize, output: &str| -> Result<f64> {
        let config = config(processors, threads, output, options.lines);
        let took = fastest(program, directory.path(), options, &config)?.saturating_sub(idle);
        Ok(took.as_secs_f64() / options.lines as f64)
    };
    let shown = |name: &str, seconds: f64| figure(name, format!("{:.2}", seconds * 1e6));
    figure("size of a document, bytes", document(0).len());
    let empty = measure("", 1, DROP)?;
    shown("file to drop, µs per line", empty);
    ratio("lines per second / the reference's", 1.0 / empty / REFERENCE, "at least 10");
    for (name, processor) in PROCESSORS {
        shown(
            &format!("{name}, µs per line"),
            measure(&format!("{{ {processor} }}"), 1, DROP)? - empty,
        );
    }
    shown("fan-out to four, µs per line", measure("", 1, FAN_OUT)?);
    Ok(())
}

const DROP: &str = "{ drop: {} }";
const FAN_OUT: &str = "{ broker: { pattern: fan_out, outputs: [ { drop: {} }, { drop: {} }, { drop: {} }, { drop: {} } ] } }";

/// A document of about 500 bytes.
fn document(number: usize) -> String {
    format!(
        "{{\"number\":{number},\"kind\":\"order\",\"user\":{{\"name\":\"user {}\",\"mail\":\"user@example.com\"}},\
         \"items\":[{{\"id\":1,\"price\":12.5}},{{\"id\":2,\"price\":7.25}}],\"note\":\"{}\"}}",
        number % 97,
        "lorem ipsum dolor ".repeat(20)
    )
}

fn config(processors: &str, threads: usize, output: &str, lines: usize) -> String {
    let input = match lines {
        0 => "{ generate: { count: 1, interval: '', mapping: root = 1 } }",
        _ => "{ file: { paths: [ events.jsonl ] } }",
    };
    format!(
        "http: {{ enabled: false }}\nlogger: {{ level: OFF }}\ninput: {input}\n\
         pipeline: {{ threads: {threads}, processors: [ {processors} ] }}\noutput: {output}\n\
         cache_resources: [ {{ label: kept, memory: {{}} }} ]\n"
    )
}

fn fastest(program: &Path, directory: &Path, options: &Options, config: &str) -> Result<Duration> {
    std::fs::write(directory.join("config.yaml"), config)?;
    let mut fastest = Duration::MAX;
    for _ in 0..options.runs.max(1) {
        let began = Instant::now();
        Running::start(program, &["-c", "config.yaml"], directory)?.wait()?;
        fastest = fastest.min(began.elapsed());
    }
    Ok(fastest)
}
