//! What one more user on the stream `in` costs: memory, descriptors, first request.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::events::event;
use crate::http::start_gateway;
use crate::load::Client;
use crate::report::figure;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Users.
    #[arg(long, default_value_t = 1000)]
    users: usize,
    /// Address of a Kafka broker.
    #[arg(long, env = "SLUICE_TEST_KAFKA")]
    kafka: String,
}

pub(crate) fn run(program: &Path, options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (gateway, _directory, port) = start_gateway(program, &options.kafka)?;
    runtime.block_on(async {
        let mut client = Client::connect(port).await?;
        let body = event(1);
        for number in 0..50 {
            client.post(&format!("/stream-demo/push-event?user=warm-{number}"), &body).await?;
        }
        let (memory, descriptors) = (gateway.memory()?, gateway.descriptors()?);
        let mut first = Vec::new();
        for number in 0..options.users {
            let began = Instant::now();
            let path = format!("/stream-demo/push-event?user=user-{number}");
            let (status, _) = client.post(&path, &body).await?;
            ensure!(status == 200, "status {status}");
            first.push(began.elapsed());
        }
        first.sort_unstable();
        let at = |q: f64| first[((first.len() as f64 * q) as usize).min(first.len() - 1)];
        let grown = gateway.memory()?.saturating_sub(memory) as f64 / options.users as f64;
        figure("memory per user, KB (goal: under 50)", format!("{:.1}", grown / 1024.0));
        figure("descriptors for all users", gateway.descriptors()?.saturating_sub(descriptors));
        figure(
            "first request p50 / p99, ms (goal: under 10)",
            format!("{:.1} / {:.1}", at(0.5).as_secs_f64() * 1e3, at(0.99).as_secs_f64() * 1e3),
        );
        let cpu = gateway.cpu()?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let idle = gateway.cpu()?.saturating_sub(cpu).as_secs_f64() / 5.0 * 100.0;
        figure("idle processor use of all users, % of a core", format!("{idle:.1}"));
        Ok(())
    })
}
