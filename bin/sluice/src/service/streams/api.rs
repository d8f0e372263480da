//! Managing streams over HTTP.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use sluice_config::lint::{Lint, LintKind, LintOptions, Linter};
use sluice_config::{ComponentKind, Node, NodeValue, Normal, env, format_duration, parse};
use sluice_engine::StreamConfig;
use sluice_engine::http::{Endpoint, HttpBody, HttpHandler, HttpHost, Mount};
use sluice_value::{Object, Value};
use tracing::error;

use super::manager::{Entry, ManageError, Manager};
use crate::commands::Setting;
use crate::config::document::{Document, Findings};
use crate::config::load::{FileLint, read_part};
use crate::config::root;
use crate::config::variables::Variables;
use crate::service::endpoints::{json, ready, text};

/// Largest configuration that is taken.
const MAX_BODY: usize = 16 * 1024 * 1024;

type Reply = Result<Response<HttpBody>, Response<HttpBody>>;

/// What the endpoints need.
struct Api {
    manager: Arc<Manager>,
    variables: Variables,
}

/// Mounts the endpoint that tells whether streams are ready.
pub(super) fn mount_ready(host: &dyn HttpHost, manager: &Arc<Manager>) -> Vec<Mount> {
    let all = Ready { manager: manager.clone() };
    let one = Ready { manager: manager.clone() };
    let endpoints: [(&str, &str, Arc<dyn HttpHandler>); 2] = [
        (
            "/ready",
            "Returns 200 OK if the inputs and outputs of all running streams are connected, \
             otherwise a 503 is returned.",
            Arc::new(all),
        ),
        (
            "/{id}/ready",
            "Returns 200 OK if the inputs and outputs of a stream are connected, otherwise a 503 \
             is returned.",
            Arc::new(one),
        ),
    ];
    mount_all(host, endpoints)
}

/// Mounts the endpoints that manage streams and resources.
pub(super) fn mount(host: &dyn HttpHost, manager: &Arc<Manager>, setting: &Setting) -> Vec<Mount> {
    let api = Arc::new(Api { manager: manager.clone(), variables: setting.variables.clone() });
    let at =
        |answer: Answer| -> Arc<dyn HttpHandler> { Arc::new(Route { api: api.clone(), answer }) };
    let endpoints = [
        (
            "/streams",
            "GET: List all streams along with their status and uptimes. POST: Replace the whole \
             set of streams.",
            at(Answer::Streams),
        ),
        (
            "/streams/{id}",
            "Perform CRUD operations on streams, supporting POST (Create), GET (Read), PUT \
             (Update), PATCH (Patch update) and DELETE (Delete).",
            at(Answer::Stream),
        ),
        (
            "/streams/{id}/stats",
            "GET a structured JSON object containing metrics for the stream.",
            at(Answer::Stats),
        ),
        (
            "/resources/{type}/{id}",
            "POST: Create or replace a given resource configuration of a specified type.",
            at(Answer::Resource),
        ),
    ];
    mount_all(host, endpoints)
}

fn mount_all<const N: usize>(
    host: &dyn HttpHost,
    endpoints: [(&str, &str, Arc<dyn HttpHandler>); N],
) -> Vec<Mount> {
    let mount = |(path, description, handler): (&str, &str, Arc<dyn HttpHandler>)| {
        let endpoint = Endpoint { path: path.into(), description: description.into() };
        host.mount(endpoint, handler).map_err(|error| error!("cannot serve {path}: {error}")).ok()
    };
    endpoints.into_iter().filter_map(mount).collect()
}

struct Ready {
    manager: Arc<Manager>,
}

#[async_trait]
impl HttpHandler for Ready {
    async fn handle(&self, request: Request<HttpBody>) -> Response<HttpBody> {
        let segments = segments(request.uri().path());
        if let [id, _] = segments.as_slice() {
            return match self.manager.get(id) {
                Some(entry) => ready(std::iter::once(&*entry.status)),
                None => text(StatusCode::NOT_FOUND, "404 page not found\n"),
            };
        }
        let all = self.manager.all();
        let mut problems = String::new();
        for (id, entry) in all.iter().filter(|(_, entry)| entry.is_active()) {
            if !entry.status.input_connected() {
                problems.push_str(&format!("stream '{id}': input not connected\n"));
            }
            if !entry.status.output_connected() {
                problems.push_str(&format!("stream '{id}': output not connected\n"));
            }
        }
        if problems.is_empty() {
            text(StatusCode::OK, "OK")
        } else {
            text(StatusCode::SERVICE_UNAVAILABLE, problems)
        }
    }
}

#[derive(Clone, Copy)]
enum Answer {
    Streams,
    Stream,
    Stats,
    Resource,
}

struct Route {
    api: Arc<Api>,
    answer: Answer,
}

#[async_trait]
impl HttpHandler for Route {
    async fn handle(&self, request: Request<HttpBody>) -> Response<HttpBody> {
        let (parts, body) = request.into_parts();
        let asked = Asked {
            method: parts.method,
            segments: segments(parts.uri.path()),
            chilled: parts
                .uri
                .query()
                .unwrap_or_default()
                .split('&')
                .any(|it| it == "chilled=true"),
            body,
        };
        let reply = match self.answer {
            Answer::Streams => self.api.streams(asked).await,
            Answer::Stream => self.api.stream(asked).await,
            Answer::Stats => self.api.stats(&asked),
            Answer::Resource => self.api.resource(asked).await,
        };
        reply.unwrap_or_else(|refusal| refusal)
    }
}

/// A request, taken apart.
struct Asked {
    method: Method,
    segments: Vec<String>,
    /// What the linter says is no reason to refuse.
    chilled: bool,
    body: HttpBody,
}

impl Asked {
    fn segment(&self, at: usize) -> &str {
        self.segments.get(at).map_or("", String::as_str)
    }

    /// The body as a document.
    async fn document(
        &mut self,
        variables: Option<&Variables>,
    ) -> Result<Node, Response<HttpBody>> {
        let body = std::mem::replace(&mut self.body, sluice_engine::http::full_body(""));
        let bytes = whole(body).await?;
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(variables) = variables {
            let replaced = env::replace(&text, |name| variables.get(name));
            if !replaced.missing.is_empty() {
                let names = replaced.missing.join(" ");
                let message = format!("required environment variables were not set: [{names}]");
                return Err(refuse(StatusCode::BAD_REQUEST, message));
            }
            text = replaced.text;
        }
        parse(&text).map_err(|error| refuse(StatusCode::BAD_REQUEST, error))
    }
}

/// # Errors
/// The answer to a body that breaks off or is too large.
async fn whole(mut body: HttpBody) -> Result<Vec<u8>, Response<HttpBody>> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| refuse(StatusCode::BAD_REQUEST, error))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > MAX_BODY {
            let message = format!("the body is larger than {MAX_BODY} bytes");
            return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

impl Api {
    /// `/streams`
    async fn streams(&self, mut asked: Asked) -> Reply {
        match asked.method {
            Method::GET => {
                let all = self.manager.all();
                let fields = all.iter().map(|(id, entry)| (id.as_str().into(), about(entry)));
                Ok(json(&Value::Object(fields.collect())))
            }
            Method::POST => {
                let document = asked.document(None).await?;
                let Some(wanted) = document.as_map() else {
                    return Err(refuse(StatusCode::BAD_REQUEST, "expected an object of streams"));
                };
                let mut streams = Vec::new();
                let mut lints = Vec::new();
                let mut unusable = Vec::new();
                for (key, node) in wanted {
                    let about = |it: String| format!("stream '{}': {it}", key.name);
                    match self.read(node, asked.chilled) {
                        Ok((config, found)) => {
                            lints.extend(found.into_iter().map(about));
                            streams.push((key.name.clone(), node.clone(), config));
                        }
                        Err(why) if wanted.len() == 1 => return Err(why.into()),
                        Err(why) => unusable.extend(why.lines().into_iter().map(about)),
                    }
                }
                if !unusable.is_empty() {
                    unusable.extend(lints);
                    return Err(lint_errors(&unusable));
                }
                pass(&lints, asked.chilled)?;
                for id in self.manager.all().into_keys() {
                    if !streams.iter().any(|(wanted, ..)| *wanted == id) {
                        self.manager.delete(&id).await.map_err(refusal)?;
                    }
                }
                for (id, node, config) in streams {
                    let same = |entry: &Arc<Entry>| entry.submitted.to_value() == node.to_value();
                    if !self.manager.get(&id).as_ref().is_some_and(same) {
                        self.manager.put(&id, node, config).await.map_err(refusal)?;
                    }
                }
                Ok(text(StatusCode::OK, ""))
            }
            _ => Err(refuse(StatusCode::BAD_REQUEST, "method not supported")),
        }
    }

    /// `/streams/{id}`
    async fn stream(&self, mut asked: Asked) -> Reply {
        let id = asked.segment(1).to_owned();
        match asked.method {
            Method::GET => {
                let entry = self.entry(&id)?;
                let mut fields = match about(&entry) {
                    Value::Object(fields) => fields,
                    _ => Object::new(),
                };
                fields.insert("config", entry.submitted.to_value());
                Ok(json(&Value::Object(fields)))
            }
            Method::POST | Method::PUT | Method::PATCH => {
                let method = asked.method.clone();
                if method == Method::POST && self.manager.get(&id).is_some() {
                    return Err(refusal(ManageError::Exists));
                }
                let mut document = asked.document(Some(&self.variables)).await?;
                if method == Method::PATCH {
                    document = merged(&self.entry(&id)?.submitted, &document);
                }
                let (config, lints) = self.read(&document, asked.chilled)?;
                pass(&lints, asked.chilled)?;
                let done = if method == Method::POST {
                    self.manager.create(&id, document, config).await
                } else {
                    self.manager.update(&id, document, config).await
                };
                done.map_err(refusal)?;
                Ok(text(StatusCode::OK, ""))
            }
            Method::DELETE => {
                self.manager.delete(&id).await.map_err(refusal)?;
                Ok(text(StatusCode::OK, ""))
            }
            _ => Err(refuse(StatusCode::BAD_REQUEST, "method not supported")),
        }
    }

    /// `/streams/{id}/stats`
    fn stats(&self, asked: &Asked) -> Reply {
        if asked.method != Method::GET {
            return Err(refuse(StatusCode::BAD_REQUEST, "method not supported"));
        }
        let entry = self.entry(asked.segment(1))?;
        let mut series = entry.metrics.read();
        for series in &mut series {
            series.labels.remove("stream");
        }
        let mut fields = sluice_exporters::flat_object(&series);
        let uptime = u64::try_from(entry.uptime().as_nanos()).unwrap_or(u64::MAX);
        fields.insert("uptime_ns", uptime.into());
        Ok(json(&Value::Object(fields)))
    }

    /// `/resources/{type}/{label}`
    async fn resource(&self, mut asked: Asked) -> Reply {
        if asked.method != Method::POST {
            return Err(refuse(StatusCode::BAD_REQUEST, "method not supported"));
        }
        let kind = match asked.segment(1) {
            "cache" => ComponentKind::Cache,
            "input" => ComponentKind::Input,
            "output" => ComponentKind::Output,
            "processor" => ComponentKind::Processor,
            "rate_limit" => ComponentKind::RateLimit,
            other => {
                let message = format!("resource type not supported: {other}");
                return Err(refuse(StatusCode::BAD_REQUEST, message));
            }
        };
        let label = asked.segment(2).to_owned();
        let block = asked.document(Some(&self.variables)).await?;
        let registry = &*self.manager.sharing().registry;
        let mut linter = Linter::new(registry, LintOptions::default());
        linter.component(kind, &block);
        let lints: Vec<String> = linter.finish().iter().map(ToString::to_string).collect();
        pass(&lints, asked.chilled)?;
        self.manager
            .put_resource(kind, &label, &block)
            .map_err(|error| refuse(StatusCode::BAD_GATEWAY, error))?;
        Ok(text(StatusCode::OK, ""))
    }

    fn entry(&self, id: &str) -> Result<Arc<Entry>, Response<HttpBody>> {
        self.manager.get(id).ok_or_else(|| refusal(ManageError::NotFound))
    }

    /// A stream's configuration, and what the linter says of it.
    fn read(
        &self,
        document: &Node,
        chilled: bool,
    ) -> Result<(StreamConfig, Vec<String>), Unusable> {
        let registry = &*self.manager.sharing().registry;
        let unwritten = Document { root: document.clone(), ..Document::empty() };
        let mut found = unwritten.examine(registry, root::stream_file(), LintOptions::default());
        if chilled {
            found.lints.clear();
        }
        let Findings { shape, lints, misfits } = &found;
        match &shape[..] {
            [one] if lints.is_empty() && misfits.is_empty() => {
                return Err(Unusable::Text(StatusCode::BAD_REQUEST, one.to_string()));
            }
            [] if lints.is_empty() && !misfits.is_empty() => {
                let lines: Vec<String> = misfits.iter().map(ToString::to_string).collect();
                return Err(Unusable::Text(StatusCode::BAD_GATEWAY, lines.join("\n")));
            }
            _ => {}
        }
        let is_readable = shape.is_empty();
        let lints = found.into_lints().into_iter().map(line).collect();
        if !is_readable {
            return Err(Unusable::Lines(lints));
        }
        let known = Normal::default().document(registry, root::stream(), document);
        let config = read_part(&known, root::is_of_engine)
            .map_err(|error| Unusable::Text(StatusCode::BAD_REQUEST, error.to_string()))?;
        Ok((config, lints))
    }
}

/// Why a document cannot be the configuration of a stream.
enum Unusable {
    /// For one reason, or several of one kind.
    Text(StatusCode, String),
    /// For these reasons.
    Lines(Vec<String>),
}

impl Unusable {
    fn lines(self) -> Vec<String> {
        match self {
            Self::Text(_, text) => text.lines().map(str::to_owned).collect(),
            Self::Lines(lines) => lines,
        }
    }
}

impl From<Unusable> for Response<HttpBody> {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Text(status, text) => refuse(status, text),
            Unusable::Lines(lines) => lint_errors(&lines),
        }
    }
}

/// In the words of the linter; of what only building would find, with its path.
fn line(lint: Lint) -> String {
    match lint.kind {
        LintKind::Unfit => FileLint { path: String::new(), lint }.located(),
        _ => lint.to_string(),
    }
}

/// State and age of a stream.
fn about(entry: &Entry) -> Value {
    let uptime = entry.uptime();
    let mut fields = Object::new();
    fields.insert("active", entry.is_active().into());
    fields.insert("uptime", uptime.as_secs_f64().into());
    fields.insert("uptime_str", format_duration(uptime).into());
    Value::Object(fields)
}

/// A document with another laid over it: objects field by field, anything else as a whole.
fn merged(under: &Node, over: &Node) -> Node {
    let (NodeValue::Map(_), NodeValue::Map(fields)) = (&under.value, &over.value) else {
        return over.clone();
    };
    let mut all = under.clone();
    for (key, node) in fields {
        let node = all.get(&key.name).map_or_else(|| node.clone(), |old| merged(old, node));
        all.insert(&key.name, node);
    }
    all
}

fn segments(path: &str) -> Vec<String> {
    path.trim_matches('/').split('/').map(str::to_owned).collect()
}

/// # Errors
/// The answer that lists what the linter says.
fn pass(lints: &[String], chilled: bool) -> Result<(), Response<HttpBody>> {
    if chilled || lints.is_empty() {
        return Ok(());
    }
    Err(lint_errors(lints))
}

fn lint_errors(lines: &[String]) -> Response<HttpBody> {
    let lines: Vec<Value> = lines.iter().map(|line| line.as_str().into()).collect();
    let mut fields = Object::new();
    fields.insert("lint_errors", lines.into());
    let mut response = json(&Value::Object(fields));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

fn refuse(status: StatusCode, error: impl std::fmt::Display) -> Response<HttpBody> {
    text(status, format!("Error: {error}\n"))
}

fn refusal(error: ManageError) -> Response<HttpBody> {
    match error {
        ManageError::Exists => text(StatusCode::BAD_REQUEST, "Stream already exists\n"),
        ManageError::NotFound => text(StatusCode::NOT_FOUND, "Stream not found\n"),
        error @ (ManageError::Build(_) | ManageError::Stuck) => {
            refuse(StatusCode::BAD_GATEWAY, error)
        }
    }
}
