//! The program's own HTTP endpoints: is it alive, is it ready, what does it count.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use sluice_engine::StreamStatus;
use sluice_engine::http::{Endpoint, HttpBody, HttpHandler, HttpHost, Mount, full_body};
use sluice_http::Server;
use sluice_value::{Object, Value};
use tracing::error;

use super::observe::Observed;
use super::{Start, debug};
use crate::commands::{BUILT, VERSION};
use crate::config::root;

/// Answers by a function that needs nothing of the request.
struct Answer<F>(F);

#[async_trait]
impl<F: Fn() -> Response<HttpBody> + Send + Sync> HttpHandler for Answer<F> {
    async fn handle(&self, _: Request<HttpBody>) -> Response<HttpBody> {
        (self.0)()
    }
}

/// Whether streams are connected. Streams come and go.
#[derive(Clone, Default)]
pub(super) struct Readiness {
    streams: Arc<Mutex<Vec<Arc<StreamStatus>>>>,
}

impl Readiness {
    /// Watches this stream, in place of any other.
    pub(super) fn watch(&self, status: &Arc<StreamStatus>) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        *streams = vec![status.clone()];
    }

    fn answer(&self) -> Response<HttpBody> {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        ready(streams.iter().map(|status| &**status))
    }
}

/// What `/ready` says of these streams.
pub(super) fn ready<'a>(streams: impl Iterator<Item = &'a StreamStatus>) -> Response<HttpBody> {
    let mut problems = String::new();
    for status in streams {
        if status.has_ended() {
            return text(StatusCode::NOT_FOUND, "Stream terminated\n");
        }
        if !status.input_connected() {
            problems.push_str("input not connected\n");
        }
        if !status.output_connected() {
            problems.push_str("output not connected\n");
        }
    }
    if problems.is_empty() {
        text(StatusCode::OK, "OK")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, problems)
    }
}

/// Mounts the endpoints. They are gone when the mounts are dropped.
pub(super) fn mount(observed: &Observed, start: &Start, readiness: &Readiness) -> Vec<Mount> {
    let host = observed.server.host();
    let readiness = readiness.clone();
    let mut mounts = common(observed);
    mounts.extend(endpoint(
        &*host,
        "/ready",
        "Returns 200 OK if all inputs and outputs are connected, otherwise a 503 is returned.",
        move || readiness.answer(),
    ));
    mounts.extend(debug::mount(&*host, start, root::full()));
    mounts
}

/// Endpoints of every mode.
pub(super) fn common(observed: &Observed) -> Vec<Mount> {
    let host = observed.server.host();
    let mut mounts = Vec::new();
    mounts.extend(endpoint(&*host, "/ping", "Ping me.", || text(StatusCode::OK, "pong")));
    mounts.extend(endpoint(&*host, "/version", "Returns the service version.", || {
        let fields = [("version", VERSION), ("built", BUILT)];
        let fields: Object =
            fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        json(&Value::Object(fields))
    }));
    // The server holds the handler, so the handler must not hold the server.
    let server: Weak<Server> = Arc::downgrade(&observed.server);
    mounts.extend(endpoint(&*host, "/endpoints", "Returns this map of endpoints.", move || {
        let endpoints = server.upgrade().map(|server| server.endpoints()).unwrap_or_default();
        let fields: Object = endpoints
            .into_iter()
            .map(|it| (it.path.as_str().into(), Value::from(it.description)))
            .collect();
        json(&Value::Object(fields))
    }));
    for path in ["/stats", "/metrics"] {
        let (exporter, metrics) = (observed.exporter.clone(), observed.metrics.clone());
        if !exporter.is_scraped() {
            continue; // this exporter sends metrics elsewhere
        }
        let description = "Returns service metrics in the format of the configured exporter.";
        mounts.extend(endpoint(&*host, path, description, move || {
            match exporter.scrape(metrics.read()) {
                None => text(StatusCode::NOT_FOUND, "404 page not found\n"),
                Some(scrape) => {
                    let mut response = Response::new(full_body(scrape.text));
                    let content_type = HeaderValue::from_static(scrape.content_type);
                    response.headers_mut().insert(CONTENT_TYPE, content_type);
                    response
                }
            }
        }));
    }
    mounts
}

/// Mounts an endpoint that needs nothing of the request.
pub(super) fn endpoint(
    host: &dyn HttpHost,
    path: &str,
    description: &str,
    answer: impl Fn() -> Response<HttpBody> + Send + Sync + 'static,
) -> Option<Mount> {
    let endpoint = Endpoint { path: path.into(), description: description.into() };
    host.mount(endpoint, Arc::new(Answer(answer)))
        .map_err(|error| error!("cannot serve {path}: {error}"))
        .ok()
}

pub(super) fn text(status: StatusCode, body: impl Into<String>) -> Response<HttpBody> {
    let mut response = Response::new(full_body(body.into()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

pub(super) fn json(value: &Value) -> Response<HttpBody> {
    let mut response = Response::new(full_body(value.to_json()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
