//! Rate limits by resource or by a bare duration.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sluice_config::{ComponentKind, parse_duration};
use sluice_engine::{BuildError, RateLimit, Scope};
use tokio::time::Instant;
use tracing::error;

use crate::understood::log_once;

/// What the field `rate_limit` names.
pub(crate) enum Limiter {
    Resource(Arc<dyn RateLimit>),
    /// One request per period: a duration where a resource was expected.
    Period {
        period: Duration,
        next: Mutex<Option<Instant>>,
    },
}

impl Limiter {
    /// `None` when the field is empty.
    ///
    /// # Errors
    /// The text is neither the label of a resource nor a duration.
    pub(crate) fn new(name: Option<&str>, scope: &Scope) -> Result<Option<Self>, BuildError> {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(None) };
        if !scope.resources().has(ComponentKind::RateLimit, name) {
            if let Ok(period) = parse_duration(name) {
                log_once(scope, "rate_limit", &format!("one request every {name}"));
                return Ok(Some(Self::Period { period, next: Mutex::new(None) }));
            }
        }
        scope.resources().rate_limit(name).map(|limit| Some(Self::Resource(limit)))
    }

    /// `None` when a request may go now, else how long to wait before asking again.
    pub(crate) async fn access(&self, bytes: usize) -> Result<Option<Duration>, String> {
        match self {
            Self::Resource(limit) => limit.access(bytes).await.map_err(|error| error.to_string()),
            Self::Period { period, next } => {
                let now = Instant::now();
                let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                match *next {
                    Some(at) if at > now => Ok(Some(at - now)),
                    _ => {
                        *next = Some(now + *period);
                        Ok(None)
                    }
                }
            }
        }
    }

    /// Waits until a request may go. A limit that fails is asked again each second.
    pub(crate) async fn wait(&self, bytes: usize) {
        loop {
            let pause = match self.access(bytes).await {
                Ok(None) => return,
                Ok(Some(pause)) => pause,
                Err(problem) => {
                    error!("Rate limit error: {problem}");
                    Duration::from_secs(1)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_period_lets_one_request_through_at_a_time() {
        let limiter = Limiter::Period { period: Duration::from_mins(1), next: Mutex::new(None) };
        let began = Instant::now();
        for expected in [0, 60, 120] {
            limiter.wait(1).await;
            assert_eq!(began.elapsed().as_secs(), expected);
        }
    }
}
