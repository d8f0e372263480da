//! Connections: TCP, proxies, TLS, and the pool that keeps them.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use ring::digest::{Context as Digest, SHA256};
use rustls::pki_types::ServerName;
use sluice_engine::{BuildError, Scope};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::config::TransportConfig;
use sluice_tls::TlsConfig;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Opens connections and keeps them for later requests.
#[derive(Debug)]
pub(crate) struct Transport {
    client: Client<Connector, Full<Bytes>>,
    connector: Connector,
}

/// What decides whether two components can share connections.
pub(crate) struct TransportSettings<'a> {
    pub(crate) tls: &'a TlsConfig,
    pub(crate) proxy_url: Option<&'a str>,
    pub(crate) transport: Option<&'a TransportConfig>,
    /// Whether HTTP/2 may be negotiated.
    pub(crate) http2: bool,
}

impl TransportSettings<'_> {
    /// The transport with these settings, shared by all components that have the same.
    pub(crate) fn transport(&self, scope: &Scope) -> Result<Arc<Transport>, BuildError> {
        let shared = &scope.environment().shared;
        shared.get_or_try_init(&self.key(), || Transport::new(self))
    }

    /// A digest, because secrets are part of it.
    fn key(&self) -> String {
        let mut digest = Digest::new(&SHA256);
        let mut add = |text: &str| {
            digest.update(&text.len().to_le_bytes());
            digest.update(text.as_bytes());
        };
        add(&format!("{:?} {:?} {}", self.proxy_url, self.transport, self.http2));
        add(&format!("{:?}", self.tls));
        add(self.tls.root_cas.expose());
        for cert in &self.tls.client_certs {
            add(cert.key.expose());
            add(cert.password.expose());
        }
        format!("http transport {:x?}", digest.finish().as_ref())
    }
}

impl Transport {
    fn new(settings: &TransportSettings<'_>) -> Result<Self, BuildError> {
        let default_dial = (Duration::from_secs(30), Duration::from_secs(30));
        let dial = settings.transport.and_then(|transport| transport.dial_context.as_ref());
        let (connect, keep_alive) =
            dial.map_or(default_dial, |dial| (dial.timeout, dial.keep_alive));
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect).filter(|limit| !limit.is_zero()));
        tcp.set_keepalive(Some(keep_alive).filter(|time| !time.is_zero()));
        let handshake = settings.transport.map(|transport| transport.tls_handshake_timeout);
        let protocols: &[&str] = if settings.http2 { &["h2", "http/1.1"] } else { &[] };
        let connector = Connector {
            tcp,
            tls: TlsConnector::from(Arc::new(settings.tls.client(protocols)?)),
            proxy_tls: TlsConnector::from(Arc::new(settings.tls.client(&[])?)),
            proxy: Proxy::new(settings.proxy_url)?,
            handshake: handshake.filter(|limit| !limit.is_zero()),
        };
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_title_case_headers(true);
        if let Some(transport) = settings.transport {
            let idle = Some(transport.idle_connection_timeout).filter(|time| !time.is_zero());
            builder.pool_idle_timeout(idle);
            builder.pool_max_idle_per_host(transport.max_idle_connections);
        }
        Ok(Self { client: builder.build(connector.clone()), connector })
    }

    pub(crate) async fn request(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, String> {
        self.client.request(request).await.map_err(|error| describe(&error))
    }

    /// A header that a plain-text request through a proxy must carry.
    pub(crate) fn proxy_authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        let intercept = self.connector.proxy.intercept(uri)?;
        let through = intercept.uri().scheme_str().is_some_and(|scheme| scheme.starts_with("http"));
        let plain = uri.scheme_str() == Some("http");
        intercept.basic_auth().filter(|_| through && plain).cloned()
    }

    /// A connection of one's own, for protocols other than HTTP. `http` stands for plain text.
    pub(crate) async fn connect(&self, uri: Uri) -> Result<Link, String> {
        self.connector.dial(uri, true).await.map_err(|error| describe(&*error))
    }
}

/// An error and its causes in one line, without repetition.
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// Which requests go through which proxy.
#[derive(Clone, Debug)]
struct Proxy {
    matcher: Arc<Matcher>,
    /// From the environment, which does not mean this machine's own addresses.
    except_loopback: bool,
}

impl Proxy {
    fn new(url: Option<&str>) -> Result<Self, BuildError> {
        let Some(url) = url.filter(|url| !url.is_empty()) else {
            return Ok(Self { matcher: Matcher::from_env().into(), except_loopback: true });
        };
        let known = ["http://", "https://", "socks5://", "socks5h://"];
        let matcher = Matcher::builder().all(url).build();
        let probe = Uri::from_static("http://host/");
        if !known.iter().any(|scheme| url.starts_with(scheme))
            || matcher.intercept(&probe).is_none()
        {
            return Err(BuildError::new(
                "failed to parse proxy_url: expected http://, https:// or socks5:// and a host",
            ));
        }
        Ok(Self { matcher: matcher.into(), except_loopback: false })
    }

    fn intercept(&self, uri: &Uri) -> Option<Intercept> {
        if self.except_loopback && is_loopback(uri.host().unwrap_or("")) {
            return None;
        }
        self.matcher.intercept(uri)
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    bare == "localhost" || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    tls: TlsConnector,
    proxy_tls: TlsConnector,
    proxy: Proxy,
    handshake: Option<Duration>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// Opens a connection to `uri`; `tunnel` also takes plain text through a proxy's tunnel.
    async fn dial(&self, uri: Uri, tunnel: bool) -> Result<Link, BoxError> {
        let encrypted = uri.scheme_str() == Some("https");
        let link = match self.proxy.intercept(&uri) {
            None => self.hop(uri.clone()).await?,
            Some(proxy) => self.through(&proxy, uri.clone(), encrypted || tunnel).await?,
        };
        if encrypted { self.shake_hands(&self.tls, link, &uri).await } else { Ok(link) }
    }

    async fn through(&self, proxy: &Intercept, uri: Uri, tunnel: bool) -> Result<Link, BoxError> {
        let hop = Hop(self.clone());
        let address = proxy.uri().clone();
        let is_socks = address.scheme_str().is_some_and(|scheme| scheme.starts_with("socks"));
        if is_socks {
            let mut socks = SocksV5::new(address, hop);
            if let Some((username, password)) = proxy.raw_auth() {
                socks = socks.with_auth(username.into(), password.into());
            }
            return socks.call(uri).await.map_err(Into::into);
        }
        if !tunnel {
            let link = self.proxy_hop(address).await?;
            return Ok(Link { through_proxy: true, ..link });
        }
        let mut tunnel = Tunnel::new(address, hop);
        if let Some(authorization) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(authorization.clone());
        }
        tunnel.call(uri).await.map_err(Into::into)
    }

    /// A plain connection to this host itself.
    async fn hop(&self, uri: Uri) -> Result<Link, BoxError> {
        let socket = self.tcp.clone().call(uri).await?;
        Ok(Link::new(socket.into_inner()))
    }

    /// A connection to a proxy, encrypted when its URL says so.
    async fn proxy_hop(&self, proxy: Uri) -> Result<Link, BoxError> {
        let link = self.hop(proxy.clone()).await?;
        if proxy.scheme_str() == Some("https") {
            return self.shake_hands(&self.proxy_tls, link, &proxy).await;
        }
        Ok(link)
    }

    async fn shake_hands(
        &self,
        tls: &TlsConnector,
        link: Link,
        uri: &Uri,
    ) -> Result<Link, BoxError> {
        let host = uri.host().unwrap_or("").trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned())?;
        let handshake = tls.connect(name, link.io.into_inner());
        let encrypted = match self.handshake {
            None => handshake.await?,
            Some(limit) => {
                timeout(limit, handshake).await.map_err(|_| "TLS handshake timeout")??
            }
        };
        let http2 = encrypted.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Link { http2, through_proxy: link.through_proxy, ..Link::new(encrypted) })
    }
}

impl Service<Uri> for Connector {
    type Response = Link;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Link, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.dial(uri, false).await })
    }
}

/// Connects to a proxy.
#[derive(Clone)]
struct Hop(Connector);

impl Service<Uri> for Hop {
    type Response = Link;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Link, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, proxy: Uri) -> Self::Future {
        let Self(connector) = self.clone();
        Box::pin(async move { connector.proxy_hop(proxy).await })
    }
}

trait Io: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Io for T {}

/// An open connection.
pub(crate) struct Link {
    io: TokioIo<Pin<Box<dyn Io>>>,
    through_proxy: bool,
    http2: bool,
}

impl Link {
    fn new(io: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let io: Pin<Box<dyn Io>> = Box::pin(io);
        Self { io: TokioIo::new(io), through_proxy: false, http2: false }
    }

    pub(crate) fn into_io(self) -> impl AsyncRead + AsyncWrite + Unpin + Send + use<> {
        self.io.into_inner()
    }
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.through_proxy);
        if self.http2 { connected.negotiated_h2() } else { connected }
    }
}

impl Read for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, data)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, data)
    }
}
