//! File → filter mapping → merge mapping → drop, against a bare loop on as many threads.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use sluice_value::json;

use crate::events::event;
use crate::process::Running;
use crate::report::{figure, ratio};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Lines in the file.
    #[arg(long, default_value_t = 500_000)]
    lines: usize,
    /// Threads of the bare loop and of the pipeline.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Runs of each; the fastest counts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
}

pub(crate) fn run(program: &Path, options: &Options) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("events.jsonl");
    let mut writer = std::io::BufWriter::new(std::fs::File::create(&file)?);
    for number in 0..options.lines {
        writeln!(writer, "{}", event(number))?;
    }
    writer.into_inner()?.sync_all()?;
    let mut bare = Duration::MAX;
    let mut full = Duration::MAX;
    let mut empty = Duration::MAX;
    for _ in 0..options.runs {
        bare = bare.min(bare_loop(&file, options)?);
        full = full.min(stream(program, directory.path(), &file, options)?);
        empty = empty.min(start_and_stop(program, directory.path())?);
    }
    let per_line = |time: Duration| time.as_nanos() as f64 / options.lines as f64 / 1000.0;
    figure("bare loop (read, parse, print), µs per line", format!("{:.2}", per_line(bare)));
    figure("stream (filter, merge, drop), µs per line", format!("{:.2}", per_line(full)));
    figure("start and stop of the program, ms", empty.as_millis());
    ratio(
        "stream / bare loop",
        (full.saturating_sub(empty)).as_secs_f64() / bare.as_secs_f64(),
        "at most 2.0",
    );
    Ok(())
}

/// Reads the file once and shares the lines out in blocks.
fn bare_loop(file: &Path, options: &Options) -> Result<Duration> {
    let began = Instant::now();
    let (sender, receiver) = std::sync::mpsc::sync_channel::<Vec<String>>(8);
    let receiver = std::sync::Mutex::new(receiver);
    std::thread::scope(|scope| -> Result<()> {
        for _ in 0..options.threads {
            scope.spawn(|| {
                let mut total = 0;
                loop {
                    let block = match receiver.lock() {
                        Ok(receiver) => receiver.recv(),
                        Err(_) => break,
                    };
                    let Ok(block) = block else { break };
                    for line in block {
                        if let Ok(value) = json::parse(line.as_bytes()) {
                            total += value.to_json().len();
                        }
                    }
                }
                std::hint::black_box(total);
            });
        }
        let mut block = Vec::with_capacity(256);
        for line in BufReader::with_capacity(1 << 20, std::fs::File::open(file)?).lines() {
            block.push(line?);
            if block.len() == 256 {
                sender.send(std::mem::replace(&mut block, Vec::with_capacity(256)))?;
            }
        }
        sender.send(block)?;
        drop(sender);
        Ok(())
    })?;
    Ok(began.elapsed())
}

fn stream(program: &Path, directory: &Path, file: &Path, options: &Options) -> Result<Duration> {
    let config = format!(
        "http: {{ enabled: false }}
input:
  file:
    paths: [ {} ]
pipeline:
  threads: {}
  processors:
    - mapping: root = if this.kind == \"none\" {{ deleted() }}
    - mapping: 'root = this.merge({{ \"result\": \"bar\" }})'
output:
  drop: {{}}
",
        file.display(),
        options.threads
    );
    run_config(program, directory, &config)
}

fn start_and_stop(program: &Path, directory: &Path) -> Result<Duration> {
    let config = "http: { enabled: false }
input: { generate: { count: 1, interval: \"\", mapping: root = 1 } }
output: { drop: {} }
";
    run_config(program, directory, config)
}

fn run_config(program: &Path, directory: &Path, config: &str) -> Result<Duration> {
    let path = directory.join("config.yaml");
    std::fs::write(&path, config)?;
    let path = path.to_string_lossy().into_owned();
    let began = Instant::now();
    Running::start(program, &["run", &path], directory)?.wait()?;
    Ok(began.elapsed())
}
