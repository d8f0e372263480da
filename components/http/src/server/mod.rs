//! The HTTP server of a program without a gateway.
//!
//! A [`Site`] is a router with what guards it; a listener serves a site on an address. The
//! [`Server`] is the service-wide site; components with an `address` have one of their own.

mod basic_auth;
mod cors;
mod listen;
mod pattern;
mod router;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use rustls::ServerConfig;
use sluice_config::config;
use sluice_engine::BuildError;
use sluice_engine::http::{Endpoint, HttpBody, HttpHandler, HttpHost, Mount};
use tracing::{error, info};

pub(crate) use basic_auth::BasicAuth;
pub use basic_auth::BasicAuthConfig;
pub(crate) use cors::Cors;
pub(crate) use listen::{Running, listen};
pub(crate) use pattern::PathPattern;
use router::{Found, Router};

use crate::fields::CorsConfig;
use crate::reply;

config! {
    /// The service-wide HTTP server.
    pub struct ServiceConfig {
        /// Whether to listen at all.
        enabled: bool = true,
        /// Address to listen on.
        address: String = "0.0.0.0:4195",
        /// Prefix below which every endpoint is served as well.
        root_path: String = "/bento",
        /// Whether to serve `/debug` endpoints.
        debug_endpoints: bool = false,
        /// File with the certificate chain, to serve HTTPS.
        cert_file: String = "" => advanced,
        /// File with the private key, to serve HTTPS.
        key_file: String = "" => advanced,
        /// Cross-origin requests.
        cors: CorsConfig => advanced,
        /// A user name and password that every endpoint asks for.
        basic_auth: BasicAuthConfig => advanced,
    }
}

/// A router and what guards it.
pub(crate) struct Site {
    router: Router,
    cors: Option<Cors>,
    auth: Option<BasicAuth>,
}

impl Site {
    pub(crate) fn new(root_path: &str, cors: Option<Cors>, auth: Option<BasicAuth>) -> Self {
        Self { router: Router::new(root_path), cors, auth }
    }

    pub(crate) fn mount(
        &self,
        endpoint: Endpoint,
        handler: Arc<dyn HttpHandler>,
    ) -> Result<Mount, String> {
        self.router.mount(endpoint, handler)
    }

    pub(crate) async fn answer(&self, mut request: Request<HttpBody>) -> Response<HttpBody> {
        let mut cross_origin = http::HeaderMap::new();
        if let Some(cors) = &self.cors {
            match cors.check(&request) {
                cors::Verdict::Answer(response) => return response,
                cors::Verdict::Pass(headers) => cross_origin = headers,
            }
        }
        let mut response = match self.router.find(&mut request) {
            Found::Nothing => reply::line(StatusCode::NOT_FOUND, "404 page not found"),
            Found::Disabled => reply::line(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable"),
            Found::Handler(handler) => match &self.auth {
                None => handler.handle(request).await,
                Some(auth) => match auth.check(request.headers()).await {
                    Err(refusal) => refusal,
                    Ok(()) => handler.handle(request).await,
                },
            },
        };
        response.headers_mut().extend(cross_origin);
        response
    }
}

/// The service-wide server: mount handlers on its [`host`](Self::host), then start it.
pub struct Server {
    host: Arc<Host>,
    enabled: bool,
    address: String,
    tls: Option<Arc<ServerConfig>>,
    running: Mutex<Option<Running>>,
}

struct Host(Arc<Site>);

impl Server {
    /// # Errors
    /// A setting that cannot be used, such as a certificate that cannot be read.
    pub fn new(config: &ServiceConfig) -> Result<Self, BuildError> {
        let site = Site::new(
            &config.root_path,
            Cors::new(&config.cors)?,
            BasicAuth::new(&config.basic_auth)?,
        );
        Ok(Self {
            host: Arc::new(Host(Arc::new(site))),
            enabled: config.enabled,
            address: config.address.clone(),
            tls: tls_of(&config.cert_file, &config.key_file)?,
            running: Mutex::new(None),
        })
    }

    /// Where components are mounted. Works before the server is started, and if it never is.
    pub fn host(&self) -> Arc<dyn HttpHost> {
        self.host.clone()
    }

    /// Listens, and returns the address; `None` when disabled or when the address cannot be
    /// bound, which is logged: streams run on without it.
    pub async fn start(&self) -> Option<SocketAddr> {
        if !self.enabled {
            return None;
        }
        match listen(&self.address, self.tls.clone(), self.host.0.clone()).await {
            Ok(running) => {
                let address = running.address();
                info!("Listening for HTTP requests at: {}", url(address, self.tls.is_some()));
                *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
                Some(address)
            }
            Err(problem) => {
                error!("HTTP server failed to listen on {}: {problem}", self.address);
                None
            }
        }
    }

    /// What is mounted at the moment, by path.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.host.0.router.endpoints()
    }

    /// Stops listening and waits up to `patience` for requests to be answered.
    pub async fn stop(&self, patience: Duration) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            running.stop(patience).await;
        }
    }
}

impl HttpHost for Host {
    fn mount(&self, endpoint: Endpoint, handler: Arc<dyn HttpHandler>) -> Result<Mount, String> {
        self.0.mount(endpoint, handler)
    }
}

/// TLS when both files are named.
pub(crate) fn tls_of(
    cert_file: &str,
    key_file: &str,
) -> Result<Option<Arc<ServerConfig>>, BuildError> {
    match (cert_file, key_file) {
        ("", "") => Ok(None),
        ("", _) | (_, "") => {
            Err(BuildError::new("both cert_file and key_file must be specified, or neither"))
        }
        (cert_file, key_file) => {
            let tls = sluice_tls::server(cert_file, key_file, &["h2", "http/1.1"])?;
            Ok(Some(Arc::new(tls)))
        }
    }
}

fn url(address: SocketAddr, encrypted: bool) -> String {
    format!("{}://{address}", if encrypted { "https" } else { "http" })
}
