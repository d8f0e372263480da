//! `sluice demo`: the streams demo, told while it runs.
//!
//! Starts the embedded broker and the gateway with the demo's document, lets two users send and
//! receive over every way in and out, and checks that each sees only their own events.

mod broker;
mod client;
mod screen;
mod story;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use sluice_engine::Registry;
use sluice_tyk::{Running, Settings};

use broker::Broker;
use screen::Screen;

/// The document of the demo, as users copy it.
const API: &str = include_str!("../../../../examples/streams-demo/api.yaml");

/// The address of the broker in that document.
const BROKER_IN_API: &str = "localhost:9093";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sluice demo                              broker, gateway and two users, then stays up to try
  sluice demo --check                      ends with exit code 0 or 1
  sluice demo --kafka localhost:9092       the same on a Kafka of yours")]
pub struct DemoArgs {
    /// End after the tour: exit code 0 when everything was as promised, else 1.
    #[arg(long)]
    check: bool,
    /// Use this Kafka instead of the embedded broker.
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,
    /// Where the embedded broker keeps its data; a temporary directory otherwise.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Runs the demo. False when something was not as promised.
pub async fn run(options: DemoArgs, registry: Arc<Registry>) -> Result<bool> {
    let screen = Screen::new();
    screen.title("Sluice streams demo");
    let scratch = tempfile::tempdir()?;
    let data = options.data.as_deref().unwrap_or(scratch.path());
    std::fs::create_dir_all(data)?;
    let (broker, address) = match options.kafka {
        Some(address) => (None, address),
        None => {
            let broker = Broker::start(data).await?;
            let address = broker.address.clone();
            (Some(broker), address)
        }
    };
    let embedded = if broker.is_some() { "embedded broker" } else { "Kafka" };
    screen.note(&format!("{embedded} on {address}"));

    let port = free_port(8282)?;
    let api = data.join("streams-demo.yaml");
    std::fs::write(&api, API.replace(BROKER_IN_API, &address))?;
    let gateway = start_gateway(data, port, api, registry).await?;
    screen.note(&format!("gateway on http://localhost:{port}/stream-demo/"));

    let holds = story::tell(&screen, port).await;
    if let Err(error) = &holds {
        screen.verdict(false, &format!("{error:#}"));
    }
    if holds.as_ref().is_ok_and(|holds| *holds) && !options.check && screen.is_terminal() {
        screen.title("Try it yourself (Ctrl-C ends the demo)");
        for line in story::commands(port) {
            screen.line(&format!("  {line}"));
        }
        tokio::signal::ctrl_c().await?;
    }
    gateway.shutdown().await;
    if let Some(broker) = broker {
        broker.stop().await?;
    }
    holds
}

async fn start_gateway(
    data: &Path,
    port: u16,
    api: PathBuf,
    registry: Arc<Registry>,
) -> Result<Running> {
    let settings = Settings::from_value(serde_json::json!({
        "listen_address": "127.0.0.1",
        "listen_port": port,
        "app_path": data.join("apps"),
        "secret": "demo",
        "streaming": { "enabled": true },
        "dashboard": { "enabled": false },
        "database": data.join("gateway.db"),
    }))?;
    let running = crate::commands::gateway::start(settings, vec![api], registry, None).await?;
    let trouble = running.report.troubles.first().map(ToString::to_string);
    trouble.map_or(Ok(()), |trouble| Err(anyhow::anyhow!(trouble))).context("the demo's API")?;
    Ok(running)
}

/// The wanted port if it is free, else any.
fn free_port(wanted: u16) -> Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", wanted))
        .or_else(|_| std::net::TcpListener::bind(("127.0.0.1", 0)))?;
    Ok(listener.local_addr()?.port())
}
