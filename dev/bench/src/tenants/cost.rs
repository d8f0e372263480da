//! What an event costs the gateway, by the number of users.

use std::time::Duration;

use anyhow::Result;

use super::Options;
use super::feed::Audience;
use super::stage::Stage;
use crate::report::table;

/// Positions are stored a commit period after a delivery, which is five seconds.
const SETTLE: Duration = Duration::from_secs(6);

/// An event for nobody is read and decided on; one for a user is delivered, and its position stored.
pub(super) async fn run(stage: &mut Stage, options: &Options) -> Result<()> {
    let mut rows = Vec::new();
    for users in [1, 100, options.tenants] {
        let users = users.min(options.tenants);
        stage.connect(users).await?;
        tokio::time::sleep(SETTLE).await;
        let idle = stage.idle_use(Duration::from_secs(5)).await?;
        let mut row = vec![users.to_string(), format!("{:.1}", idle * 100.0)];
        for audience in [Audience::Nobody, Audience::Among(1), Audience::Among(users)] {
            let cost = cost(stage, options, audience, idle).await?;
            row.push(format!("{cost:.0}"));
        }
        rows.push(row);
    }
    let title = format!(
        "processor time per event at {} events per second, µs, without what being idle costs",
        options.rate
    );
    let head = ["users", "idle, % of a core", "for nobody", "for one user", "for random users"];
    table(&title, &head, &rows);
    Ok(())
}

/// Microseconds of processor time for each event, the time to store positions included.
async fn cost(stage: &Stage, options: &Options, audience: Audience, idle: f64) -> Result<f64> {
    let (cpu, began) = (stage.gateway.cpu()?, std::time::Instant::now());
    let sample = Duration::from_secs(options.sample);
    let sent = stage.sender.send(audience, options.rate, sample).await?;
    tokio::time::sleep(SETTLE).await;
    let used = stage.gateway.cpu()?.saturating_sub(cpu).as_secs_f64();
    let own = used - idle * began.elapsed().as_secs_f64();
    Ok(own.max(0.0) * 1e6 / sent.len() as f64)
}
