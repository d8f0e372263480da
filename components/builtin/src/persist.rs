//! Writing to a sink until it takes everything.

use std::time::Duration;

use sluice_engine::Sink;
use sluice_engine::backoff::Backoff;
use sluice_message::{Batch, DeliveryError};
use tokio::time::Instant;
use tracing::{error, warn};

/// How long to go on.
#[derive(Clone, Debug)]
pub(crate) struct Persistence {
    pub(crate) initial_interval: Duration,
    pub(crate) max_interval: Duration,
    /// No further attempt after this; zero for no limit.
    pub(crate) max_elapsed_time: Duration,
    /// Attempts after the first; 0 for no limit.
    pub(crate) max_retries: u32,
    pub(crate) label: String,
    pub(crate) path: String,
}

impl Persistence {
    /// Never gives up.
    pub(crate) fn endless(label: &str, path: &str) -> Self {
        Self {
            initial_interval: Duration::from_millis(500),
            max_interval: Duration::from_secs(3),
            max_elapsed_time: Duration::ZERO,
            max_retries: 0,
            label: label.to_owned(),
            path: path.to_owned(),
        }
    }
}

/// Writes a batch, and what failed of it again, until all is delivered or patience ends.
///
/// # Errors
/// Names the members that were not delivered when patience ended.
pub(crate) async fn write_persistently(
    sink: &dyn Sink,
    mut batch: Batch,
    persistence: &Persistence,
) -> Result<(), DeliveryError> {
    let began = Instant::now();
    // Lineages may repeat; a number is one member's own.
    let numbering = batch.renumber();
    let Err(error) = sink.write(batch.clone()).await else { return Ok(()) };
    let written = insist(sink, batch, error, persistence, began).await;
    written.map_err(|error| numbering.restore(error))
}

/// Writes what failed of a batch with numbered members again, as [`write_persistently`] does; the
/// first attempt was when it `began`.
///
/// # Errors
/// Names the members that were not delivered when patience ended.
pub(crate) async fn insist(
    sink: &dyn Sink,
    mut batch: Batch,
    mut error: DeliveryError,
    persistence: &Persistence,
    began: Instant,
) -> Result<(), DeliveryError> {
    let mut backoff = Backoff::new(persistence.initial_interval, persistence.max_interval);
    let mut retries = 0;
    loop {
        batch.retain_failed(&error);
        let pause = backoff.pause();
        let longest = persistence.max_elapsed_time;
        let out_of_time = !longest.is_zero() && began.elapsed() + pause > longest;
        let out_of_tries = persistence.max_retries > 0 && retries >= persistence.max_retries;
        if out_of_time || out_of_tries {
            error!(label = %persistence.label, path = %persistence.path, "Failed to send message: {error}");
            let lineages = batch.iter().map(|message| message.lineage);
            let given_up = DeliveryError::new("message failed to reach a target destination");
            return Err(given_up.of_part(lineages));
        }
        warn!(label = %persistence.label, path = %persistence.path, "Failed to send message: {error}");
        tokio::time::sleep(pause).await;
        retries += 1;
        match sink.write(batch.clone()).await {
            Ok(()) => return Ok(()),
            Err(again) => error = again,
        }
    }
}
