//! Everybody vanishes at once.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Options;
use super::stage::Stage;
use crate::report::table;

/// Instances stay for a minute after their last client.
const PATIENCE: Duration = Duration::from_mins(4);

pub(super) async fn run(stage: &mut Stage, options: &Options) -> Result<()> {
    stage.connect(options.tenants).await?;
    let (count, before) = (stage.clients.len(), stage.holdings()?);
    stage.abandon();
    let (began, cpu) = (Instant::now(), stage.gateway.cpu()?);
    let mut most = before.memory;
    let mut closed = None;
    loop {
        let now = stage.holdings()?;
        most = most.max(now.memory);
        if closed.is_none() && now.descriptors + count <= before.descriptors + WITHIN {
            closed = Some(began.elapsed().as_secs_f64());
        }
        if stage.instances().await? == 0 {
            break;
        }
        ensure!(began.elapsed() < PATIENCE, "instances are still there after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let took = began.elapsed().as_secs_f64();
    let used = stage.gateway.cpu()?.saturating_sub(cpu).as_secs_f64();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = stage.holdings()?;
    let megabytes = |bytes: u64| format!("{:.0}", bytes as f64 / 1e6);
    let row = |what: &str, found: String| vec![what.into(), found];
    let rows = [
        row("connections closed after, s", closed.map_or("-".into(), |it| format!("{it:.1}"))),
        row("instances gone after, s (they stay for 60)", format!("{took:.1}")),
        row("processor time meanwhile, s", format!("{used:.1}")),
        row("memory before / at most / after, MB", {
            [before.memory, most, after.memory].map(megabytes).join(" / ")
        }),
        row(
            "descriptors before / after",
            format!("{} / {}", before.descriptors, after.descriptors),
        ),
        row(
            "connections to brokers before / after",
            format!("{} / {}", before.brokers, after.brokers),
        ),
    ];
    table(&format!("{count} clients vanish at once"), &["", "found"], &rows);
    Ok(())
}

/// Descriptors that come and go by themselves.
const WITHIN: usize = 20;
