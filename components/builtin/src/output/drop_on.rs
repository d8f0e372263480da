//! `drop_on`: failures that count as deliveries.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use regex::Regex;
use sluice_config::{Block, Kinds, config, format_duration, parse_duration};
use sluice_engine::{BuildError, BuiltOutput, InFlight, Registry, Scope, Sink};
use sluice_message::{Batch, DeliveryError, Member};
use tokio::task::JoinSet;
use tracing::warn;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("drop_on", build)
        .doc(
            "Writes to an output and drops what it fails to take, so that it counts as \
             delivered.\n\n\
             With `back_pressure` a write that takes too long is given up; while the output is \
             still busy with it, further ones are given up at once. With `error` they are \
             dropped, without it their source hears of it.",
        )
        .categories(&["Utility"]);
}

config! {
    /// What to drop.
    struct DropOnConfig {
        /// Whether messages are dropped after any error.
        error: bool = false,
        /// Regular expressions; messages are dropped after an error that one of them matches.
        error_patterns: Option<Vec<String>>,
        /// Longest time that a write may take.
        back_pressure: Option<String>,
        /// Where to write.
        output: Block<Kinds::Output>,
    }
}

struct DropOn {
    sink: Arc<dyn Sink>,
    error: bool,
    patterns: Vec<Regex>,
    back_pressure: Option<Duration>,
    /// Writes that took too long and still go on.
    stuck: Arc<AtomicUsize>,
    left_behind: Mutex<JoinSet<()>>,
    label: String,
    path: String,
}

fn build(config: DropOnConfig, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let patterns = config.error_patterns.unwrap_or_default();
    if config.error && !patterns.is_empty() {
        return Err(BuildError::new(
            "field 'error_patterns' is ineffective when 'error' is set to `true`",
        ));
    }
    let patterns = patterns.iter().enumerate().map(|(at, pattern)| {
        let failed = |error| format!("error pattern {at} failed to compile: {error}");
        Regex::new(pattern).map_err(failed)
    });
    let back_pressure = config.back_pressure.filter(|text| !text.is_empty());
    let back_pressure = back_pressure.map(|text| {
        let failed = |error| format!("failed to parse back_pressure duration: {error}");
        parse_duration(&text).map_err(failed)
    });
    Ok(BuiltOutput::sink(DropOn {
        error: config.error,
        patterns: patterns.collect::<Result<_, _>>()?,
        back_pressure: back_pressure.transpose()?.filter(|limit| !limit.is_zero()),
        stuck: Arc::default(),
        left_behind: Mutex::default(),
        label: scope.label().to_owned(),
        path: scope.path().to_owned(),
        sink: scope.below("drop_on").build_output(&config.output, "output")?,
    }))
}

impl DropOn {
    async fn write_in_time(&self, batch: Batch, limit: Duration) -> Result<(), DeliveryError> {
        if self.stuck.load(Ordering::Relaxed) > 0 {
            return Err(too_slow(limit));
        }
        let sink = self.sink.clone();
        let mut write: BoxFuture<'static, _> = Box::pin(async move { sink.write(batch).await });
        if let Ok(written) = tokio::time::timeout(limit, &mut write).await {
            return written;
        }
        // Breaking it off in the middle could leave half a message behind.
        let stuck = self.stuck.clone();
        stuck.fetch_add(1, Ordering::Relaxed);
        let mut left_behind = self.left_behind.lock().unwrap_or_else(PoisonError::into_inner);
        while left_behind.try_join_next().is_some() {}
        left_behind.spawn(async move {
            let _ = write.await; // what became of it was answered already
            stuck.fetch_sub(1, Ordering::Relaxed);
        });
        Err(too_slow(limit))
    }

    /// What of an error the source is to hear.
    fn judge(&self, error: DeliveryError) -> Result<(), DeliveryError> {
        if self.error {
            warn!(label = %self.label, path = %self.path, "Message dropped due to: {error}");
            return Ok(());
        }
        let matches = |text: &str| self.patterns.iter().any(|pattern| pattern.is_match(text));
        let Some(members) = error.members() else {
            return if matches(error.message()) { self.dropped(&error) } else { Err(error) };
        };
        let kept: Vec<Member> =
            members.iter().filter(|member| !matches(&member.error)).cloned().collect();
        if kept.is_empty() { self.dropped(&error) } else { Err(error.of_members(kept)) }
    }

    fn dropped(&self, error: &DeliveryError) -> Result<(), DeliveryError> {
        warn!(label = %self.label, path = %self.path, "Message dropped due to error matching a pattern: {error}");
        Ok(())
    }
}

fn too_slow(limit: Duration) -> DeliveryError {
    DeliveryError::new(format!("experienced back pressure beyond: {}", format_duration(limit)))
}

#[async_trait]
impl Sink for DropOn {
    async fn open(&self) {
        self.sink.open().await;
    }

    async fn write(&self, batch: Batch) -> Result<(), DeliveryError> {
        let written = match self.back_pressure {
            Some(limit) => self.write_in_time(batch, limit).await,
            None => self.sink.write(batch).await,
        };
        written.or_else(|error| self.judge(error))
    }

    fn in_flight(&self) -> InFlight {
        self.sink.in_flight()
    }

    fn is_connected(&self) -> bool {
        self.sink.is_connected()
    }

    fn flush(&self) {
        self.sink.flush();
    }

    async fn close(&self) {
        // Whatever is still stuck is given up with the connection.
        let left_behind =
            std::mem::take(&mut *self.left_behind.lock().unwrap_or_else(PoisonError::into_inner));
        drop(left_behind);
        self.sink.close().await;
    }
}
