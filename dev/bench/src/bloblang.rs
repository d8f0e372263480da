//! The mapping language against the bare cost of JSON.
//!
//! A mapping's figure is all of parsing a message, mapping it and printing the result; the bare
//! loop parses and prints the same messages with the same library. Both alternate on one thread
//! whose processor time is taken, so that a busy machine disturbs little, and the middle of
//! several rounds counts.

use std::{cell::OnceCell, hint::black_box, time::Duration};

use anyhow::{Result, anyhow, ensure};
use bytes::Bytes;
use clap::Args;
use rustix::time::{ClockId, clock_gettime};
use sluice_bloblang::{Body, Environment, Input, Messages, Program, path};
use sluice_value::{
    EcoString, Object, Value,
    json::{self, JsonError},
};

use crate::report::{figure, ratio};

#[derive(Args)]
pub(crate) struct Options {
    /// Messages of a round.
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// Rounds; the middle one counts.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Measures only the mapping of this name.
    #[arg(long)]
    only: Option<String>,
}

/// A mapping, the messages it is for and what it is held against.
struct Case {
    name: &'static str,
    mapping: &'static str,
    message: fn(usize) -> String,
    bound: f64,
}

const CASES: &[Case] = &[
    Case {
        name: "filter, most dropped",
        mapping: r#"root = if this.kind != "purchase" { deleted() }"#,
        message: event,
        bound: 0.5,
    },
    Case {
        name: "merge and delete",
        mapping: "root = this.merge({\"site\": \"north\", \"checked\": true})\n\
                  root.user.mail = deleted()",
        message: event,
        bound: 2.0,
    },
    Case {
        name: "filter and merge",
        mapping: "root = if this.amount < 10 { deleted() }\n\
                  root = this.merge({\"site\": \"north\", \"checked\": true})",
        message: event,
        bound: 2.0,
    },
    Case {
        name: "reshape of 20 fields",
        mapping: r#"root.id = this.id
root.type = this.kind.uppercase()
root.at = this.at
root.customer.id = this.user.id
root.customer.name = this.user.name
root.customer.mail = this.user.mail.lowercase()
root.customer.country = this.user.country | "unknown"
root.customer.premium = this.user.tier == "gold"
root.order.total = this.amount
root.order.currency = this.currency
root.order.tax = this.amount * 0.2
root.order.count = this.items.length()
root.order.lines = this.items.map_each(item -> {
  "sku": item.sku,
  "label": item.name.trim(),
  "price": item.price * item.count
})
root.order.first = this.items.0.sku
root.source.ip = this.ip
root.source.agent = this.agent
root.source.path = this.path
root.flags.large = this.amount > 100
root.flags.test = this.user.id.has_prefix("test-")
root.version = 2"#,
        message: order,
        bound: 2.0,
    },
    Case {
        name: "timestamps and regular expressions",
        mapping: r#"root = this
root.day = this.at.ts_parse("2006-01-02T15:04:05Z07:00").ts_format("2006-01-02")
root.unix = this.at.ts_unix()
root.is_mail = this.user.mail.re_match("^[a-z0-9.]+@[a-z]+\\.[a-z]{2,}$")
root.path = this.path.re_replace_all("/[0-9]+", "/:id")"#,
        message: order,
        bound: 2.0,
    },
    Case {
        name: "numbers of an array",
        mapping: "let values = this.readings.map_each(r -> r.value)\n\
                  root.id = this.id\n\
                  root.sum = $values.sum()\n\
                  root.max = $values.max()\n\
                  root.mean = $values.sum() / $values.length()\n\
                  root.large = $values.filter(v -> v > 500).length()\n\
                  root.weighted = this.readings.map_each(r -> r.value * r.weight).sum()",
        message: measurements,
        bound: 2.0,
    },
];

/// About 240 bytes; one in ten is a purchase.
fn event(at: usize) -> String {
    let kind = if at.is_multiple_of(10) { "purchase" } else { "page_view" };
    format!(
        r#"{{"id":"evt-{at:010}","kind":"{kind}","at":"2026-03-0{}T12:{:02}:07Z","user":{{"id":"u-{}","mail":"someone{}@example.com","tier":"gold"}},"amount":{}.50,"currency":"EUR","path":"/shop/{}/details","ip":"192.0.2.{}"}}"#,
        at % 9 + 1,
        at % 60,
        at * 7919 % 10_007,
        at % 1000,
        at % 250,
        at % 100,
        at % 250,
    )
}

fn order(at: usize) -> String {
    format!(
        r#"{{"id":"ord-{at:08}","kind":"purchase","at":"2026-03-0{}T12:{:02}:07Z","user":{{"id":"u-{}","name":"Someone Else","mail":"Someone{}@example.com","country":"NZ","tier":"gold"}},"amount":{}.50,"currency":"EUR","items":[{{"sku":"A-{}","name":" Lamp ","price":12.5,"count":2}},{{"sku":"B-17","name":"Chair","price":80,"count":1}},{{"sku":"C-3","name":"Table","price":240.25,"count":1}}],"path":"/shop/{}/orders/{at}","ip":"192.0.2.{}","agent":"Mozilla/5.0 (X11; Linux x86_64)"}}"#,
        at % 9 + 1,
        at % 60,
        at * 7919 % 10_007,
        at % 1000,
        at % 250,
        at % 40,
        at % 100,
        at % 250,
    )
}

fn measurements(at: usize) -> String {
    let readings: Vec<_> = (0..12)
        .map(|n| {
            format!(
                r#"{{"at":"2026-03-01T12:{n:02}:00Z","value":{},"weight":{}.5,"unit":"kPa"}}"#,
                (at * 31 + n * 577) % 1000,
                n % 3
            )
        })
        .collect();
    format!(r#"{{"id":"m-{at}","sensor":"s-{}","readings":[{}]}}"#, at % 50, readings.join(","))
}

pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.messages > 0 && options.rounds > 0, "nothing to measure");
    let wanted = |case: &&Case| options.only.as_deref().is_none_or(|name| case.name == name);
    let mut is_any = false;
    for case in CASES.iter().filter(wanted) {
        is_any = true;
        measure(case, options)?;
    }
    ensure!(is_any, "there is no such mapping");
    Ok(())
}

fn measure(case: &Case, options: &Options) -> Result<()> {
    let program = Program::parse(case.mapping, &Environment::default())
        .map_err(|problems| anyhow!("{}: {problems}", case.name))?;
    let messages: Vec<_> =
        (0..options.messages).map(|at| Bytes::from((case.message)(at))).collect();
    check(&program, &messages)?;
    let mut bare = Vec::new();
    let mut mapped = Vec::new();
    for _ in 0..options.rounds {
        bare.push(time(&messages, parse_and_print));
        mapped.push(time(&messages, |content| map(&program, content)));
    }
    let bytes: usize = messages.iter().map(Bytes::len).sum();
    figure(case.name, format!("{} bytes a message", bytes / messages.len()));
    figure("  parsing and printing", per_message(&bare, messages.len()));
    figure("  parsing, mapping and printing", per_message(&mapped, messages.len()));
    let quotient = middle(&mapped).as_secs_f64() / middle(&bare).as_secs_f64();
    ratio("  ratio", quotient, &format!("at most {:.1}", case.bound));
    let sample = &messages[..messages.len().min(1000)];
    figure("  allocations, bare", allocations(sample, parse_and_print));
    figure("  allocations, mapped", allocations(sample, |content| map(&program, content)));
    Ok(())
}

/// A mapping that fails would look fast.
fn check(program: &Program, messages: &[Bytes]) -> Result<()> {
    for content in messages.iter().take(1000) {
        let line = Line::new(content);
        program.map(&Input::new(&line, 0)).map_err(|error| anyhow!("{error}"))?;
    }
    Ok(())
}

fn parse_and_print(content: &Bytes) {
    if let Ok(value) = json::parse(content) {
        black_box(value.to_body());
    }
}

fn map(program: &Program, content: &Bytes) {
    let line = Line::new(content);
    if let Ok(mapped) = program.map(&Input::new(&line, 0)) {
        match mapped.body {
            Body::Value(value) => drop(black_box(value.to_body())),
            Body::Unchanged => drop(black_box(line.bytes(0))),
            Body::Deleted => {}
        }
    }
}

fn time(messages: &[Bytes], work: impl Fn(&Bytes)) -> Duration {
    let start = processor_time();
    messages.iter().for_each(work);
    processor_time().saturating_sub(start)
}

/// What this thread has used so far.
fn processor_time() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec.unsigned_abs() as u32)
}

fn middle(rounds: &[Duration]) -> Duration {
    let mut rounds = rounds.to_vec();
    rounds.sort_unstable();
    rounds[rounds.len() / 2]
}

fn per_message(rounds: &[Duration], messages: usize) -> String {
    format!("{:.2} µs a message", middle(rounds).as_secs_f64() * 1e6 / messages as f64)
}

fn allocations(sample: &[Bytes], work: impl Fn(&Bytes)) -> String {
    let info = allocation_counter::measure(|| sample.iter().for_each(work));
    let count = sample.len() as u64;
    format!(
        "{:.1} a message, {} bytes",
        info.count_total as f64 / count as f64,
        info.bytes_total / count
    )
}

/// One message, parsed when asked for.
struct Line<'a> {
    content: &'a Bytes,
    value: OnceCell<Result<Value, JsonError>>,
}

impl<'a> Line<'a> {
    fn new(content: &'a Bytes) -> Self {
        Self { content, value: OnceCell::new() }
    }
}

impl Messages for Line<'_> {
    fn len(&self) -> usize {
        1
    }

    fn bytes(&self, _at: usize) -> Bytes {
        self.content.clone()
    }

    fn value(&self, _at: usize) -> Result<&Value, JsonError> {
        self.value.get_or_init(|| json::parse(self.content)).as_ref().map_err(Clone::clone)
    }

    fn is_parsed(&self, _at: usize) -> bool {
        self.value.get().is_some()
    }

    fn find(&self, at: usize, keys: &[EcoString]) -> Result<Option<Value>, JsonError> {
        if self.is_parsed(at) || keys.iter().any(|key| key == "*") {
            let value = self.value(at)?;
            return Ok(path::search(value, keys).map(std::borrow::Cow::into_owned));
        }
        json::find(self.content, keys)
    }

    fn metadata(&self, _at: usize) -> &Object {
        static NONE: Object = Object::new();
        &NONE
    }
}
