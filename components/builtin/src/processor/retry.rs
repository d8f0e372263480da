//! `retry`: processors repeated until they succeed.

use std::time::Duration;

use futures_util::StreamExt;
use sluice_config::{config, format_duration};
use sluice_engine::backoff::Backoff;
use sluice_engine::wiring::Chain;
use sluice_engine::{Batches, BuildError, Processor, Registry, Scope, Stop, WaitingProcessor};
use sluice_message::{Batch, Message};
use sluice_value::Value;
use smallvec::smallvec;
use tokio::time::Instant;

use super::composition::{ProcessorList, alone};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("retry", build)
        .doc(
            "Runs processors on each message by itself, and again after a pause when it fails.\n\n\
             Each attempt starts with the message as it came, and without a mark of an earlier \
             failure. After the last one it goes on as that attempt left it. The metadata \
             `retry_count` and `backoff_duration` then say how often and how long was waited.",
        )
        .categories(&["Composition"]);
}

config! {
    /// Pauses between attempts.
    struct Pauses {
        /// The first pause.
        initial_interval: Duration = "500ms",
        /// The longest pause.
        max_interval: Duration = "10s",
        /// Time after which no further attempt is made; `0s` for no limit.
        max_elapsed_time: Duration = "1m",
    }
}

config! {
    /// Repeats processors until they succeed.
    struct RetryConfig {
        /// Pauses between attempts, each longer than the one before.
        backoff: Pauses,
        /// Processors of each attempt.
        processors: ProcessorList,
        /// Whether the messages of a batch are processed at the same time.
        parallel: bool = false,
        /// Most attempts after the first; 0 for no limit.
        max_retries: usize = 0,
    }
}

struct Retry {
    chain: Chain,
    pauses: Pauses,
    max_retries: usize,
    parallel: bool,
    stop: Stop,
}

fn build(config: RetryConfig, scope: &Scope) -> Result<Processor, BuildError> {
    if config.processors.is_empty() {
        return Err(BuildError::new("at least one child processor must be specified"));
    }
    Ok(Processor::waiting(Retry {
        chain: scope.below("retry").build_chain(&config.processors, "processors")?,
        pauses: config.backoff,
        max_retries: config.max_retries,
        parallel: config.parallel,
        stop: scope.stop().clone(),
    }))
}

impl Retry {
    async fn attempt_until_passed(&self, mut message: Message) -> Batch {
        message.clear_failure();
        let mut backoff = Backoff::new(self.pauses.initial_interval, self.pauses.max_interval);
        let began = Instant::now();
        let mut retries = 0;
        let mut waited = Duration::ZERO;
        loop {
            let mut made: Batch = alone(&self.chain, message.clone()).await.collect();
            let has_failed = made.iter().any(|message| message.failure().is_some());
            let pause = backoff.pause();
            let longest = self.pauses.max_elapsed_time;
            let out_of_time = !longest.is_zero() && began.elapsed() + pause > longest;
            let out_of_tries = self.max_retries > 0 && retries >= self.max_retries;
            if !has_failed || out_of_time || out_of_tries || self.stop.abort.is_cancelled() {
                for message in made.iter_mut() {
                    message.set_metadata("retry_count", Value::Int(retries as i64));
                    message.set_metadata("backoff_duration", format_duration(waited));
                }
                return made;
            }
            tokio::time::sleep(pause).await;
            waited += pause;
            retries += 1;
        }
    }
}

#[async_trait::async_trait]
impl WaitingProcessor for Retry {
    async fn process(&self, batch: Batch) -> Batches {
        let at_once = if self.parallel { batch.len().max(1) } else { 1 };
        let attempts = futures_util::stream::iter(batch)
            .map(|message| self.attempt_until_passed(message))
            .buffered(at_once);
        let made: Vec<Batch> = attempts.collect().await;
        smallvec![made.into_iter().flatten().collect()]
    }

    async fn close(&self) {
        self.chain.close().await;
    }
}
