//! The server, a plain client of it, and its monitoring.

use std::future::Future;

use async_nats::Client;
use serde_json::Value as Json;
use sluice_testkit::{OwnService, World, run, service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) fn world() -> World {
    World::new(sluice_nats::register)
}

/// Runs a test with a server, or says that it was skipped.
pub(crate) fn with_server<F: Future<Output = ()>>(test: impl FnOnce(String) -> F) {
    if let Some(server) = service("SLUICE_TEST_NATS") {
        run(test(server));
    }
}

/// Runs a test with a server of its own, started with these options.
pub(crate) fn with_own_server<F: Future<Output = ()>>(
    options: &str,
    test: impl FnOnce(OwnService) -> F,
) {
    if service("SLUICE_TEST_NATS").is_some() {
        let options = vec![("SLUICE_NATS_OPTIONS", options.to_owned())];
        run(async { test(OwnService::start_with("nats", options)).await });
    }
}

/// A client that no component knows.
pub(crate) async fn plain(url: &str) -> Client {
    async_nats::connect(url).await.unwrap()
}

/// What the server says about itself.
pub(crate) async fn monitored(server: &OwnService, page: &str) -> Json {
    let address = format!("127.0.0.1:{}", server.kept("monitor"));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET /{page} HTTP/1.0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

pub(crate) async fn connections(server: &OwnService) -> u64 {
    monitored(server, "connz").await["num_connections"].as_u64().unwrap()
}
