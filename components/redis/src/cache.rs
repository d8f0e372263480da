//! The `redis` cache.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::{Cmd, RedisError, Value as Answer};
use sluice_config::config;
use sluice_engine::backoff::Backoff;
use sluice_engine::{BuildError, Cache, CacheError, Registry, Scope};
use tokio::time::{Instant, sleep};

use crate::convert::bytes;
use crate::fields::redis_config;
use crate::link::{Link, reason};

redis_config! {
    /// Keys of a database as a cache.
    pub struct RedisCache {
        /// Text before every key, so that others do not use the same ones.
        prefix: Option<String>,
        /// How long values are kept that do not say it themselves; empty or 0 for ever.
        default_ttl: Option<Duration> => advanced,
        /// How a command that failed is tried again.
        retries: RetriesConfig => advanced,
    }
}

config! {
    /// Pauses between attempts.
    pub struct RetriesConfig {
        /// First pause.
        initial_interval: Duration = "500ms" => advanced,
        /// Longest pause.
        max_interval: Duration = "1s" => advanced,
        /// After this time no further attempt begins; 0 for never.
        max_elapsed_time: Duration = "5s" => advanced,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.cache("redis", build).doc(
        "Keeps values in Redis, for all programs that use it. Components with the same server and identity share one connection.",
    );
}

fn build(config: RedisCache, scope: &Scope) -> Result<Arc<dyn Cache>, BuildError> {
    Ok(Arc::new(Keys {
        link: Link::shared(config.server()?, scope),
        prefix: config.prefix.unwrap_or_default(),
        lifetime: config.default_ttl.filter(|ttl| !ttl.is_zero()),
        retries: config.retries,
    }))
}

struct Keys {
    link: Arc<Link>,
    prefix: String,
    lifetime: Option<Duration>,
    retries: RetriesConfig,
}

impl Keys {
    fn command(&self, name: &str, key: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(format!("{}{key}", self.prefix));
        command
    }

    fn setting(&self, key: &str, value: &Bytes, ttl: Option<Duration>, only_new: bool) -> Cmd {
        let mut command = self.command("SET", key);
        command.arg(&value[..]);
        if let Some(ttl) = ttl.or(self.lifetime).filter(|ttl| !ttl.is_zero()) {
            command.arg("PX").arg((ttl.as_millis() as u64).max(1));
        }
        if only_new {
            command.arg("NX");
        }
        command
    }

    async fn call(&self, command: Cmd) -> Result<Answer, CacheError> {
        let longest = self.retries.max_elapsed_time;
        let mut backoff = Backoff::new(self.retries.initial_interval, self.retries.max_interval);
        let began = Instant::now();
        loop {
            let problem = match self.link.call(&command).await {
                Ok(answer) => return Ok(answer),
                Err(problem) => problem,
            };
            let pause = backoff.pause();
            if !longest.is_zero() && began.elapsed() + pause > longest {
                return Err(failed(&problem));
            }
            sleep(pause).await;
        }
    }
}

fn failed(error: &RedisError) -> CacheError {
    CacheError::Failed(reason(error).into())
}

#[async_trait]
impl Cache for Keys {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        Ok(match self.call(self.command("GET", key)).await? {
            Answer::Nil => None,
            answer => Some(bytes(answer).into()),
        })
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError> {
        self.call(self.setting(key, &value, ttl, false)).await.map(drop)
    }

    async fn add(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError> {
        match self.call(self.setting(key, &value, ttl, true)).await? {
            Answer::Nil => Err(CacheError::Exists(key.to_owned())),
            _ => Ok(()),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), CacheError> {
        self.call(self.command("DEL", key)).await.map(drop)
    }
}
