//! The requests that manage children.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use sluice_config::{ComponentKind, Field, Node, NodeValue, Normal, Type, format_duration};
use sluice_engine::http::{Endpoint, HttpBody, HttpHandler, Mount};
use sluice_engine::{Scope, Stop};
use sluice_value::{Object, Value};
use tokio::sync::Mutex;
use tracing::warn;

use super::children::{Child, Children};
use crate::reply;

/// Longest configuration of a child.
const MAX_BODY: usize = 1 << 20;
/// How long a child may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts children of a kind.
#[async_trait]
pub(super) trait Host: Send + Sync + 'static {
    type Built: Send;

    /// Builds a child that ends by its stop.
    ///
    /// # Errors
    /// It cannot be built.
    fn build(&self, name: &str, config: &Node, stop: &Stop) -> Result<Self::Built, String>;

    /// Starts a child whose name is free.
    ///
    /// # Errors
    /// The component itself is at its end.
    async fn start(&self, name: &str, built: Self::Built, child: &Child) -> Result<(), String>;
}

pub(super) struct Api<H> {
    host: H,
    kind: ComponentKind,
    scope: Scope,
    /// Such as `/prefix/inputs`.
    base: String,
    children: Children,
    /// One change at a time.
    changing: Mutex<()>,
}

impl<H: Host> Api<H> {
    pub(super) fn new(
        host: H,
        kind: ComponentKind,
        prefix: &str,
        scope: &Scope,
        children: Children,
    ) -> Arc<Self> {
        let prefix = prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        let base = format!("{slash}{prefix}/{kind}s");
        let (scope, changing) = (scope.clone(), Mutex::default());
        Arc::new(Self { host, kind, scope, base, children, changing })
    }

    /// Puts the endpoints on the stream's server. Without one the component works all the same.
    pub(super) fn mount(self: &Arc<Self>) -> Vec<Mount> {
        let (base, kind) = (&self.base, self.kind);
        let endpoints = [
            (format!("{base}/{{id}}/uptime"), format!("How long an {kind} has been running.")),
            (format!("{base}/{{id}}"), format!("Reads, sets and removes an {kind}.")),
            (
                base.clone(),
                format!("All {kind}s that were added, and how long they have been running."),
            ),
        ];
        let mut mounts = Vec::new();
        for (path, description) in endpoints {
            let endpoint = Endpoint { path, description };
            let handler: Arc<dyn HttpHandler> = Arc::clone(self) as Arc<dyn HttpHandler>;
            match self.scope.environment().http.mount(endpoint, handler) {
                Ok(mount) => mounts.push(mount),
                Err(problem) => warn!(path = %self.scope.path(), "{problem}"),
            }
        }
        mounts
    }

    /// A child that is about to start.
    pub(super) fn child(&self, config: &Node) -> Child {
        Child::new(self.covered(config), self.scope.stop().child())
    }

    /// A configuration without its secrets.
    fn covered(&self, config: &Node) -> Node {
        let mut field = Field::new("child");
        field.ty = Type::Component(self.kind);
        let mut root = Node::empty_map();
        root.insert("child", config.clone());
        let normal = Normal { scrub: true, ..Normal::default() };
        let document = normal.document(&*self.scope.environment().registry, &[field], &root);
        document.get("child").cloned().unwrap_or_default()
    }

    async fn set(&self, name: &str, text: &str) -> Result<(), String> {
        let config = sluice_config::parse(text).map_err(|error| error.to_string())?;
        if !matches!(config.value, NodeValue::Map(_)) {
            return Err(format!("expected the configuration of an {}", self.kind));
        }
        let _changing = self.changing.lock().await;
        let child = self.child(&config);
        // What cannot be built must not end what runs.
        let built = self.host.build(name, &config, &child.stop)?;
        self.end(name).await?;
        self.children.insert(name, child.clone())?;
        let started = self.host.start(name, built, &child).await;
        if started.is_err() {
            self.children.remove(name);
        }
        started
    }

    async fn remove(&self, name: &str) -> Result<(), String> {
        let _changing = self.changing.lock().await;
        self.end(name).await?;
        self.children.remove(name);
        Ok(())
    }

    /// Ends a child and waits until it has ended.
    async fn end(&self, name: &str) -> Result<(), String> {
        let Some(child) = self.children.get(name) else { return Ok(()) };
        child.stop.drain.cancel();
        if tokio::time::timeout(PATIENCE, child.ended.cancelled()).await.is_ok() {
            return Ok(());
        }
        child.stop.abort.cancel();
        let ended = tokio::time::timeout(PATIENCE, child.ended.cancelled()).await;
        ended.map_err(|_| format!("{} {name} does not end", self.kind))
    }

    fn list(&self) -> Response<HttpBody> {
        let mut list = Object::new();
        for (name, child) in self.children.all() {
            let config = child.config.to_value();
            let mut entry = Object::new();
            entry.insert("uptime", Value::from(uptime(&child)));
            entry.insert("config_raw", Value::from(config.to_string()));
            entry.insert("config", config);
            list.insert(name, Value::Object(entry));
        }
        json(&Value::Object(list))
    }

    async fn answer(&self, request: Request<HttpBody>) -> Response<HttpBody> {
        let path = request.uri().path().to_owned();
        let rest = path.strip_prefix(&self.base).unwrap_or_default().trim_start_matches('/');
        let (name, what) = rest.split_once('/').unwrap_or((rest, ""));
        let method = request.method().clone();
        let known = || {
            let missing = || {
                let line = format!("Dynamic component '{name}' is not active");
                reply::line(StatusCode::NOT_FOUND, line)
            };
            self.children.get(name).ok_or_else(missing)
        };
        let done = |result: Result<(), String>| match result {
            Ok(()) => reply::empty(StatusCode::OK),
            Err(problem) => reply::line(StatusCode::BAD_GATEWAY, format!("Error: {problem}")),
        };
        match (method, name, what) {
            (_, "", _) => self.list(),
            (_, _, "uptime") => match known() {
                Ok(child) => reply::with_body(StatusCode::OK, uptime(&child)),
                Err(missing) => missing,
            },
            (Method::GET, ..) => match known() {
                Ok(child) => json(&child.config.to_value()),
                Err(missing) => missing,
            },
            (Method::POST, ..) => match text_of(request.into_body()).await {
                Ok(text) => done(self.set(name, &text).await),
                Err(problem) => done(Err(problem)),
            },
            (Method::DELETE, ..) => match known() {
                Ok(_) => done(self.remove(name).await),
                Err(missing) => missing,
            },
            (method, ..) => done(Err(format!("verb not supported: {method}"))),
        }
    }
}

#[async_trait]
impl<H: Host> HttpHandler for Api<H> {
    async fn handle(&self, request: Request<HttpBody>) -> Response<HttpBody> {
        self.answer(request).await
    }
}

/// A body as text.
///
/// # Errors
/// It is too long, or the client went away.
async fn text_of(mut body: HttpBody) -> Result<String, String> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| error.to_string())?;
        bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..]));
        if bytes.len() > MAX_BODY {
            return Err(format!("the configuration exceeds {MAX_BODY} bytes"));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn uptime(child: &Child) -> String {
    if child.ended.is_cancelled() {
        "stopped".into()
    } else {
        format_duration(child.since.elapsed())
    }
}

fn json(value: &Value) -> Response<HttpBody> {
    let mut response = reply::with_body(StatusCode::OK, value.to_json());
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}
