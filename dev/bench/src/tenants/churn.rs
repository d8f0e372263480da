//! Users come and go, and leave nothing behind.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Options;
use super::broker;
use super::clients::{listen, open};
use super::stage::{LIVE, Stage};
use crate::report::table;

/// How long a user stays.
const VISIT: Duration = Duration::from_secs(1);
/// Lines of the table.
const LINES: u64 = 12;
/// Instances stay for a minute after their last client.
const PATIENCE: Duration = Duration::from_mins(4);

/// Every visitor is somebody else, so that nothing is there before.
pub(super) async fn run(stage: &mut Stage, options: &Options) -> Result<()> {
    if options.churn * options.churn_rate as u64 == 0 {
        return Ok(());
    }
    let mut rows = vec![line(stage, 0).await?];
    let began = Instant::now();
    let mut visits = tokio::task::JoinSet::new();
    let every = (options.churn / LINES).max(1) as usize * options.churn_rate;
    let (rate, total) = (options.churn_rate, options.churn as usize * options.churn_rate);
    for number in 0..total {
        let due = Duration::from_secs_f64(number as f64 / rate as f64);
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        let (port, user, seen) = (stage.port, options.tenants + number, stage.seen.clone());
        visits.spawn(async move {
            let opened = open(port, LIVE, user).await?;
            let listening = tokio::spawn(listen(opened, user, seen));
            tokio::time::sleep(VISIT).await;
            listening.abort();
            anyhow::Ok(())
        });
        while let Some(visit) = visits.try_join_next() {
            visit??;
        }
        if number % every == every - 1 {
            rows.push(line(stage, began.elapsed().as_secs()).await?);
        }
    }
    while let Some(visit) = visits.join_next().await {
        visit??;
    }
    let took = began.elapsed().as_secs_f64();
    while stage.instances().await? > stage.clients.len() {
        ensure!(began.elapsed().as_secs_f64() < took + PATIENCE.as_secs_f64(), "visitors stay");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    rows.push(line(stage, began.elapsed().as_secs()).await?);
    let title = format!(
        "{total} users come and go, {:.0} per second (instances stay for a minute)",
        total as f64 / took
    );
    let head = [
        "s",
        "memory, MB",
        "descriptors",
        "instances",
        "connections to brokers",
        "groups in Kafka",
    ];
    table(&title, &head, &rows);
    Ok(())
}

async fn line(stage: &Stage, seconds: u64) -> Result<Vec<String>> {
    let now = stage.holdings()?;
    Ok(vec![
        seconds.to_string(),
        format!("{:.0}", now.memory as f64 / 1e6),
        now.descriptors.to_string(),
        stage.instances().await?.to_string(),
        now.brokers.to_string(),
        broker::groups(&stage.kafka).await?.to_string(),
    ])
}
