//! Users who find a backlog, and those who do not.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Options;
use super::clients::Seen;
use super::feed::Audience;
use super::late::Late;
use super::stage::Stage;
use crate::process::Running;
use crate::report::table;

/// How often the gateway's connections are counted.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Longest time without an event of the backlog.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) async fn run(stage: &mut Stage, options: &Options, program: &Path) -> Result<()> {
    let (late, each) = (options.late, options.backlog);
    if late * each == 0 {
        return Ok(());
    }
    stage.connect(options.tenants).await?;
    fill(program, options, stage.stamp).context("cannot fill the topic")?;
    let audience = Audience::Among(options.tenants);
    stage.seen.clear();
    stage.sender.send(audience, options.rate, Duration::from_secs(options.sample)).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let without = stage.seen.quantiles();

    stage.seen.clear();
    let done = Arc::new(AtomicBool::new(false));
    let (before, cpu, began) = (stage.holdings()?, stage.gateway.cpu()?, Instant::now());
    let mut readers = Late::start(stage.port, late, each)?;
    let working = async {
        let (mut most, mut last, mut moved) = (before, 0, Instant::now());
        let mut looked = Instant::now();
        while last < late * each {
            let received = readers.received().await?;
            if received > last {
                (last, moved) = (received, Instant::now());
            }
            ensure!(moved.elapsed() < PATIENCE, "the backlog is not worked off: {last} came");
            most.memory = most.memory.max(stage.gateway.memory()?);
            // To look at ten thousand descriptors takes the processor that is measured.
            if looked.elapsed() > LOOK_EVERY {
                looked = Instant::now();
                most.brokers = most.brokers.max(stage.holdings()?.brokers);
            }
        }
        let took = began.elapsed().as_secs_f64();
        let used = stage.gateway.cpu()?.saturating_sub(cpu).as_secs_f64();
        done.store(true, Ordering::Relaxed);
        Ok((most, took, used))
    };
    let sending = stage.sender.send_until(audience, options.rate, usize::MAX, &done);
    let (worked, sent) = tokio::join!(working, sending);
    let ((most, took, used), sent) = (worked?, sent?);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (with, missed) = (stage.seen.quantiles(), sent.len().abs_diff(received(&stage.seen)));
    let (strangers, wrong) = readers.end().await?;

    let megabytes = |bytes: u64| format!("{:.0}", bytes as f64 / 1e6);
    let row = |what: &str, found: String| vec![what.into(), found];
    let rows = [
        row("all of it delivered after, s", format!("{took:.1}")),
        row("events per second", format!("{:.0}", (late * each) as f64 / took)),
        row("processor time meanwhile, s", format!("{used:.1}")),
        row("events for somebody else (goal: 0)", strangers.to_string()),
        row("events too many or too few (goal: 0)", wrong.to_string()),
        row("memory before, MB", megabytes(before.memory)),
        row("memory at most, MB", megabytes(most.memory)),
        row(
            "connections to brokers before / at most",
            format!("{} / {}", before.brokers, most.brokers),
        ),
        row("others: median / p99 without it, ms", format!("{:.1} / {:.1}", without.0, without.1)),
        row("others: median / p99 meanwhile, ms", format!("{:.1} / {:.1}", with.0, with.1)),
        row("others: events too many or too few (goal: 0)", missed.to_string()),
    ];
    table(
        &format!("{late} users, in a process of their own, find {each} events each"),
        &["", "found"],
        &rows,
    );
    Ok(())
}

fn received(seen: &Seen) -> usize {
    seen.take_serials().values().map(Vec::len).sum()
}

/// Writes the backlog, the users in turns.
fn fill(program: &Path, options: &Options, stamp: u128) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (late, total) = (options.late, options.late * options.backlog);
    let config = format!(
        "input:\n  generate:\n    count: {total}\n    interval: ''\n    batch_size: 500\n    mapping: |\n      \
         let i = counter()\n      let n = $i % {late}\n      root = {{\"user_id\": \"user-%v\".format($n), \
         \"n\": $n, \"at\": 0, \"serial\": $i, \"job\": \"bake\"}}\n\
         output: {{ kafka: {{ addresses: ['{}'], topic: 'backlog-{stamp}' }} }}\n",
        options.kafka
    );
    std::fs::write(directory.path().join("fill.yaml"), config)?;
    Running::start(program, &["run", "fill.yaml"], directory.path())?.wait()
}
