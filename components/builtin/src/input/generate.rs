//! `generate`: messages out of a mapping.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::{Query, config, parse_duration};
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, Mapping, Mode, ReadError, Reader,
    Registry, Scope,
};
use sluice_message::{Batch, Message};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::schedule::Schedule;

/// Batches made at once when there is no pause between them.
const BURST: usize = 64;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("generate", build)
        .doc(
            "Makes messages with a mapping, as fast as they are taken, at an interval or by a \
             schedule.\n\n\
             A schedule is a cron expression of five or six fields (the sixth, in front, for \
             seconds), `@hourly` and the like, or `@every 5m`; a time zone may stand before it, as \
             in `TZ=Europe/London 30 3 * * *`. What the mapping deletes does not count.",
        )
        .categories(&["Utility"]);
}

config! {
    /// Makes messages.
    struct GenerateConfig {
        /// A mapping that makes a message.
        mapping: Query => lint_required,
        /// Time between batches, or a schedule; empty for as fast as they are taken.
        interval: String = "1s",
        /// Messages to make before the input ends; 0 for no end.
        count: usize = 0,
        /// Messages made at a time.
        batch_size: usize = 1,
        /// Whether messages that are refused are kept and sent again.
        auto_replay_nacks: bool = true,
    }
}

struct Generate {
    generator: Arc<Mutex<Generator>>,
}

/// What goes on even if the link should be opened again.
struct Generator {
    mapping: Mapping,
    pace: Pace,
    /// `None` for no end.
    left: Option<usize>,
    batch_size: usize,
    /// The message that the mapping starts from.
    blank: Batch,
}

/// When batches are made.
enum Pace {
    AtOnce,
    Every { interval: Duration, next: Option<Instant> },
    Scheduled { schedule: Box<Schedule>, next: Option<jiff::Timestamp> },
}

fn build(config: GenerateConfig, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let generator = Generator {
        mapping: scope.mapping(&config.mapping, Mode::Mapping)?,
        pace: Pace::parse(&config.interval).map_err(BuildError::new)?,
        left: (config.count > 0).then_some(config.count),
        batch_size: config.batch_size.max(1),
        blank: Message::from_bytes(Bytes::new()).into(),
    };
    let input = Generate { generator: Arc::new(Mutex::new(generator)) };
    Ok(BuiltInput::connector(input, config.auto_replay_nacks))
}

impl Pace {
    fn parse(interval: &str) -> Result<Self, String> {
        if interval.is_empty() {
            return Ok(Self::AtOnce);
        }
        let not_a_duration = match parse_duration(interval) {
            Ok(interval) if interval.is_zero() => return Ok(Self::AtOnce),
            Ok(interval) => return Ok(Self::Every { interval, next: None }),
            Err(error) => error,
        };
        match Schedule::parse(interval) {
            Ok(schedule) => Ok(Self::Scheduled { schedule: Box::new(schedule), next: None }),
            Err(error) => Err(format!(
                "failed to parse interval as duration string: {not_a_duration}, or as cron \
                 expression: {error}"
            )),
        }
    }

    /// Waits for the time of the next batch. Cancel safe: nothing moves on before the wait ends.
    async fn wait(&mut self) {
        match self {
            Self::AtOnce => {}
            Self::Every { interval, next } => {
                let due = *next.get_or_insert_with(Instant::now);
                tokio::time::sleep_until(due).await;
                // Late ones are not made up for.
                *next = Some((due + *interval).max(Instant::now()));
            }
            Self::Scheduled { schedule, next } => {
                let due = match *next {
                    Some(due) => Some(due),
                    None => schedule.after(jiff::Timestamp::now()),
                };
                *next = due;
                let Some(due) = due else { return std::future::pending().await };
                while let Ok(left) = Duration::try_from(due.duration_since(jiff::Timestamp::now()))
                {
                    // In steps, because the clock may be set.
                    tokio::time::sleep(left.min(Duration::from_mins(1))).await;
                    if left.is_zero() {
                        break;
                    }
                }
                *next = schedule.after(due.max(jiff::Timestamp::now()));
            }
        }
    }
}

impl Generator {
    /// The next batch; `None` when the mapping deleted all of it.
    fn batch(&mut self) -> Result<Option<Batch>, String> {
        let size = self.left.map_or(self.batch_size, |left| left.min(self.batch_size));
        let mut batch = Batch::default();
        for _ in 0..size {
            batch.extend(self.mapping.map(&self.blank, 0)?);
        }
        if let Some(left) = &mut self.left {
            *left -= batch.len();
        }
        Ok((!batch.is_empty()).then_some(batch))
    }

    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            if self.left == Some(0) {
                return Err(ReadError::End);
            }
            self.pace.wait().await;
            let mut deliveries = Vec::new();
            let batches = if matches!(self.pace, Pace::AtOnce) { BURST } else { 1 };
            while deliveries.len() < batches && self.left != Some(0) {
                match self.batch() {
                    Ok(batch) => deliveries.extend(batch.map(Delivery::from)),
                    Err(error) if deliveries.is_empty() => {
                        return Err(ReadError::Failed(error.into()));
                    }
                    Err(_) => break, // told when it happens again
                }
            }
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Input for Generate {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        Ok(Box::new(Generate { generator: self.generator.clone() }))
    }
}

#[async_trait]
impl Reader for Generate {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        self.generator.lock().await.read().await
    }
}
