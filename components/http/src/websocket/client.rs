//! WebSocket connections that we open.

use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderName};
use http::{Method, StatusCode, Uri};
use sluice_config::Interpolated;
use sluice_engine::{BuildError, Scope};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_websockets::{ClientBuilder, WebSocketStream};

use super::{config, limits};
use crate::client::auth::Signer;
use crate::client::config::{BasicAuthConfig, JwtConfig, OauthConfig};
use crate::client::request::Outgoing;
use crate::client::target::Target;
use crate::client::transport::{Transport, TransportSettings};
use crate::text::HeaderText;
use sluice_tls::TlsConfig;

/// Largest message that is read.
const MAX_MESSAGE: usize = 128 << 20;

/// Longest time for connecting and the handshake.
const PATIENCE: Duration = Duration::from_secs(45);

/// What the input and the output have in common.
pub(super) struct Settings<'a> {
    pub(super) url: &'a str,
    pub(super) proxy_url: Option<&'a str>,
    pub(super) headers: &'a std::collections::BTreeMap<String, Interpolated>,
    pub(super) tls: &'a TlsConfig,
    pub(super) oauth: Option<&'a OauthConfig>,
    pub(super) basic_auth: Option<&'a BasicAuthConfig>,
    pub(super) jwt: &'a JwtConfig,
}

/// Opens connections to one URL.
pub(super) struct Dialer {
    target: Target,
    headers: Vec<(HeaderName, HeaderText)>,
    signer: Signer,
    transport: Arc<Transport>,
}

/// Headers that make the handshake and are not the user's to set.
const OF_THE_HANDSHAKE: [HeaderName; 7] = [
    http::header::HOST,
    http::header::UPGRADE,
    http::header::CONNECTION,
    http::header::SEC_WEBSOCKET_KEY,
    http::header::SEC_WEBSOCKET_VERSION,
    http::header::SEC_WEBSOCKET_ACCEPT,
    http::header::SEC_WEBSOCKET_EXTENSIONS,
];

impl Dialer {
    pub(super) fn new(settings: &Settings<'_>, scope: &Scope) -> Result<Self, BuildError> {
        let target = Target::parse(settings.url, &["ws", "wss"])
            .map_err(|error| BuildError::new(format!("field url: {}: {error}", settings.url)))?;
        let mut headers = Vec::new();
        for (name, text) in settings.headers {
            let header = HeaderName::from_bytes(name.as_bytes())
                .ok()
                .filter(|header| !OF_THE_HANDSHAKE.contains(header))
                .ok_or_else(|| BuildError::new(format!("field headers: {name:?} cannot be set")))?;
            headers.push((header, HeaderText::new(name, text, scope)?));
        }
        let transport = TransportSettings {
            tls: settings.tls,
            proxy_url: settings.proxy_url,
            transport: None,
            http2: false,
        };
        Ok(Self {
            target,
            headers,
            signer: Signer::new(settings.oauth, settings.jwt, settings.basic_auth)?,
            transport: transport.transport(scope)?,
        })
    }

    pub(super) fn url(&self) -> String {
        self.target.uri.to_string()
    }

    /// Connects and shakes hands.
    pub(super) async fn dial(
        &self,
    ) -> Result<WebSocketStream<impl AsyncRead + AsyncWrite + Unpin + Send + use<>>, String> {
        let work = self.shake_hands();
        timeout(PATIENCE, work).await.map_err(|_| "connecting took too long".to_owned())?
    }

    async fn shake_hands(
        &self,
    ) -> Result<WebSocketStream<impl AsyncRead + AsyncWrite + Unpin + Send + use<>>, String> {
        let mut request = Outgoing::new(Method::GET, self.target.clone());
        for (name, text) in &self.headers {
            request.headers.append(name, text.render(&[], 0)?);
        }
        if let Some(authorization) = &self.target.authorization {
            request.headers.insert(AUTHORIZATION, authorization.clone());
        }
        self.signer.sign(&mut request)?;
        let mut builder = ClientBuilder::from_uri(self.target.uri.clone())
            .config(config())
            .limits(limits(MAX_MESSAGE));
        for (name, value) in &request.headers {
            builder = builder
                .add_header(name.clone(), value.clone())
                .map_err(|error| error.to_string())?;
        }
        let link = self.transport.connect(self.http_uri()?).await?;
        let (session, response) =
            builder.connect_on(link.into_io()).await.map_err(|error| error.to_string())?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(format!("bad handshake: {}", response.status()));
        }
        Ok(session)
    }

    /// The URL whose connection carries this one.
    fn http_uri(&self) -> Result<Uri, String> {
        let mut parts = self.target.uri.clone().into_parts();
        let encrypted = self.target.uri.scheme_str() == Some("wss");
        parts.scheme =
            Some(if encrypted { http::uri::Scheme::HTTPS } else { http::uri::Scheme::HTTP });
        Uri::from_parts(parts).map_err(|error| error.to_string())
    }
}
