//! `subprocess` output: each message is a line for a program.

use async_trait::async_trait;
use sluice_config::config;
use sluice_engine::{
    BuildError, BuiltOutput, ConnectError, Output, Registry, Scope, WriteError, Writer,
};
use sluice_message::Batch;
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tracing::{debug, error};

use crate::child;
use crate::frames::{Frames, Framing};

/// Longest line of a program's complaints that is logged.
const MAX_LINE: usize = 64 * 1024;

config! {
    /// Which program to write to.
    pub struct SubprocessOutput {
        /// The program.
        name: String => lint_required,
        /// Its arguments.
        args: Vec<String> = [""; 0],
        /// How messages are told apart.
        codec: String = "lines" => options("lines"),
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.output("subprocess", build).categories(&["Utility"]).doc(
        "Runs a program and writes each message to its input as a line.\n\n\
         A program that ends is started again. When the output stops, the input of the program is \
         closed, upon which it should end; after five seconds it is killed. What it prints is \
         logged. No shell is involved.",
    );
}

fn build(config: SubprocessOutput, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let framing = Framing::parse(&config.codec)?;
    let path = scope.path().to_owned();
    Ok(BuiltOutput::connector(Subprocess { config, framing, path }, 1))
}

struct Subprocess {
    config: SubprocessOutput,
    framing: Framing,
    path: String,
}

#[async_trait]
impl Output for Subprocess {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        let config = &self.config;
        let failed = |error: String| ConnectError::new(&config.name, error);
        let mut child = child::start(&config.name, &config.args).map_err(failed)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(failed("the program has no pipes".into()));
        };
        let listeners = [
            tokio::spawn(log_lines(stdout, self.path.clone(), false)),
            tokio::spawn(log_lines(stderr, self.path.clone(), true)),
        ];
        Ok(Box::new(Feed {
            name: config.name.clone(),
            framing: self.framing,
            running: Mutex::new(Running { child, stdin: Some(stdin), listeners }),
        }))
    }
}

/// Logs what a program prints, until it closes the stream.
async fn log_lines(stream: impl AsyncRead + Unpin, path: String, is_error: bool) {
    let mut lines = Frames::new(stream, Framing::Lines, MAX_LINE);
    while let Ok(Some(line)) = lines.next().await {
        let line = String::from_utf8_lossy(&line);
        if is_error {
            error!(%path, "Subprocess: {line}");
        } else {
            debug!(%path, "Subprocess: {line}");
        }
    }
}

struct Feed {
    name: String,
    framing: Framing,
    running: Mutex<Running>,
}

struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    listeners: [JoinHandle<()>; 2],
}

impl Drop for Running {
    fn drop(&mut self) {
        self.listeners.iter().for_each(JoinHandle::abort);
    }
}

#[async_trait]
impl Writer for Feed {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let mut bytes = Vec::new();
        for message in batch.iter() {
            bytes.extend(self.framing.encode(message.bytes()).map_err(WriteError::failed)?);
        }
        let mut running = self.running.lock().await;
        let lost = |source: sluice_engine::component::BoxError| WriteError::Disconnected {
            target: self.name.clone(),
            source,
        };
        match running.child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => return Err(lost(child::status_text(status).into())),
            Err(error) => return Err(lost(error.into())),
        }
        let Some(stdin) = &mut running.stdin else {
            return Err(lost("its input is closed".into()));
        };
        let written = match stdin.write_all(&bytes).await {
            Ok(()) => stdin.flush().await,
            Err(error) => Err(error),
        };
        written.map_err(|error| lost(error.into()))
    }

    async fn close(&self) {
        let mut running = self.running.lock().await;
        drop(running.stdin.take());
        child::finish(&mut running.child).await;
    }
}
