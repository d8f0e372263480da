//! What an event costs the gateway, by the number of users.

use std::ops::{Div, Sub};
use std::time::Duration;

use anyhow::Result;

use super::Options;
use super::feed::Audience;
use super::stage::Stage;
use crate::report::table;

/// Positions are stored a commit period after a delivery, which is a second, and of many later.
const SETTLE: Duration = Duration::from_secs(6);

/// For users to catch up.
const CATCH_UP: Duration = Duration::from_mins(3);

/// An event for nobody is read and decided on; one for a user is delivered, and its position stored.
pub(super) async fn run(stage: &mut Stage, options: &Options) -> Result<()> {
    let mut tables = vec![Vec::new(); options.cost_rates.len()];
    for users in &options.cost_tenants {
        let users = *users.min(&options.tenants);
        stage.connect(users).await?;
        tokio::time::sleep(SETTLE).await;
        caught_up(stage).await?;
        let idle = Spent::during(stage, Duration::from_secs(5)).await?;
        for (rows, rate) in tables.iter_mut().zip(&options.cost_rates) {
            let mut row = vec![users.to_string(), format!("{:.1}", idle.all() * 100.0)];
            let mut reached = 0.0;
            for audience in [Audience::Nobody, Audience::Among(1), Audience::Among(users)] {
                let (cost, rate) = cost(stage, options, audience, *rate, idle).await?;
                row.extend([format!("{:.0}", cost.all()), format!("{:.0}", cost.kernel)]);
                reached = rate;
            }
            row.push(format!("{reached:.0}"));
            rows.push(row);
        }
    }
    for (rows, rate) in tables.iter().zip(&options.cost_rates) {
        let title = format!(
            "processor time per event at {rate} events per second, µs, without what being idle costs"
        );
        let head = [
            "users",
            "idle, % of a core",
            "for nobody",
            "in the kernel",
            "for one user",
            "in the kernel",
            "for random users",
            "in the kernel",
            "events/s",
        ];
        table(&title, &head, rows);
    }
    Ok(())
}

/// Waits until users who came later have seen what was sent before: the gateway has nothing to do.
async fn caught_up(stage: &Stage) -> Result<()> {
    for _ in 0..CATCH_UP.as_secs() {
        if Spent::during(stage, Duration::from_secs(1)).await?.all() < 0.05 {
            return Ok(());
        }
    }
    anyhow::bail!("the gateway is still busy {} s after the last event", CATCH_UP.as_secs())
}

/// Processor time.
#[derive(Clone, Copy)]
struct Spent {
    program: f64,
    kernel: f64,
}

impl Spent {
    /// Seconds for each second of a time from now on.
    async fn during(stage: &Stage, duration: Duration) -> Result<Self> {
        let before = stage.gateway.cpu_parts()?;
        tokio::time::sleep(duration).await;
        let after = stage.gateway.cpu_parts()?;
        let spent = Self {
            program: after.0.saturating_sub(before.0).as_secs_f64(),
            kernel: after.1.saturating_sub(before.1).as_secs_f64(),
        };
        Ok(spent / duration.as_secs_f64())
    }

    fn all(self) -> f64 {
        self.program + self.kernel
    }
}

impl Sub for Spent {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let sub = |mine: f64, other: f64| (mine - other).max(0.0);
        Self { program: sub(self.program, other.program), kernel: sub(self.kernel, other.kernel) }
    }
}

impl Div<f64> for Spent {
    type Output = Self;

    fn div(self, by: f64) -> Self {
        Self { program: self.program / by, kernel: self.kernel / by }
    }
}

/// Microseconds of processor time for each event, and how many there were in a second, once
/// everything flows: positions of earlier events are stored while later ones are delivered.
async fn cost(
    stage: &Stage,
    options: &Options,
    audience: Audience,
    rate: usize,
    idle: Spent,
) -> Result<(Spent, f64)> {
    let sample = Duration::from_secs(options.sample);
    let sender = stage.sender.clone();
    let whole = SETTLE + sample + Duration::from_secs(1);
    let sending = tokio::spawn(async move { sender.send(audience, rate, whole).await });
    tokio::time::sleep(SETTLE).await;
    let before = stage.sender.count();
    let used = Spent::during(stage, sample).await? - idle;
    let reached = (stage.sender.count() - before) as f64 / sample.as_secs_f64();
    sending.await??;
    Ok((used / (reached.max(1.0) / 1e6), reached))
}
