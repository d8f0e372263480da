//! A long run with random faults: nothing is lost, and memory stays flat.
//!
//! The program counts up and sends each number to a target that refuses, hangs, breaks off and is
//! away at random, and beside it through an output that gives up into a second one. In the end
//! every number must have reached the target and either of the others.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::process::Running;
use crate::report::figure;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long to run, in seconds.
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// Seed of the faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to draw memory over time.
    #[arg(long, default_value = "var/soak.svg")]
    plot: PathBuf,
}

/// Growth of memory from the second fifth to the last that counts as flat.
const FLAT: f64 = 1.15;
/// Growth in bytes that is noise.
const NOISE: u64 = 6 << 20;

/// How long the program may take to deliver what it has read.
const DRAINING: &str = "60s";

pub(crate) fn run(program: &Path, options: &Options) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let target = Target::listen(options.seed)?;
    let config = config(target.port);
    std::fs::write(directory.path().join("config.yaml"), config)?;
    let mut running = Running::start(program, &["-c", "config.yaml"], directory.path())?;
    let began = Instant::now();
    let mut memory = Vec::new();
    while began.elapsed() < Duration::from_secs(options.seconds) {
        std::thread::sleep(Duration::from_millis(500));
        memory.push(running.memory().context("the program has ended by itself")?);
    }
    target.is_calm.store(true, Ordering::Relaxed);
    running.terminate()?;
    running.wait()?;
    plot(&options.plot, &memory)?;
    report(&memory, &target.received(), directory.path())
}

fn config(port: u16) -> String {
    format!(
        "
http: {{ enabled: false }}
logger: {{ level: OFF }}
shutdown_timeout: {DRAINING}
input:
  generate: {{ interval: 1ms, batch_size: 3, mapping: 'root = {{ \"n\": count(\"n\"), \"text\": \"x\".repeat(random_int(max: 2000)) }}' }}
buffer: {{ none: {{}} }}
pipeline:
  threads: 2
  processors:
    - branch:
        request_map: root = this.n
        processors: [ {{ mapping: 'root = if random_int(max: 9) == 0 {{ throw(\"no\") }} else {{ this * 2 }}' }} ]
        result_map: root.twice = this
    - try:
        - mapping: 'root = if this.n % 7 == 0 {{ throw(\"seven\") }} else {{ this }}'
    - catch: [ {{ mapping: 'meta failed = error()' }} ]
    - for_each: [ {{ cache: {{ resource: seen, operator: set, key: '${{! json(\"n\") % 1000 }}', value: '${{! content() }}' }} }} ]
    - group_by_value: {{ value: '${{! json(\"n\") % 2 }}' }}
output:
  broker:
    pattern: fan_out
    outputs:
      - http_client:
          url: http://127.0.0.1:{port}/
          max_in_flight: 16
          timeout: 500ms
          retries: 1
          retry_period: 10ms
        processors: [ {{ mapping: 'root = this.n.string() + \"\\n\"' }} ]
      - fallback:
          - switch:
              cases:
                - check: 'random_int(max: 9) < 5'
                  output: {{ file: {{ path: first.txt, codec: lines }} }}
                - output: {{ reject: 'not here' }}
          - file: {{ path: second.txt, codec: lines }}
        processors: [ {{ mapping: root = this.n }} ]
cache_resources: [ {{ label: seen, memory: {{ default_ttl: 2s, compaction_interval: 1s }} }} ]
"
    )
}

/// A server that takes numbers, when it feels like it.
struct Target {
    port: u16,
    /// No more faults.
    is_calm: Arc<AtomicBool>,
    received: Arc<Mutex<BTreeSet<u64>>>,
}

impl Target {
    fn listen(seed: u64) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let target = Self { port, is_calm: Arc::default(), received: Arc::default() };
        let (is_calm, received) = (target.is_calm.clone(), target.received.clone());
        std::thread::spawn(move || {
            let mut dice = Dice(seed.max(1));
            for stream in listener.incoming().flatten() {
                let dice = Dice(dice.roll().max(1));
                let (is_calm, received) = (is_calm.clone(), received.clone());
                std::thread::spawn(move || serve(stream, dice, &is_calm, &received));
            }
        });
        Ok(target)
    }

    fn received(&self) -> BTreeSet<u64> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers requests until one end has enough. What it does with each decide the dice.
fn serve(
    stream: TcpStream,
    mut dice: Dice,
    is_calm: &AtomicBool,
    received: &Mutex<BTreeSet<u64>>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let body = request(&mut reader)?;
        let roll = if is_calm.load(Ordering::Relaxed) { 99 } else { dice.roll() % 100 };
        match roll {
            0..2 => return None, // breaks off without a word
            2..3 => std::thread::sleep(Duration::from_millis(700)), // longer than anybody waits
            3..10 => {
                let refusal = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy";
                reader.get_mut().write_all(refusal.as_bytes()).ok()?;
                continue;
            }
            _ => {}
        }
        let numbers = body.lines().filter_map(|line| line.parse::<u64>().ok());
        received.lock().unwrap_or_else(PoisonError::into_inner).extend(numbers);
        if roll == 10 {
            return None; // took it, but nobody hears of that
        }
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse::<usize>().ok();
        }
    }
    let mut body = vec![0; length?];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}

/// Numbers that look random (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Prints what came of the run.
///
/// # Errors
/// Something was lost, or memory grew.
fn report(memory: &[u64], received: &BTreeSet<u64>, directory: &Path) -> Result<()> {
    let mut written = BTreeSet::new();
    for name in ["first.txt", "second.txt"] {
        let text = std::fs::read_to_string(directory.join(name)).unwrap_or_default();
        written.extend(text.lines().filter_map(|line| line.parse::<u64>().ok()));
    }
    let last = received.last().copied().unwrap_or(0).max(written.last().copied().unwrap_or(0));
    ensure!(last > 100, "only {last} messages in the whole time");
    let lost = |found: &BTreeSet<u64>| -> Vec<u64> {
        (1..=last).filter(|number| !found.contains(number)).take(10).collect()
    };
    figure("messages", last);
    figure("lost on the way to the target", format!("{:?}", lost(received)));
    figure("lost on the way to the files", format!("{:?}", lost(&written)));
    let fifth = memory.len() / 5;
    let mean = |part: &[u64]| part.iter().sum::<u64>() / part.len().max(1) as u64;
    ensure!(fifth > 0, "the run was too short to say anything of memory");
    let (early, late) = (mean(&memory[fifth..2 * fifth]), mean(&memory[memory.len() - fifth..]));
    figure("memory in the second fifth of the run, MB", early >> 20);
    figure("memory in the last fifth, MB", late >> 20);
    figure("memory over time", line(memory));
    if !lost(received).is_empty() || !lost(&written).is_empty() {
        bail!("messages were lost");
    }
    let is_flat = late < early + NOISE || (late as f64) < early as f64 * FLAT;
    ensure!(is_flat, "memory grew from {early} to {late} bytes");
    Ok(())
}

/// Memory as a line of text.
fn line(memory: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = memory.iter().max().copied().unwrap_or(0).max(1);
    let bar = |bytes: &u64| BARS[(bytes * 7 / highest) as usize];
    memory.iter().step_by((memory.len() / 60).max(1)).map(bar).collect()
}

/// Draws memory over time.
fn plot(path: &Path, memory: &[u64]) -> Result<()> {
    const WIDTH: f64 = 800.0;
    const HEIGHT: f64 = 240.0;
    let highest = memory.iter().max().copied().unwrap_or(0).max(1) as f64;
    let mut points = String::new();
    for (at, bytes) in memory.iter().enumerate() {
        let x = WIDTH * at as f64 / memory.len().max(2) as f64;
        let y = HEIGHT - HEIGHT * 0.9 * *bytes as f64 / highest;
        write!(points, "{x:.1},{y:.1} ")?;
    }
    let label = format!("{:.0} MB at most, {} samples", highest / 1e6, memory.len());
    let picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <polyline points=\"{points}\" fill=\"none\" stroke=\"#246\" stroke-width=\"1.5\"/>\n\
         <text x=\"8\" y=\"20\" font-family=\"sans-serif\" font-size=\"14\">{label}</text>\n</svg>\n"
    );
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(path, picture).with_context(|| format!("cannot write {}", path.display()))
}
