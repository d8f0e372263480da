//! What librdkafka tells on the side: its log, and what is wrong with the cluster.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::{debug, trace, warn};

/// How long a client may take to reach a broker before connecting counts as failed.
pub(crate) const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// The longest single call that waits for a broker: an abandoned one lingers no longer.
pub(crate) const CALL_PATIENCE: Duration = Duration::from_secs(1);

/// Hears a client's log lines and errors.
pub(crate) struct Journal {
    /// Whose client it is, for the log.
    label: String,
    path: String,
    heard: AtomicUsize,
    last_problem: Mutex<Option<String>>,
}

impl Journal {
    pub(crate) fn new(label: &str, path: &str) -> Self {
        Self {
            label: label.into(),
            path: path.into(),
            heard: AtomicUsize::new(0),
            last_problem: Mutex::default(),
        }
    }

    /// How many things were heard so far: tells an empty queue from one that held only such.
    pub(crate) fn heard(&self) -> usize {
        self.heard.load(Ordering::Relaxed)
    }

    pub(crate) fn hear(&self) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    /// What went wrong last: mostly more telling than what a call that timed out reports.
    pub(crate) fn last_problem(&self) -> Option<String> {
        self.last_problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.hear();
        let (label, path) = (&self.label, &self.path);
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                warn!(%label, %path, facility, "Kafka client: {text}");
            }
            // Connections that fail are logged as errors, but also reported as such and tried again.
            _ => debug!(%label, %path, facility, "Kafka client: {text}"),
        }
    }

    pub(crate) fn error(&self, error: &KafkaError, reason: &str) {
        self.hear();
        let (label, path) = (&self.label, &self.path);
        if let Some(RDKafkaErrorCode::AllBrokersDown) = error.rdkafka_error_code() {
            warn!(%label, %path, "No Kafka broker can be reached: {reason}");
        } else {
            trace!(%label, %path, "Kafka client: {error}: {reason}");
            *self.last_problem.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(reason.to_owned());
        }
    }

    pub(crate) fn warn(&self, text: &str) {
        warn!(label = %self.label, path = %self.path, "{text}");
    }

    /// An error of a call, with what is known about its cause.
    pub(crate) fn explain(&self, error: &KafkaError) -> String {
        let text = error.rdkafka_error_code().map_or_else(|| error.to_string(), describe);
        let unspecific = matches!(
            error.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::OperationTimedOut
                    | RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::MessageTimedOut
                    | RDKafkaErrorCode::AllBrokersDown
            )
        );
        match self.last_problem().filter(|_| unspecific) {
            Some(problem) => format!("{text}: {problem}"),
            None => text,
        }
    }
}

/// The sentence of an error code, such as `Broker: Unknown topic or partition`.
pub(crate) fn describe(code: RDKafkaErrorCode) -> String {
    // Displayed as `Name (sentence)`.
    let text = code.to_string();
    let sentence = text.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    sentence.map_or_else(|| text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_explained_by_the_last_problem() {
        let journal = Journal::new("", "root.input");
        let timeout = KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut);
        assert_eq!(journal.explain(&timeout), "Local: Timed out");
        let cause = KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure);
        journal.error(&cause, "a:1/bootstrap: Connection refused");
        assert_eq!(
            journal.explain(&timeout),
            "Local: Timed out: a:1/bootstrap: Connection refused"
        );
        let specific = KafkaError::MessageProduction(RDKafkaErrorCode::TopicAuthorizationFailed);
        assert_eq!(journal.explain(&specific), "Broker: Topic authorization failed");
    }
}
