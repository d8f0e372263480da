//! `subprocess` input: the lines that a program prints.

use async_trait::async_trait;
use sluice_config::config;
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
};
use sluice_message::{Batch, Message};
use tokio::process::{Child, ChildStderr, ChildStdout};
use tracing::error;

use crate::child;
use crate::frames::{Frames, Framing};

config! {
    /// Which program to listen to.
    pub struct SubprocessInput {
        /// The program.
        name: String => lint_required,
        /// Its arguments.
        args: Vec<String> = [""; 0],
        /// How messages are told apart.
        codec: String = "lines" => options("lines"),
        /// Starts the program again each time it ends.
        restart_on_exit: bool = false,
        /// Longest message, in bytes.
        max_buffer: usize = 65536 => advanced,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.input("subprocess", build).categories(&["Utility"]).doc(
        "Runs a program and reads each line it prints as a message.\n\n\
         The input ends with the program, unless `restart_on_exit` starts it again. What it prints \
         on standard error is logged. No shell is involved.",
    );
}

fn build(config: SubprocessInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let framing = Framing::parse(&config.codec)?;
    let path = scope.path().to_owned();
    Ok(BuiltInput::connector(Subprocess { config, framing, path }, true))
}

struct Subprocess {
    config: SubprocessInput,
    framing: Framing,
    path: String,
}

#[async_trait]
impl Input for Subprocess {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let config = &self.config;
        let failed = |error: String| ConnectError::new(&config.name, error);
        let mut child = child::start(&config.name, &config.args).map_err(failed)?;
        drop(child.stdin.take());
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed("the program has no pipes".into()));
        };
        Ok(Box::new(Listener {
            child,
            stdout: Frames::new(stdout, self.framing, config.max_buffer),
            stderr: Some(Frames::new(stderr, Framing::Lines, config.max_buffer)),
            restarts: config.restart_on_exit,
            path: self.path.clone(),
        }))
    }
}

struct Listener {
    child: Child,
    stdout: Frames<ChildStdout>,
    stderr: Option<Frames<ChildStderr>>,
    restarts: bool,
    path: String,
}

impl Listener {
    fn ended(&self, problem: String) -> ReadError {
        if self.restarts {
            return ReadError::Disconnected(problem.into());
        }
        ReadError::End
    }
}

/// The next complaint; waits for ever when there will be none.
async fn complaint(stderr: &mut Option<Frames<ChildStderr>>) -> String {
    match stderr {
        Some(lines) => match lines.next().await {
            Ok(Some(line)) => String::from_utf8_lossy(&line).into_owned(),
            Ok(None) => {
                *stderr = None;
                std::future::pending().await
            }
            Err(error) => {
                *stderr = None;
                error
            }
        },
        None => std::future::pending().await,
    }
}

#[async_trait]
impl Reader for Listener {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            let read = tokio::select! {
                read = self.stdout.next() => read,
                complaint = complaint(&mut self.stderr) => {
                    error!(path = %self.path, "Subprocess: {complaint}");
                    continue;
                }
            };
            return match read {
                Ok(Some(line)) => Ok(vec![Batch::new(vec![Message::from_bytes(line)]).into()]),
                Ok(None) => Err(self.ended("the program ended".into())),
                Err(problem) => {
                    error!(path = %self.path, "Failed to read from subprocess: {problem}");
                    child::kill(&mut self.child).await;
                    Err(self.ended(problem))
                }
            };
        }
    }

    async fn close(&mut self) {
        child::kill(&mut self.child).await;
    }
}
