//! Ten thousand users on one stream, each with an own consumer group and an own WebSocket.
//!
//! Clients, the feed of events, the gateway, and users with a backlog are processes of their own. Each [`Part`] prints the
//! figures of one promise; a part that needs all users connects them first.

mod back;
mod backlog;
mod broker;
mod churn;
mod clients;
mod cost;
mod feed;
mod late;
mod stage;
mod vanish;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::report::{figure, table};
use feed::Audience;
use stage::Stage;

pub(crate) use late::{Options as Late, run as late};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// What is measured, in this order; everything when nothing is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Users.
    #[arg(long, default_value_t = 10_000)]
    tenants: usize,
    /// Events per second.
    #[arg(long, default_value_t = 1000)]
    rate: usize,
    /// Seconds of the long run of events.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seconds of each measurement of costs.
    #[arg(long, default_value_t = 10)]
    sample: u64,
    /// Events per second of measurements of costs.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 10_000])]
    cost_rates: Vec<usize>,
    /// Users of measurements of costs; as many as there are otherwise.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, usize::MAX], hide_default_value = true)]
    cost_tenants: Vec<usize>,
    /// Seconds of coming and leaving.
    #[arg(long, default_value_t = 300)]
    churn: u64,
    /// Connects and disconnects per second meanwhile.
    #[arg(long, default_value_t = 200)]
    churn_rate: usize,
    /// Users that begin with a backlog.
    #[arg(long, default_value_t = 100)]
    late: usize,
    /// Events that each of them finds.
    #[arg(long, default_value_t = 10_000)]
    backlog: usize,
    /// The demo's API, whose stream `out` everybody reads.
    #[arg(long, default_value = "examples/streams-demo/api.yaml")]
    demo: PathBuf,
    /// Address of a Kafka broker.
    #[arg(long, env = "SLUICE_TEST_KAFKA")]
    kafka: String,
}

/// One promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Everybody connects: time, memory, descriptors, connections to brokers, idle processor use.
    Connect,
    /// Every event reaches exactly its user, and soon.
    Events,
    /// Users who find a backlog get all of it, and the others notice nothing.
    Backlog,
    /// Everybody vanishes at once.
    Vanish,
    /// Users come and go, and leave nothing behind.
    Churn,
    /// Who comes back gets exactly what was written meanwhile, also after a crash.
    Back,
    /// What an event costs with 1, 100 and all users.
    Cost,
    /// The end of the gateway with all users: their positions are stored.
    Stop,
}

/// Set once the limit of descriptors was raised.
const RAISED: &str = "SLUICE_BENCH_RAISED";
/// What the first users open that others do not open again.
const WARM: usize = 100;

pub(crate) fn run(program: &Path, options: &Options) -> Result<()> {
    raise_limit()?;
    let parts = match options.parts.as_slice() {
        [] => Part::value_variants(),
        named => named,
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut stage = start(program, options).await?;
        for part in parts {
            if matches!(part, Part::Connect | Part::Cost) && !stage.clients.is_empty() {
                stage = start(program, options).await?; // these begin without users
            }
            match part {
                Part::Cost => cost::run(&mut stage, options).await?,
                Part::Connect => connect(&mut stage, options).await?,
                Part::Events => events(&mut stage, options).await?,
                Part::Backlog => backlog::run(&mut stage, options, program).await?,
                Part::Vanish => vanish::run(&mut stage, options).await?,
                Part::Churn => churn::run(&mut stage, options).await?,
                Part::Back => back::run(&mut stage, options, program).await?,
                Part::Stop => return stop(stage, options).await,
            }
        }
        Ok(())
    })
}

/// A gateway without users, and a topic that exists.
async fn start(program: &Path, options: &Options) -> Result<Stage> {
    let stage = Stage::start(program, &options.kafka, &options.demo)?;
    stage.sender.send(Audience::Nobody, options.rate, Duration::from_secs(1)).await?;
    Ok(stage)
}

/// Begins again with as many descriptors as are allowed.
fn raise_limit() -> Result<()> {
    if std::env::var_os(RAISED).is_some() {
        return Ok(());
    }
    let script = "ulimit -n $(ulimit -Hn); exec \"$0\" \"$@\"";
    let own = std::env::current_exe()?;
    let failed = Command::new("sh")
        .args(["-c", script])
        .arg(own)
        .args(std::env::args_os().skip(1))
        .env(RAISED, "1")
        .exec();
    bail!("cannot begin again with more descriptors: {failed}")
}

async fn connect(stage: &mut Stage, options: &Options) -> Result<()> {
    stage.connect(WARM.min(options.tenants)).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (before, few) = (stage.clients.len(), stage.holdings()?);
    let began = Instant::now();
    stage.connect(options.tenants).await?;
    let took = began.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (all, added) = (stage.holdings()?, (stage.clients.len() - before).max(1) as f64);
    let idle = stage.use_during(Duration::from_secs(10)).await?;
    let grown = all.memory.saturating_sub(few.memory) as f64 / added / 1024.0;
    let opened = all.descriptors.saturating_sub(few.descriptors) as f64 / added;
    let row = |what: &str, found: String, goal: &str| vec![what.into(), found, goal.into()];
    let rows = [
        row("all connected after, s", format!("{took:.1}"), "30"),
        row("memory of each, KB", format!("{grown:.1}"), "40"),
        row("descriptors of each", format!("{opened:.3}"), "1"),
        row("connections to brokers with the first users", few.brokers.to_string(), ""),
        row("connections to brokers with all", all.brokers.to_string(), "the same"),
        row("idle processor use, % of a core", format!("{:.1}", idle * 100.0), "5"),
    ];
    let title = format!("{} WebSocket clients", stage.clients.len());
    table(&title, &["", "found", "at most"], &rows);
    Ok(())
}

async fn events(stage: &mut Stage, options: &Options) -> Result<()> {
    stage.connect(options.tenants).await?;
    stage.seen.clear();
    let (received, strangers) = (stage.seen.received(), stage.seen.strangers());
    let (cpu, duration) = (stage.gateway.cpu()?, Duration::from_secs(options.seconds));
    let audience = Audience::Among(options.tenants);
    let sent = stage.sender.send(audience, options.rate, duration).await?;
    let used = stage.gateway.cpu()?.saturating_sub(cpu).as_secs_f64() / duration.as_secs_f64();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut expected = std::collections::HashMap::<usize, usize>::new();
    for user in &sent {
        *expected.entry(*user).or_default() += 1;
    }
    let got = stage.seen.take_serials();
    let wrong = (0..options.tenants).filter(|user| {
        let got = got.get(user).map(Vec::as_slice).unwrap_or_default();
        let distinct = got.iter().collect::<std::collections::HashSet<_>>().len();
        (got.len(), distinct) != (expected.get(user).copied().unwrap_or_default(), got.len())
    });
    let (p50, p99) = stage.seen.quantiles();
    let row = |what: &str, found: String, goal: &str| vec![what.into(), found, goal.into()];
    let rows = [
        row("sent", sent.len().to_string(), ""),
        row("received", (stage.seen.received() - received).to_string(), "as many"),
        row("users who got more or less than theirs", wrong.count().to_string(), "0"),
        row("events for somebody else", (stage.seen.strangers() - strangers).to_string(), "0"),
        row("median, ms", format!("{p50:.1}"), ""),
        row("p99, ms", format!("{p99:.1}"), "100"),
        row("processor use, % of a core", format!("{:.0}", used * 100.0), "100"),
    ];
    let title =
        format!("{} events per second to {} users for {duration:?}", options.rate, options.tenants);
    table(&title, &["", "found", "at most"], &rows);
    Ok(())
}

async fn stop(mut stage: Stage, options: &Options) -> Result<()> {
    stage.connect(options.tenants).await?;
    let count = stage.clients.len();
    let mut gateway = stage.gateway;
    let began = Instant::now();
    gateway.terminate()?;
    let ended = tokio::task::spawn_blocking(move || gateway.wait());
    ended.await??;
    let took = began.elapsed().as_secs_f64();
    figure(&format!("stopping with {count} users, s"), format!("{took:.1}"));
    stage.clients.into_values().for_each(|client| client.abort());
    Ok(())
}
