//! Outputs that make one command of each message.

use std::sync::Arc;

use async_trait::async_trait;
use redis::Cmd;
use sluice_engine::{ConnectError, Output, Text, WriteError, Writer};
use sluice_message::Batch;

use crate::link::{Link, is_broken, reason};

/// How a message becomes a command.
pub(crate) trait Layout: Send + Sync + 'static {
    /// # Errors
    /// Why this message cannot be sent.
    fn command(&self, batch: &Batch, at: usize) -> Result<Cmd, String>;
}

pub(crate) struct CommandOutput<L> {
    link: Arc<Link>,
    layout: Arc<L>,
}

impl<L: Layout> CommandOutput<L> {
    pub(crate) fn new(link: Arc<Link>, layout: L) -> Self {
        Self { link, layout: Arc::new(layout) }
    }
}

#[async_trait]
impl<L: Layout> Output for CommandOutput<L> {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        let answer = self.link.ping().await;
        answer.map_err(|error| ConnectError::new(self.link.server.target(), reason(&error)))?;
        Ok(Box::new(CommandWriter { link: self.link.clone(), layout: self.layout.clone() }))
    }
}

struct CommandWriter<L> {
    link: Arc<Link>,
    layout: Arc<L>,
}

#[async_trait]
impl<L: Layout> Writer for CommandWriter<L> {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let (mut commands, mut places, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for at in 0..batch.len() {
            match self.layout.command(batch, at) {
                Ok(command) => {
                    commands.push(command);
                    places.push(at);
                }
                Err(problem) => failed.push((at, problem)),
            }
        }
        if !commands.is_empty() {
            let answers = self.link.call_all(commands).await;
            let lost = |error: &redis::RedisError| WriteError::Disconnected {
                target: self.link.server.target(),
                source: reason(error).into(),
            };
            for (at, answer) in places.into_iter().zip(answers.map_err(|error| lost(&error))?) {
                match answer {
                    Err(error) if is_broken(&error) => return Err(lost(&error)),
                    Err(error) => failed.push((at, reason(&error))),
                    Ok(_) => {}
                }
            }
        }
        match failed.len() {
            0 => Ok(()),
            1 if batch.len() == 1 => Err(WriteError::failed(failed.remove(0).1)),
            _ => {
                failed.sort_by_key(|(at, _)| *at);
                Err(WriteError::Members { total: batch.len(), failed })
            }
        }
    }
}

/// The text of a field for one message.
///
/// # Errors
/// Names the field.
pub(crate) fn render(text: &Text, batch: &Batch, at: usize, field: &str) -> Result<String, String> {
    text.render(batch, at).map_err(|error| format!("{field} interpolation error: {error}"))
}
