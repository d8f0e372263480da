//! `local`: a rate limit of this process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sluice_config::{Node, config};
use sluice_engine::{BuildError, RateLimit, Registry, Scope};
use tokio::time::Instant;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(crate) fn register(registry: &mut Registry) {
    registry.rate_limit("local", build).doc(
        "Lets so many messages, or bytes, pass in each interval. All components that use it share \
         it, within this process.",
    );
}

config! {
    /// Messages and bytes of an interval.
    struct LocalConfig {
        /// Most messages; 0 for no limit.
        count: i64 = 1000 => rule(count_is_not_negative),
        /// Most bytes; 0 for no limit.
        byte_size: i64 = 0 => rule(byte_size_is_not_negative),
        /// Length of the interval.
        interval: Duration = "1s",
    }
}

fn negative(node: &Node) -> bool {
    node.as_text().is_some_and(|text| text.trim().starts_with('-'))
}

fn count_is_not_negative(node: &Node) -> Vec<String> {
    negative(node).then(|| "count cannot be less than zero".to_owned()).into_iter().collect()
}

fn byte_size_is_not_negative(node: &Node) -> Vec<String> {
    negative(node).then(|| "byte_size cannot be less than zero".to_owned()).into_iter().collect()
}

struct Local {
    count: Option<usize>,
    bytes: Option<usize>,
    interval: Duration,
    state: Mutex<State>,
}

struct State {
    began: Instant,
    messages: usize,
    bytes: usize,
}

fn build(config: LocalConfig, _: &Scope) -> Result<Arc<dyn RateLimit>, BuildError> {
    let limit = |name: &str, limit: i64| match usize::try_from(limit) {
        Ok(0) => Ok(None),
        Ok(limit) => Ok(Some(limit)),
        Err(_) => Err(BuildError::new(format!("{name} cannot be less than zero"))),
    };
    let (count, bytes) = (limit("count", config.count)?, limit("byte_size", config.byte_size)?);
    if count.is_none() && bytes.is_none() {
        return Err(BuildError::new(
            "at least one of count and byte_size must be greater than zero",
        ));
    }
    let state = State { began: Instant::now(), messages: 0, bytes: 0 };
    Ok(Arc::new(Local { count, bytes, interval: config.interval, state: Mutex::new(state) }))
}

#[async_trait]
impl RateLimit for Local {
    async fn access(&self, bytes: usize) -> Result<Option<Duration>, BoxError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let passed = now - state.began;
        if passed >= self.interval {
            *state = State { began: now, messages: 0, bytes: 0 };
        }
        let is_used_up = self.count.is_some_and(|most| state.messages >= most)
            || self.bytes.is_some_and(|most| state.bytes >= most);
        if is_used_up {
            return Ok(Some(self.interval.saturating_sub(passed).max(Duration::from_millis(1))));
        }
        state.messages += 1;
        state.bytes += bytes;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_interval_lets_so_many_pass() {
        let state = State { began: Instant::now(), messages: 0, bytes: 0 };
        let limit = Local {
            count: Some(2),
            bytes: Some(10),
            interval: Duration::from_secs(1),
            state: Mutex::new(state),
        };
        assert_eq!(limit.access(1).await.unwrap(), None);
        tokio::time::advance(Duration::from_millis(400)).await;
        assert_eq!(limit.access(1).await.unwrap(), None);
        assert_eq!(limit.access(1).await.unwrap(), Some(Duration::from_millis(600)));
        tokio::time::advance(Duration::from_millis(600)).await;
        assert_eq!(limit.access(100).await.unwrap(), None);
        assert!(limit.access(1).await.unwrap().is_some());
    }
}
