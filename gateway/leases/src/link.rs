//! The connection to Redis: one, shared, opened again when it breaks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, Script};
use tokio::sync::OnceCell;
use tracing::{info, warn};

use crate::scripts::{BEAT, FENCE, GIVE_BACK, TAKE, Taken, lease_key, node_key};
use crate::settings::{RedisSettings, SettingsError};

/// A lease that nobody renews or gives back is forgotten after a day.
const FORGOTTEN: Duration = Duration::from_hours(24);

pub(crate) struct Link {
    client: Client,
    timeout: Duration,
    manager: OnceCell<ConnectionManager>,
    beat: Script,
    take: Script,
    give_back: Script,
    /// The last answer was a failure: only changes are logged.
    is_down: AtomicBool,
}

impl Link {
    pub(crate) fn new(settings: &RedisSettings) -> Result<Self, SettingsError> {
        Ok(Self {
            client: settings.client()?,
            timeout: settings.timeout,
            manager: OnceCell::new(),
            beat: Script::new(BEAT),
            take: Script::new(TAKE),
            give_back: Script::new(GIVE_BACK),
            is_down: AtomicBool::new(false),
        })
    }

    /// Whether the node was alive until now.
    pub(crate) async fn beat(&self, node: &str) -> Result<bool, RedisError> {
        let mut script = self.beat.key(node_key(node));
        let answer: i64 =
            script.arg(millis(crate::ALIVE)).invoke_async(&mut self.manager().await?).await?;
        Ok(answer == 1)
    }

    pub(crate) async fn take(&self, node: &str, name: &str) -> Result<Taken, RedisError> {
        let mut script = self.take.key(lease_key(name));
        script.key(FENCE).key(node_key(node));
        script.arg(node).arg(node_key("")).arg(millis(FORGOTTEN)).arg(millis(crate::ALIVE));
        let (ours, word, left): (i64, String, u64) =
            script.invoke_async(&mut self.manager().await?).await?;
        Ok(match ours {
            1 => Taken::Ours(word.parse().unwrap_or_default()),
            _ => Taken::Theirs { node: word, left: Duration::from_millis(left) },
        })
    }

    pub(crate) async fn give_back(&self, node: &str, name: &str) -> Result<(), RedisError> {
        let mut script = self.give_back.key(lease_key(name));
        let _: i64 = script.arg(node).invoke_async(&mut self.manager().await?).await?;
        Ok(())
    }

    /// Says once that Redis does not answer.
    pub(crate) fn complain(&self, problem: &RedisError) {
        if !self.is_down.swap(true, Ordering::Relaxed) {
            warn!(%problem, "Redis does not answer: tenants are not kept apart between nodes");
        }
    }

    pub(crate) fn cheer(&self) {
        if self.is_down.swap(false, Ordering::Relaxed) {
            info!("Redis answers again");
        }
    }

    async fn manager(&self) -> Result<ConnectionManager, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout));
        let opening = || ConnectionManager::new_with_config(self.client.clone(), config);
        self.manager.get_or_try_init(opening).await.cloned()
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}
