//! The `redis` rate limit: counted in Redis, for all programs that use the same key.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::Value as Answer;
use sluice_config::Node;
use sluice_engine::{BuildError, RateLimit, Registry, Scope, Status};

use crate::fields::redis_config;
use crate::link::{Link, reason};
use crate::script::Source;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

redis_config! {
    /// Messages of an interval.
    pub struct RedisRateLimit {
        /// Most messages of an interval.
        count: i64 = 1000 => rule(is_positive),
        /// Length of the interval. It begins with the first message.
        interval: Duration = "1s",
        /// Key that counts the messages.
        key: String,
    }
}

/// Counts a message; says how long to wait if it is one too many. A counter without an end, which
/// somebody else left behind, gets one.
const COUNT: &str = "\
local used = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
if used > tonumber(ARGV[1]) then
  return math.max(left, 1)
end
return 0";

pub(crate) fn register(registry: &mut Registry) {
    registry
        .rate_limit("redis", build)
        .doc(
            "Lets so many messages pass in each interval. All programs that use the same key share it; they must agree on `count` and \
             `interval`.",
        )
        .status(Status::Experimental);
}

fn is_positive(node: &Node) -> Vec<String> {
    let is_wrong = node.as_text().and_then(|text| text.trim().parse::<f64>().ok()) <= Some(0.0);
    let is_wrong = is_wrong && node.as_text().is_some();
    is_wrong.then(|| "count must be larger than zero".to_owned()).into_iter().collect()
}

fn build(config: RedisRateLimit, scope: &Scope) -> Result<Arc<dyn RateLimit>, BuildError> {
    if config.count <= 0 {
        return Err(BuildError::new("count must be larger than zero"));
    }
    let interval = (config.interval.as_millis() as u64).max(1);
    Ok(Arc::new(Counter {
        link: Link::shared(config.server()?, scope),
        script: Source::new(COUNT),
        key: config.key.into_bytes(),
        arguments: [config.count.to_string().into_bytes(), interval.to_string().into_bytes()],
    }))
}

struct Counter {
    link: Arc<Link>,
    script: Source,
    key: Vec<u8>,
    arguments: [Vec<u8>; 2],
}

#[async_trait]
impl RateLimit for Counter {
    async fn access(&self, _: usize) -> Result<Option<Duration>, BoxError> {
        let answer =
            self.script.run(&self.link, std::slice::from_ref(&self.key), &self.arguments).await;
        match answer {
            Ok(Answer::Int(wait)) if wait > 0 => Ok(Some(Duration::from_millis(wait as u64))),
            Ok(_) => Ok(None),
            Err(error) => Err(format!("accessing redis rate limit: {}", reason(&error)).into()),
        }
    }
}
