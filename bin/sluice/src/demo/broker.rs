//! The embedded broker as a child of the demo.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// The topics that the demo's streams name.
const TOPICS: &str = "jobs,completed";

/// A running broker; ends with the demo.
pub(super) struct Broker {
    child: Child,
    pub(super) address: String,
}

impl Broker {
    /// Starts the broker that lies beside this program and waits until it listens.
    pub(super) async fn start(data: &Path) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("sluice-broker");
        if !program.exists() {
            bail!("{} is missing (make demo builds it)", program.display());
        }
        let port = super::free_port(9093)?;
        let address = format!("127.0.0.1:{port}");
        let log = std::fs::File::create(data.join("broker.log"))?;
        let child = Command::new(&program)
            .args(["--listen", &address, "--create-topics", TOPICS, "--data"])
            .arg(data.join("broker"))
            .stdin(std::process::Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let mut broker = Self { child, address };
        broker.wait_until_ready(data).await?;
        Ok(broker)
    }

    async fn wait_until_ready(&mut self, data: &Path) -> Result<()> {
        for _ in 0..300 {
            if let Some(status) = self.child.try_wait()? {
                let log = std::fs::read_to_string(data.join("broker.log")).unwrap_or_default();
                bail!("the broker ended with {status}:\n{log}");
            }
            if TcpStream::connect(&self.address).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the broker does not listen on {} after 30 s", self.address)
    }

    pub(super) async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}
