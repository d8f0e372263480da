//! The `http_server` output.
//!
//! Three endpoints take batches from one [`Hub`](hub::Hub): a request for the next one, an endless
//! response, a WebSocket.

mod egress;
mod framing;
mod hub;
mod poll;
mod resume;
mod socket;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sluice_config::config;
use sluice_engine::http::{Endpoint, HttpHandler, Mount};
use sluice_engine::{
    BuildError, BuiltOutput, ConnectError, Output, Registry, Scope, WriteError, Writer,
};
use sluice_message::Batch;
use tokio::sync::Mutex;

use egress::Egress;

use crate::fields::CorsConfig;
use crate::server::{Cors, Running, Site, listen, tls_of};

config! {
    /// Hands messages to clients that ask for them over HTTP or WebSocket.
    pub struct HttpServerOutput {
        /// Address of a listener of its own; empty for the service-wide server.
        address: String = "",
        /// Path at which each request gets the next batch. Empty for none.
        path: String = "/get",
        /// Path at which a request gets an endless stream of messages. Empty for none.
        stream_path: String = "/get/stream",
        /// How messages are separated on `stream_path`: by line breaks, or as server-sent events.
        stream_format: String = "raw_bytes" => options("raw_bytes", "event_source"),
        /// How often streams of server-sent events carry a comment, so that they look alive.
        heartbeat: Duration = "0s" => advanced,
        /// Path that WebSocket clients connect to. Empty for none.
        ws_path: String = "/get/ws",
        /// Type of WebSocket frames.
        ws_message_type: String = "binary" => options("binary", "text"),
        /// Methods that requests to `path` and `stream_path` may use.
        allowed_verbs: Vec<String> = ["GET"],
        /// How long a request to `path` waits for a message.
        timeout: Duration = "5s" => advanced,
        /// File with the certificate chain, to serve HTTPS. Only with an `address`.
        cert_file: String = "" => advanced,
        /// File with the private key, to serve HTTPS. Only with an `address`.
        key_file: String = "" => advanced,
        /// Cross-origin requests. Only with an `address`.
        cors: CorsConfig => advanced,
        /// Longest time for one write to a WebSocket.
        write_wait: Duration = "10s" => advanced,
        /// Longest silence of a WebSocket client, which answers pings.
        pong_wait: Duration = "60s" => advanced,
        /// How often WebSocket clients are sent a ping. Less than `pong_wait`.
        ping_period: Duration = "54s" => advanced,
        /// Group of the clients: those of one group share the messages, each group gets all of
        /// them. Without one all clients share.
        consumer_group: String = "" => advanced,
    }
}

/// Batches that may wait for clients at once.
const MAX_IN_FLIGHT: usize = 64;

/// How long a stopping component waits for its clients to be told.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

const DEFAULT_PATHS: [&str; 3] = ["/get", "/get/stream", "/get/ws"];

const DOC: &str = "\
Hands messages to clients that ask for them over HTTP or WebSocket.

A request to `path` is answered with the next batch, or with 408 after `timeout`; several messages come as a multipart body. With \
`Accept: text/event-stream` it gets an endless stream of server-sent events instead. `stream_path` streams in the configured format, \
`ws_path` sends a WebSocket frame for each message.

Where the stream's input is a light consumer group of Kafka (`group_mode`), server-sent events carry an `id`. A client that sends the \
last one back (`Last-Event-ID`, as a header or a query parameter) gets what came after it, also from another node; of what the topic \
does not hold any more, an event `missed` tells. When several clients share a group, they share what comes then, and some of it may \
come twice.

Clients share the messages: each goes to the one that has waited longest. A message counts as delivered when it was written to a \
client; when that fails it goes to another client, or back to its source.";

pub(crate) fn register(registry: &mut Registry) {
    registry.output("http_server", build).categories(&["Network"]).doc(DOC);
}

fn build(config: HttpServerOutput, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let listener = match config.address.as_str() {
        "" => None,
        address => {
            let site = Arc::new(Site::new("", Cors::new(&config.cors)?, None));
            let tls = tls_of(&config.cert_file, &config.key_file)?;
            Some(OwnListener { address: address.into(), tls, site })
        }
    };
    let cors = if listener.is_some() { Cors::new(&config.cors)? } else { None };
    let egress = Arc::new(Egress::new(&config, cors, scope)?);
    let mut mounts = Vec::new();
    let handlers: [(&str, &str, Arc<dyn HttpHandler>); 3] = [
        (&config.path, "Read a batch of messages.", Arc::new(poll::Poll(egress.clone()))),
        (
            &config.stream_path,
            "Read an endless stream of messages.",
            Arc::new(stream::Stream(egress.clone())),
        ),
        (&config.ws_path, "Read messages via WebSocket.", Arc::new(socket::Frames(egress.clone()))),
    ];
    for ((path, description, handler), default) in handlers.into_iter().zip(DEFAULT_PATHS) {
        if path.is_empty() {
            continue;
        }
        let endpoint = Endpoint { path: path.into(), description: description.into() };
        let mounted = match &listener {
            Some(listener) => listener.site.mount(endpoint, handler),
            None => scope.environment().http.mount(endpoint, handler),
        };
        match mounted {
            Ok(mounted) => mounts.push(mounted),
            // Whoever chose one path has no use for the other two at their defaults.
            Err(_) if path == default && !mounts.is_empty() => {}
            Err(problem) => return Err(problem.into()),
        }
    }
    Ok(BuiltOutput::connector(Server { egress, listener, _mounts: mounts }, MAX_IN_FLIGHT))
}

/// A listener of the component's own, before it listens.
struct OwnListener {
    address: String,
    tls: Option<Arc<rustls::ServerConfig>>,
    site: Arc<Site>,
}

struct Server {
    egress: Arc<Egress>,
    listener: Option<OwnListener>,
    _mounts: Vec<Mount>,
}

#[async_trait]
impl Output for Server {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        let running = match &self.listener {
            None => None,
            Some(OwnListener { address, tls, site }) => {
                let running = listen(address, tls.clone(), site.clone()).await;
                Some(running.map_err(|error| ConnectError::new(address, error))?)
            }
        };
        self.egress.hub.open();
        Ok(Box::new(Clients { egress: self.egress.clone(), running: Mutex::new(running) }))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.egress.hub.close();
    }
}

/// Writes to whoever is there.
struct Clients {
    egress: Arc<Egress>,
    running: Mutex<Option<Running>>,
}

#[async_trait]
impl Writer for Clients {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        self.egress.hub.send(batch.clone()).await.map_err(WriteError::failed)
    }

    async fn close(&self) {
        self.egress.hub.close();
        self.egress.sessions.close();
        let _ = tokio::time::timeout(STOP_PATIENCE, self.egress.sessions.wait()).await;
        if let Some(running) = self.running.lock().await.take() {
            running.stop(STOP_PATIENCE).await;
        }
    }
}
