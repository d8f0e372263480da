//! Failures of messages, in the name of a component.

use std::sync::Arc;

use sluice_message::{Batch, Failure, Message};
use sluice_telemetry::Counter;
use tracing::{debug, error};

use crate::Scope;
use crate::backoff::random_fraction;
use crate::wiring::definition::ErrorLog;

/// Marks messages as failed in the name of a component, counts and logs it.
#[derive(Clone, Debug)]
pub struct Owner {
    failure: Failure,
    path: String,
    errors: Counter,
    /// How failures are logged beside at debug level; `None` for not at all.
    log: Option<Arc<ErrorLog>>,
}

impl Owner {
    pub(crate) fn new(scope: &Scope, log: Option<Arc<ErrorLog>>) -> Self {
        let path = scope.path();
        let failure = Failure {
            message: String::new(),
            label: scope.label().to_owned(),
            component: scope.component().to_owned(),
            path: path.strip_prefix("root.").unwrap_or(path).to_owned(),
        };
        Self { failure, path: path.to_owned(), errors: scope.counter("processor_error"), log }
    }

    pub fn fail(&self, message: &mut Message, error: impl std::fmt::Display) {
        let text = error.to_string();
        debug!(label = %self.label(), path = %self.path, "Processor failed: {text}");
        self.log(message, &text);
        self.errors.add(1);
        message.set_failure(Failure { message: text, ..self.failure.clone() });
    }

    /// As [`Owner::fail`], for what operators want to see without asking for details.
    pub fn fail_loudly(&self, message: &mut Message, error: impl std::fmt::Display) {
        let text = error.to_string();
        error!(label = %self.label(), path = %self.path, "{text}");
        self.fail(message, text);
    }

    /// Marks every message of a batch.
    pub fn fail_all(&self, batch: &mut Batch, error: impl std::fmt::Display) {
        let text = error.to_string();
        for message in batch.iter_mut() {
            self.fail(message, &text);
        }
    }

    /// Where the component is, such as `root.pipeline.processors.0`.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn label(&self) -> &str {
        &self.failure.label
    }

    /// Logs a failure as the stream's `error_handling.log` says.
    fn log(&self, message: &Message, text: &str) {
        let Some(log) = &self.log else { return };
        if log.sampling_ratio < 1.0 && random_fraction() >= log.sampling_ratio {
            return;
        }
        let (label, path) = (self.label(), &self.path);
        if log.add_payload {
            let payload = String::from_utf8_lossy(message.bytes());
            error!(%label, %path, %payload, "Failed to process message: {text}");
        } else {
            error!(%label, %path, "Failed to process message: {text}");
        }
    }
}
