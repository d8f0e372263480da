//! A client for APIs that components of other crates ask, such as registries of schemas.
//!
//! Lives elsewhere: requests made of messages (the `http` processor and its like).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use http::{Method, StatusCode};
use sluice_config::{Secret, config};
use sluice_engine::{BuildError, Scope};
use tokio::time::timeout;

pub use crate::client::config::{BasicAuthConfig, JwtConfig, OauthConfig, TransportConfig};
pub use sluice_tls::ClientCertConfig;

use crate::client::auth::Signer;
use crate::client::request::Outgoing;
use crate::client::target::Target;
use crate::client::transport::{Transport, TransportSettings};
use crate::fields::EMPTY;
use sluice_tls::TlsConfig;

/// Largest response.
const MAX_RESPONSE: usize = 64 << 20;

const AGENT: &str = concat!("sluice/", env!("CARGO_PKG_VERSION"));

config! {
    /// How TLS is used, wherever a URL says that it is.
    pub struct ApiTlsConfig {
        /// Whether to accept any certificate. For tests only.
        skip_cert_verify: bool = false => advanced,
        /// Renegotiation on the server's request. Not supported.
        enable_renegotiation: bool = false => advanced,
        /// Certificates, as PEM text, to trust instead of the system's.
        root_cas: Secret = "" => advanced,
        /// File with certificates to trust instead of the system's.
        root_cas_file: String = "" => advanced,
        /// Certificates to show to servers that ask for one.
        client_certs: Vec<ClientCertConfig> = EMPTY => advanced,
    }
}

/// How a client connects and proves who it is.
#[derive(Clone, Copy, Debug)]
pub struct ApiSettings<'a> {
    pub transport: &'a TransportConfig,
    pub tls: &'a ApiTlsConfig,
    pub oauth: Option<&'a OauthConfig>,
    pub basic_auth: Option<&'a BasicAuthConfig>,
    pub jwt: &'a JwtConfig,
    /// Longest time for a request and its response.
    pub timeout: Duration,
}

/// A client of an API.
pub struct ApiClient {
    transport: Arc<Transport>,
    signer: Signer,
    timeout: Duration,
}

impl ApiClient {
    /// # Errors
    /// A key or certificate that cannot be read or used.
    pub fn new(settings: ApiSettings<'_>, scope: &Scope) -> Result<Self, BuildError> {
        let tls = settings.tls.clone();
        let tls = TlsConfig {
            enabled: true,
            skip_cert_verify: tls.skip_cert_verify,
            enable_renegotiation: tls.enable_renegotiation,
            root_cas: tls.root_cas,
            root_cas_file: tls.root_cas_file,
            client_certs: tls.client_certs,
        };
        let transport = TransportSettings {
            tls: &tls,
            proxy_url: None,
            transport: Some(settings.transport),
            http2: settings.transport.force_http2,
        };
        Ok(Self {
            transport: transport.transport(scope)?,
            signer: Signer::new(settings.oauth, settings.jwt, settings.basic_auth)?,
            timeout: settings.timeout,
        })
    }

    /// Asks for what is at a URL and returns the status code and the body.
    ///
    /// # Errors
    /// There is no response, or one that is too large, in the time allowed.
    ///
    /// # Cancel safety
    /// Dropping the future drops the request.
    pub async fn get(&self, url: &str, accept: &'static str) -> Result<(u16, Bytes), String> {
        match timeout(self.timeout, self.exchange(url, accept)).await {
            Ok(answer) => answer.map(|(status, body)| (status.as_u16(), body)),
            Err(_) => Err(format!("request timed out after {:?}", self.timeout)),
        }
    }

    async fn exchange(
        &self,
        url: &str,
        accept: &'static str,
    ) -> Result<(StatusCode, Bytes), String> {
        let mut outgoing = Outgoing::new(Method::GET, Target::http(url)?);
        if let Some(value) = outgoing.target.authorization.clone() {
            outgoing.headers.insert(AUTHORIZATION, value);
        }
        outgoing.headers.insert(ACCEPT, HeaderValue::from_static(accept));
        outgoing.headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        self.signer.sign(&mut outgoing)?;
        if let Some(value) = self.transport.proxy_authorization(&outgoing.target.uri) {
            outgoing.headers.insert(PROXY_AUTHORIZATION, value);
        }
        let response = self.transport.request(outgoing.to_request()).await?;
        let (parts, body) = crate::client::Arriving::new(response, false);
        Ok((parts.status, body.read(MAX_RESPONSE, false).await?))
    }
}
