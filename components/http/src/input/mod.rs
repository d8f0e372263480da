//! The `http_server` input.
//!
//! A request's handler puts its messages on the [`Intake`](intake::Intake), where the stream takes
//! them, and waits for their fate. There is no task and no channel per request in between.

mod ingress;
mod intake;
mod message;
mod response;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sluice_config::{Interpolated, config};
use sluice_engine::http::{Endpoint, HttpHandler, Mount};
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
};

use self::ingress::{Ingress, Post};
use self::socket::Frames;
use crate::fields::{CorsConfig, map};
use crate::filter::FilterConfig;
use crate::server::{Cors, Running, Site, listen, tls_of};

config! {
    /// Receives messages over HTTP and WebSocket, and can answer them.
    pub struct HttpServerInput {
        /// Address of a listener of its own; empty for the service-wide server.
        address: String = "",
        /// Path that requests are sent to, such as `/orders/{id}`; a parameter becomes metadata,
        /// a trailing slash takes everything below. Empty for none.
        path: String = "/post",
        /// Path that WebSocket clients connect to. Empty for none.
        ws_path: String = "/post/ws",
        /// What new WebSocket clients are sent first.
        ws_welcome_message: String = "" => advanced,
        /// What WebSocket clients are sent when a rate limit holds their message back.
        ws_rate_limit_message: String = "" => advanced,
        /// Methods that requests may use.
        allowed_verbs: Vec<String> = ["POST"],
        /// How long a request waits for the stream to take its messages, and then again for them
        /// to be delivered.
        timeout: Duration = "5s",
        /// A rate limit that requests and WebSocket messages must pass.
        rate_limit: String = "",
        /// File with the certificate chain, to serve HTTPS. Only with an `address`.
        cert_file: String = "" => advanced,
        /// File with the private key, to serve HTTPS. Only with an `address`.
        key_file: String = "" => advanced,
        /// Cross-origin requests. Only with an `address`.
        cors: CorsConfig => advanced,
        /// How synchronous responses become HTTP responses.
        sync_response: SyncResponseConfig => advanced,
    }
}

config! {
    /// How synchronous responses become HTTP responses.
    pub struct SyncResponseConfig {
        /// Status code.
        status: Interpolated = "200" => advanced,
        /// Headers.
        headers: std::collections::BTreeMap<String, Interpolated> =
            map([("Content-Type", "application/octet-stream")]) => advanced,
        /// Which metadata of a response become headers.
        metadata_headers: FilterConfig => advanced,
    }
}

const DEFAULT_WS_PATH: &str = "/post/ws";

/// How long a stopping listener of this component waits for its requests.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn register(registry: &mut Registry) {
    registry.input("http_server", build).categories(&["Network"]).doc(DOC);
}

const DOC: &str = "\
Receives messages over HTTP and WebSocket, and can answer them.

A request's body is one message; a multipart body is a batch of one message per part. The request is answered once its messages \
have been delivered: with 200, with the synchronous response that the stream stored, or with 502 and the error. Without an answer \
within `timeout` the status is 408; the messages may still be delivered then.

Each WebSocket frame is one message. The next one is read when it was delivered; a frame that failed is sent into the stream again.

Metadata: `http_server_user_agent`, `http_server_request_path`, `http_server_verb`, `http_server_remote_ip`, over TLS also \
`http_server_tls_version`, `http_server_tls_cipher_suite` and `http_server_tls_subject`; all headers, query parameters, path \
parameters and cookies by their names. WebSocket messages lack path, verb and address.";

fn build(config: HttpServerInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let ingress = Arc::new(Ingress::new(&config, scope)?);
    let listener = match config.address.as_str() {
        "" => None,
        address => {
            let site = Site::new("", Cors::new(&config.cors)?, None);
            let tls = tls_of(&config.cert_file, &config.key_file)?;
            Some(OwnListener { address: address.into(), tls, site: Arc::new(site) })
        }
    };
    let mount = |path: &str, description: &str, handler: Arc<dyn HttpHandler>| {
        let endpoint = Endpoint { path: path.into(), description: description.into() };
        match &listener {
            Some(listener) => listener.site.mount(endpoint, handler),
            None => scope.environment().http.mount(endpoint, handler),
        }
    };
    let mut mounts = Vec::new();
    if !config.path.is_empty() {
        let post = Arc::new(Post::new(&config.path, ingress.clone())?);
        mounts.push(mount(&config.path, "Post a message into the stream.", post)?);
    }
    if !config.ws_path.is_empty() {
        let cors = Cors::new(&config.cors).ok().flatten().filter(|_| listener.is_some());
        let frames = Arc::new(Frames::new(&config, cors, ingress.clone())?);
        match mount(&config.ws_path, "Post messages via WebSocket into the stream.", frames) {
            Ok(mounted) => mounts.push(mounted),
            // Somebody who chose no path has no use for a second endpoint with the default one.
            Err(_) if config.ws_path == DEFAULT_WS_PATH && !config.path.is_empty() => {}
            Err(problem) => return Err(problem.into()),
        }
    }
    Ok(BuiltInput::connector(Server { ingress, listener, _mounts: mounts }, false))
}

/// A listener of the component's own, before it listens.
struct OwnListener {
    address: String,
    tls: Option<Arc<rustls::ServerConfig>>,
    site: Arc<Site>,
}

struct Server {
    ingress: Arc<Ingress>,
    listener: Option<OwnListener>,
    _mounts: Vec<Mount>,
}

#[async_trait]
impl Input for Server {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let running = match &self.listener {
            None => None,
            Some(OwnListener { address, tls, site }) => {
                let running = listen(address, tls.clone(), site.clone()).await;
                Some(running.map_err(|error| ConnectError::new(address, error))?)
            }
        };
        self.ingress.intake.open();
        Ok(Box::new(Requests { ingress: self.ingress.clone(), running }))
    }
}

/// Reads what requests put on the intake.
struct Requests {
    ingress: Arc<Ingress>,
    running: Option<Running>,
}

#[async_trait]
impl Reader for Requests {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        Ok(self.ingress.intake.take(self.ingress.cores).await)
    }

    async fn close(&mut self) {
        self.ingress.intake.close();
        self.ingress.sessions.close();
        if let Some(running) = self.running.take() {
            running.stop(STOP_PATIENCE).await;
        }
        let _ = tokio::time::timeout(STOP_PATIENCE, self.ingress.sessions.wait()).await;
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.ingress.intake.close();
    }
}
