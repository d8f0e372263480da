//! A gateway in a folder of its own, and a plain HTTP client.

use std::{convert::Infallible, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use serde_json::{Value, json};
use sluice_model::Api;
use sluice_plane::{ApiExtension, ApiHandler, Body, ExtensionError, Outcome, RequestContext};
use sluice_tyk::{Gateway, Options, Running, SHIPPED_SECRET, Settings};
use tempfile::TempDir;
use tokio::{net::TcpListener, time::timeout};

pub(crate) const DASHBOARD_KEY: &str = "key-of-the-dashboard";
/// Longest wait for anything that must happen; the machine may be busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A gateway with what it reads and writes.
pub(crate) struct Setup {
    pub(crate) running: Running,
    pub(crate) folder: TempDir,
}

/// What a test's gateway is made of, before it starts.
pub(crate) struct Plan {
    pub(crate) folder: TempDir,
    pub(crate) settings: Value,
    pub(crate) apis: Vec<PathBuf>,
}

impl Plan {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("apps")).unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let settings = json!({
            "listen_address": "127.0.0.1",
            "app_path": path("apps"),
            "database": path("sluice.db"),
            "reload_interval": 0.01,
            "graceful_shutdown_timeout_duration": 5,
            "streaming": {"enabled": true},
            "dashboard": {"enabled": true, "listen_port": 0, "api_key": DASHBOARD_KEY}
        });
        Self { folder, settings, apis: Vec::new() }
    }

    pub(crate) fn set(mut self, name: &str, value: Value) -> Self {
        self.settings[name] = value;
        self
    }

    pub(crate) fn file(self, name: &str, content: impl AsRef<str>) -> Self {
        std::fs::write(self.folder.path().join("apps").join(name), content.as_ref()).unwrap();
        self
    }

    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::from_value(self.settings.clone()).unwrap();
        // A free port; the configuration itself has no way to ask for one.
        settings.listen_port = 0;
        settings
    }

    pub(crate) async fn start(self) -> Setup {
        let settings = self.settings();
        let extension: Arc<dyn ApiExtension> = Arc::new(Names);
        let options = Options { settings, apis: self.apis, extension: Some(extension) };
        let running = Gateway::start(options).await.unwrap();
        Setup { running, folder: self.folder }
    }
}

/// Stands in for streams: each stream's name is a path that answers with the API's name and the
/// variable `request_data_user`; a stream `broken` can't be loaded, one called `offline` never connects.
struct Names;

struct NamesHandler {
    name: String,
    streams: Vec<String>,
}

#[async_trait]
impl ApiExtension for Names {
    async fn load(
        &self,
        api: &Arc<Api>,
        document: &Arc<Value>,
        _previous: Option<&Arc<dyn ApiHandler>>,
    ) -> Result<Arc<dyn ApiHandler>, ExtensionError> {
        let streams = document["streams"].as_object().ok_or("streams is required")?;
        if streams.contains_key("broken") {
            return Err("stream broken: can't be built".into());
        }
        let streams = streams.keys().cloned().collect();
        Ok(Arc::new(NamesHandler { name: api.name.to_string(), streams }))
    }

    fn check(&self, document: &Value) -> Vec<String> {
        if document["streams"].is_object() {
            Vec::new()
        } else {
            vec!["x-tyk-streaming: streams is required".into()]
        }
    }
}

#[async_trait]
impl ApiHandler for NamesHandler {
    async fn handle(&self, request: Request<Body>, context: &RequestContext) -> Outcome {
        if !self.streams.iter().any(|name| format!("/{name}") == context.stripped_path) {
            return Outcome::Continue(request);
        }
        let user = context.variable("request_data_user", &request);
        Outcome::Answered(Response::new(Body::from(format!("{} for {user}", self.name))))
    }

    fn unready(&self) -> Vec<String> {
        let offline = self.streams.iter().any(|name| name == "offline");
        if offline { vec!["stream offline: no broker at 127.0.0.1:1".into()] } else { Vec::new() }
    }
}

/// An answer, complete.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (status, body));
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

pub(crate) async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let sent = client.request(request.body(Full::new(body.into())).unwrap());
    let (parts, body) = timeout(PATIENCE, sent).await.unwrap().unwrap().into_parts();
    let body = timeout(PATIENCE, body.collect()).await.unwrap().unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

impl Setup {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.running.addresses.data, "GET", path, &[], "").await
    }

    /// A management call with the secret.
    pub(crate) async fn tyk(&self, method: &str, path: &str, body: &str) -> Answer {
        let headers = [("x-tyk-authorization", SHIPPED_SECRET)];
        let address = self.running.addresses.control.unwrap_or(self.running.addresses.data);
        send(address, method, path, &headers, body.to_owned()).await
    }

    /// A dashboard call with its key and content type.
    pub(crate) async fn dashboard(&self, method: &str, path: &str, body: &str) -> Answer {
        let headers =
            [("authorization", DASHBOARD_KEY), ("content-type", "application/vnd.tyk.streams.oas")];
        let address = self.running.addresses.dashboard.unwrap();
        send(address, method, path, &headers, body.to_owned()).await
    }

    pub(crate) fn put_file(&self, name: &str, content: impl AsRef<str>) {
        std::fs::write(self.folder.path().join("apps").join(name), content.as_ref()).unwrap();
    }

    /// Reloads; the troubles as text.
    pub(crate) async fn reload(&self) -> Vec<String> {
        let report = self.running.reload().await.unwrap();
        report.troubles.iter().map(ToString::to_string).collect()
    }

    /// Stops this gateway and starts another on the same folder.
    pub(crate) async fn restart(self, settings: &Value) -> Self {
        let Self { running, folder } = self;
        running.shutdown().await;
        Plan { folder, settings: settings.clone(), apis: Vec::new() }.start().await
    }
}

/// A complete document; tests change what they are about.
pub(crate) fn document(name: &str, listen_path: &str, upstream: &str) -> Value {
    json!({
        "openapi": "3.0.3",
        "info": {"title": name, "version": "1.0.0"},
        "paths": {},
        "x-tyk-api-gateway": {
            "info": {"id": format!("id-{name}"), "name": name, "state": {"active": true}},
            "server": {"listenPath": {"value": listen_path, "strip": true}},
            "upstream": {"url": upstream},
            "middleware": {"global": {"contextVariables": {"enabled": true}}}
        }
    })
}

/// A document with streams of these names.
pub(crate) fn streams(name: &str, listen_path: &str, streams: &[&str]) -> Value {
    let mut document = document(name, listen_path, "");
    for stream in streams {
        document["x-tyk-streaming"]["streams"][*stream] = json!({});
    }
    document
}

/// An upstream that answers with the path it was asked for.
pub(crate) async fn upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service_fn(|request: Request<hyper::body::Incoming>| async move {
                let path = request.uri().path().to_owned();
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(path))))
            });
            tokio::spawn(async move {
                let builder = Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    format!("http://{address}/")
}

pub(crate) fn fault(message: &str) -> String {
    format!("{{\n    \"error\": \"{message}\"\n}}")
}
