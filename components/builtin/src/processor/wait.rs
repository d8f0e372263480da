//! Processors that only let time pass: `sleep` and `rate_limit`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sluice_config::{Interpolated, config, parse_duration};
use sluice_engine::{
    Batches, BuildError, Processor, RateLimit, Registry, Scope, Text, WaitingProcessor,
};
use sluice_message::Batch;
use smallvec::smallvec;
use tracing::error;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("sleep", sleep)
        .doc(
            "Holds each message up for a while. A time that cannot be read is logged, and the \
             message goes on at once.",
        )
        .categories(&["Utility"]);
    registry
        .processor("rate_limit", rate_limit)
        .doc("Holds each message up until a rate limit lets it pass. Nothing is dropped.")
        .categories(&["Utility"]);
}

config! {
    /// Holds messages up.
    struct SleepConfig {
        /// How long, for each message.
        duration: Interpolated => lint_required,
    }
}

struct Sleep {
    duration: Text,
    label: String,
    path: String,
}

fn sleep(config: SleepConfig, scope: &Scope) -> Result<Processor, BuildError> {
    Ok(Processor::waiting(Sleep {
        duration: scope.text(&config.duration)?,
        label: scope.label().to_owned(),
        path: scope.path().to_owned(),
    }))
}

impl Sleep {
    fn duration(&self, batch: &Batch, at: usize) -> Result<Duration, String> {
        let text = self.duration.render(batch, at)?;
        match text.strip_prefix('-') {
            Some(negative) => parse_duration(negative).map(|_| Duration::ZERO),
            None => parse_duration(&text),
        }
    }
}

#[async_trait]
impl WaitingProcessor for Sleep {
    async fn process(&self, batch: Batch) -> Batches {
        for at in 0..batch.len() {
            match self.duration(&batch, at) {
                Ok(duration) if duration.is_zero() => {}
                Ok(duration) => tokio::time::sleep(duration).await,
                Err(problem) => {
                    error!(label = %self.label, path = %self.path, "Failed to parse period, must be a valid duration: {problem}");
                }
            }
        }
        smallvec![batch]
    }
}

config! {
    /// Asks a rate limit.
    struct RateLimitConfig {
        /// Label of the rate limit resource.
        resource: String => lint_required,
    }
}

struct Limited {
    limit: Arc<dyn RateLimit>,
    label: String,
    path: String,
}

fn rate_limit(config: RateLimitConfig, scope: &Scope) -> Result<Processor, BuildError> {
    Ok(Processor::waiting(Limited {
        limit: scope.resources().rate_limit(&config.resource)?,
        label: scope.label().to_owned(),
        path: scope.path().to_owned(),
    }))
}

/// Pause after a rate limit could not be asked.
const AFTER_ERROR: Duration = Duration::from_secs(1);

#[async_trait]
impl WaitingProcessor for Limited {
    async fn process(&self, batch: Batch) -> Batches {
        for message in batch.iter() {
            loop {
                match self.limit.access(message.bytes().len()).await {
                    Ok(None) => break,
                    Ok(Some(wait)) => tokio::time::sleep(wait).await,
                    Err(problem) => {
                        error!(label = %self.label, path = %self.path, "Failed to access rate limit: {problem}");
                        tokio::time::sleep(AFTER_ERROR).await;
                    }
                }
            }
        }
        smallvec![batch]
    }
}
