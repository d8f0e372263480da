//! What a second pipeline thread gains on processors that burn CPU, against what the machine gives two
//! programs of one thread each.
//!
//! The messages are made in memory (`generate`): the source costs next to nothing and no thread of its
//! own, so that the figures are those of the processors.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process::Running;
use crate::report::table;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Messages of each run.
    #[arg(long, default_value_t = 40_000)]
    messages: usize,
    /// Rounds; of each figure the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only processors whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
}

/// Processors of some tens of microseconds on the document below.
const PROCESSORS: [(&str, &str); 4] = [
    (
        "mapping that hashes",
        "mapping: 'root = range(0, 100).fold(content(), it -> it.tally.hash(\"sha256\"))'",
    ),
    (
        "jq",
        "jq: { query: '{ total: ([.items[] | .price * .count] | add), names: [.items[].name] }' }",
    ),
    ("compress", "compress: { algorithm: gzip }"),
    (
        "json_schema",
        "json_schema: { schema: '{\"type\":\"object\",\"required\":[\"items\"],\"properties\":{\"items\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"object\",\"required\":[\"name\",\"price\"],\"properties\":{\"name\":{\"type\":\"string\",\"pattern\":\"^item [0-9]+$\"},\"price\":{\"type\":\"number\",\"minimum\":0},\"count\":{\"type\":\"integer\"}}}}}}' }",
    ),
];

/// A document of some 2 KB: an order with forty items.
fn document() -> String {
    let item = |n: usize| {
        let price = n as f64 * 1.25;
        format!("{{\"name\":\"item {n}\",\"price\":{price},\"count\":{}}}", n % 7)
    };
    format!("{{\"items\":[{}]}}", (0..40).map(item).collect::<Vec<_>>().join(","))
}

pub(crate) fn run(program: &Path, options: &Options) -> Result<()> {
    let bench = Bench { program, directory: tempfile::tempdir()?, messages: options.messages };
    let mut rows = Vec::new();
    for (name, processor) in PROCESSORS {
        if name.contains(&options.only) {
            rows.push(bench.row(name, processor, options.rounds.max(1))?);
        }
    }
    table(
        "Messages per second by pipeline threads (goal: two threads at least 1.7 × one)",
        &["processor", "µs", "one", "two", "two / one", "two programs / one", "of the limit"],
        &rows,
    );
    Ok(())
}

struct Bench<'a> {
    program: &'a Path,
    directory: tempfile::TempDir,
    messages: usize,
}

impl Bench<'_> {
    /// The three cases take turns, so that each round sees the machine in one mood.
    fn row(&self, name: &str, processor: &str, rounds: usize) -> Result<Vec<String>> {
        let (mut ones, mut twos, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let idle = self.time(processor, 1, 1, 1)?;
            let rate = |threads, programs| -> Result<f64> {
                let took = self.time(processor, threads, programs, self.messages)?;
                let took = took.saturating_sub(idle).as_secs_f64();
                Ok((self.messages * programs) as f64 / took)
            };
            let (one, two, pair) = (rate(1, 1)?, rate(2, 1)?, rate(1, 2)?);
            ones.push(one);
            twos.push(two / one);
            pairs.push(pair / one);
        }
        let (one, two, pair) = (median(&mut ones), median(&mut twos), median(&mut pairs));
        Ok(vec![
            name.to_owned(),
            format!("{:.1}", 1e6 / one),
            format!("{one:.0}"),
            format!("{:.0}", one * two),
            format!("{two:.2}"),
            format!("{pair:.2}"),
            format!("{:.0} %", 100.0 * two / pair),
        ])
    }

    /// Time of so many programs at once, each with all messages, from start to end.
    fn time(
        &self,
        processor: &str,
        threads: usize,
        programs: usize,
        messages: usize,
    ) -> Result<Duration> {
        // The document is a constant of the generator's mapping: made once, copied for each message.
        let document = document();
        let config = format!(
            "http: {{ enabled: false }}\nlogger: {{ level: OFF }}\n\
             input: {{ generate: {{ count: {messages}, interval: '', mapping: 'root = \"\"\"{document}\"\"\"' }} }}\n\
             pipeline: {{ threads: {threads}, processors: [ {processor} ] }}\noutput: {{ drop: {{}} }}\n"
        );
        std::fs::write(self.directory.path().join("config.yaml"), config)?;
        let began = Instant::now();
        let start = |_| Running::start(self.program, &["-c", "config.yaml"], self.directory.path());
        let mut running: Vec<Running> = (0..programs).map(start).collect::<Result<_>>()?;
        running.iter_mut().try_for_each(Running::wait)?;
        Ok(began.elapsed())
    }
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
