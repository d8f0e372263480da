//! Pooled connections to upstreams, shared by all APIs with the same demands of TLS.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore};
use sluice_model::{Scheme, TlsProfile, TlsVersion, Upstream};
use tracing::warn;

use super::{deadline::WatchedBody, verify::AcceptAnyCertificate};
use crate::{BoxError, UpstreamSettings};

/// Longest wait for a TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

type Pool = Client<HttpsConnector<HttpConnector>, WatchedBody>;

/// All connection pools of a plane.
pub(crate) struct Clients {
    settings: UpstreamSettings,
    pools: Mutex<HashMap<(TlsProfile, Scheme), Pool>>,
    roots: OnceLock<Arc<RootCertStore>>,
}

/// An API's way upstream; cheap to clone.
#[derive(Clone)]
pub(crate) struct UpstreamClient {
    pub pool: Pool,
    pub close_connections: bool,
}

impl Clients {
    pub(crate) fn new(settings: UpstreamSettings) -> Self {
        Self { settings, pools: Mutex::default(), roots: OnceLock::new() }
    }

    /// The pool for an API; made when the first API needs it.
    pub(crate) fn client(
        &self,
        upstream: &Upstream,
        scheme: Scheme,
    ) -> Result<UpstreamClient, BoxError> {
        let profile = merge(upstream.tls, self.settings.tls);
        let key = (profile, scheme);
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pools.get(&key).cloned();
        let pool = known.map_or_else(|| self.pool(profile, scheme), Ok)?;
        pools.insert(key, pool.clone());
        Ok(UpstreamClient { pool, close_connections: self.settings.close_connections })
    }

    fn pool(&self, profile: TlsProfile, scheme: Scheme) -> Result<Pool, BoxError> {
        let h2c = scheme == Scheme::H2c;
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_keepalive(Some(Duration::from_secs(30)));
        let builder = HttpsConnectorBuilder::new()
            .with_tls_config(self.tls(profile, scheme)?)
            .https_or_http()
            .enable_http1();
        let connector = if self.settings.http2 || h2c {
            builder.enable_http2().wrap_connector(connector)
        } else {
            builder.wrap_connector(connector)
        };
        let idle = if self.settings.close_connections { 0 } else { self.settings.idle_per_host };
        Ok(Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(idle)
            .http1_title_case_headers(true)
            .http2_only(h2c)
            .build(connector))
    }

    fn tls(&self, profile: TlsProfile, scheme: Scheme) -> Result<ClientConfig, BoxError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = versions(profile)?;
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&versions)?;
        if profile.insecure_skip_verify {
            let verifier = Arc::new(AcceptAnyCertificate::new(provider));
            let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
            return Ok(builder.with_no_client_auth());
        }
        // Reading the system's certificates takes time: only if someone will need them.
        let roots = match scheme {
            Scheme::Https => self.roots.get_or_init(system_roots).clone(),
            Scheme::Http | Scheme::H2c => Arc::new(RootCertStore::empty()),
        };
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

/// The stricter of what the API and the gateway demand; the laxer about verification.
fn merge(api: TlsProfile, gateway: TlsProfile) -> TlsProfile {
    TlsProfile {
        insecure_skip_verify: api.insecure_skip_verify || gateway.insecure_skip_verify,
        min_version: api.min_version.or(gateway.min_version),
        max_version: api.max_version.or(gateway.max_version),
    }
}

fn versions(
    profile: TlsProfile,
) -> Result<Vec<&'static rustls::SupportedProtocolVersion>, BoxError> {
    let min = profile.min_version.unwrap_or(TlsVersion::V1_2);
    let max = profile.max_version.unwrap_or(TlsVersion::V1_3);
    let all =
        [(TlsVersion::V1_2, &rustls::version::TLS12), (TlsVersion::V1_3, &rustls::version::TLS13)];
    let chosen: Vec<_> = all
        .into_iter()
        .filter(|(version, _)| (min..=max).contains(version))
        .map(|(_, v)| v)
        .collect();
    if chosen.is_empty() {
        return Err("no TLS version lies between the least and the greatest allowed".into());
    }
    Ok(chosen)
}

fn system_roots() -> Arc<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        warn!(%error, "a system certificate can't be used");
    }
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        warn!("the system has no CA certificates: TLS upstreams will not be trusted");
    }
    Arc::new(roots)
}
