//! A gateway and upstreams on free ports, and a client that shows every byte.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use sluice_model::{Api, ListenPath, Revision, Snapshot, State, Target, Upstream};
use sluice_plane::{
    ApiExtension, Applier, Body, Connection, Drain, Limits, ListenerSettings, Plane, PlaneSettings,
    Refusal, Serve, TlsSettings, listen,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Longest wait for anything that must happen; the machine may be busy with other tests. Shorter
/// than what a gateway waits for by default.
pub(crate) const PATIENCE: Duration = Duration::from_secs(50);

/// An API under `listen`; tests change what they are about.
pub(crate) fn api(id: &str, listen: &str) -> Api {
    Api {
        id: id.into(),
        name: format!("api {id}").into(),
        organisation: "".into(),
        revision: Revision([0; 32]),
        origin: format!("{id}.json").into(),
        domain: None,
        listen_path: ListenPath::new(listen, true).unwrap(),
        state: State::default(),
        expiration: None,
        upstream: Upstream::default(),
        context_variables: false,
        request_size_limit: None,
        extension: None,
    }
}

pub(crate) fn proxy_api(listen: &str, upstream: SocketAddr) -> Api {
    let mut api = api("proxied", listen);
    api.upstream.target = Some(Target::parse(&format!("http://{upstream}/")).unwrap());
    api
}

pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) applier: Applier,
    pub(crate) drain: Drain,
}

/// How a test's gateway differs from the usual one.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) settings: PlaneSettings,
    pub(crate) limits: Limits,
    pub(crate) tls: Option<TlsSettings>,
    pub(crate) extension: Option<Arc<dyn ApiExtension>>,
}

pub(crate) struct Port(pub(crate) Arc<Plane>);

impl Serve for Port {
    async fn serve(&self, request: Request<Body>, connection: &Arc<Connection>) -> Response<Body> {
        self.0.serve(request, connection).await
    }
}

impl Gateway {
    pub(crate) async fn start(apis: impl IntoIterator<Item = Api>) -> Self {
        Self::with(Options::default(), apis).await
    }

    pub(crate) async fn with(options: Options, apis: impl IntoIterator<Item = Api>) -> Self {
        let applier = Applier::new(options.settings, options.extension);
        let drain = Drain::new();
        let listener = ListenerSettings {
            name: "test",
            address: "127.0.0.1".into(),
            port: 0,
            tls: options.tls,
            limits: options.limits,
        };
        let port = Arc::new(Port(applier.plane().clone()));
        let address = listen(listener, port, &drain).await.unwrap();
        let mut gateway = Self { address, applier, drain };
        assert_eq!(gateway.apply(apis).await.len(), 0, "an API was refused");
        gateway
    }

    pub(crate) async fn apply(&mut self, apis: impl IntoIterator<Item = Api>) -> Vec<Refusal> {
        let (snapshot, conflicts) = Snapshot::build(apis.into_iter().map(Arc::new));
        assert_eq!(conflicts.len(), 0, "{conflicts:?}");
        self.applier.apply(&snapshot).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")).await
    }

    /// Sends `request` as it stands and reads until the gateway closes.
    pub(crate) async fn send(&self, request: &str) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut raw = Vec::new();
        // A reset after the answer (unread request bytes) is not what tests are about.
        let read = timeout(PATIENCE, socket.read_to_end(&mut raw)).await;
        let _ = read.expect("the gateway did not close the connection");
        Answer::read(&String::from_utf8(raw).unwrap())
    }
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn read(raw: &str) -> Self {
        let (head, body) = raw.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {raw:?}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            let name: http::HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        let chunked = headers.get("transfer-encoding").is_some();
        let body = if chunked { unchunk(body) } else { body.to_owned() };
        Self { status, headers, body }
    }

    #[track_caller]
    pub(crate) fn expect(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (status, body));
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().unwrap()
    }
}

fn unchunk(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        body.push_str(&rest[..size]);
        text = &rest[size + 2..];
    }
    body
}

pub(crate) fn fault(message: &str) -> String {
    format!("{{\n    \"error\": \"{message}\"\n}}")
}

pub(crate) type UpstreamBody = UnsyncBoxBody<Bytes, Infallible>;

pub(crate) fn text(body: impl Into<Bytes>) -> UpstreamBody {
    UnsyncBoxBody::new(Full::new(body.into()))
}

/// An upstream that answers with `handler`, in whatever HTTP version it is asked.
pub(crate) async fn upstream<F, R>(handler: F) -> SocketAddr
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + 'static,
    R: Future<Output = Response<UpstreamBody>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let handler = handler.clone();
            let service = service_fn(move |request| {
                let answer = handler(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            tokio::spawn(async move {
                let builder = Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    address
}

/// An upstream that answers with what it was sent: request line, sorted headers, body.
pub(crate) async fn echo() -> SocketAddr {
    upstream(|request| async {
        let (parts, body) = request.into_parts();
        let mut lines: Vec<String> = parts
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        lines.sort();
        lines.insert(0, format!("{} {} {:?}", parts.method, parts.uri, parts.version));
        lines.push(String::new());
        let body = body.collect().await.map(http_body_util::Collected::to_bytes);
        lines.push(String::from_utf8_lossy(&body.unwrap_or_default()).into_owned());
        Response::builder()
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("x-kept", "1")
            .body(text(lines.join("\n")))
            .unwrap()
    })
    .await
}
