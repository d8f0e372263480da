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
        let idle = stage.use_during(Duration::from_secs(5)).await?;
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

/// Microseconds of processor time for each event, once everything flows: positions of earlier events
/// are stored while later ones are delivered.
async fn cost(stage: &Stage, options: &Options, audience: Audience, idle: f64) -> Result<f64> {
    let sample = Duration::from_secs(options.sample);
    let (sender, rate) = (stage.sender.clone(), options.rate);
    let whole = SETTLE + sample + Duration::from_secs(1);
    let sending = tokio::spawn(async move { sender.send(audience, rate, whole).await });
    tokio::time::sleep(SETTLE).await;
    let used = stage.use_during(sample).await? - idle;
    sending.await??;
    Ok(used.max(0.0) * 1e6 / rate as f64)
}
