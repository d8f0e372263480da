//! The server, a plain client of it, and what tests ask it.

use std::future::Future;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue};
use sluice_message::Message;
use sluice_testkit::{OwnService, World, run, service};

pub(crate) fn world() -> World {
    World::new(sluice_redis::register)
}

/// Runs a test with a server, or says that it was skipped.
pub(crate) fn with_server<F: Future<Output = ()>>(test: impl FnOnce(String) -> F) {
    if let Some(server) = service("SLUICE_TEST_REDIS") {
        run(test(server));
    }
}

/// Runs a test with a server that nobody else uses.
pub(crate) fn with_own_server<F: Future<Output = ()>>(test: impl FnOnce(OwnService) -> F) {
    if service("SLUICE_TEST_REDIS").is_some() {
        run(async { test(OwnService::start("redis")).await });
    }
}

/// A client that no component knows.
#[derive(Clone)]
pub(crate) struct Plain(MultiplexedConnection);

impl Plain {
    pub(crate) async fn new(url: &str) -> Self {
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let client = Client::open(url).unwrap();
        Self(client.get_multiplexed_async_connection_with_config(&config).await.unwrap())
    }

    /// Runs a command that is written with spaces.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        let words: Vec<&str> = command.split(' ').collect();
        self.words(&words).await
    }

    pub(crate) async fn words<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        command.query_async(&mut self.0.clone()).await.unwrap()
    }

    /// How many connections there are, this one included.
    pub(crate) async fn connections(&self) -> usize {
        self.ask::<String>("CLIENT LIST").await.lines().count()
    }
}

pub(crate) fn metadata(message: &Message, key: &str) -> String {
    message.metadata_text(key)
}
