//! The phases of a request, from its first byte to its answer.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION},
};
use http_body::Body as _;
use jiff::Timestamp;
use tokio_util::task::TaskTracker;
use tracing::debug;

use crate::{
    ApiExtension, ApiHandler, Body, BodyError, Fault, Outcome, PlaneSettings, RequestContext,
    Tenant, plain_text,
    proxy::{Clients, Forward},
    request::{PathRefusal, RequestPath, host},
    router::Route,
    runtime::{ApiRuntime, Table},
    server::Connection,
};

/// Serves the APIs that its [`Applier`](crate::Applier) gave it last.
pub struct Plane {
    pub(crate) settings: PlaneSettings,
    pub(crate) table: ArcSwap<Table>,
    pub(crate) extension: Option<Arc<dyn ApiExtension>>,
    pub(crate) clients: Clients,
    /// Handlers on their way out.
    pub(crate) retiring: TaskTracker,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    unrouted: AtomicU64,
    oversized: AtomicU64,
}

/// What a plane did since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaneCounts {
    /// Requests of any kind.
    pub requests: u64,
    /// Those that no API listened for.
    pub unrouted: u64,
    /// Those refused because of their size.
    pub oversized: u64,
}

/// Something that an API still waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unready {
    /// Name of the API.
    pub api: Arc<str>,
    pub detail: String,
}

impl Plane {
    pub(crate) fn new(settings: PlaneSettings, extension: Option<Arc<dyn ApiExtension>>) -> Self {
        let clients = Clients::new(settings.upstream.clone());
        Self {
            settings,
            table: ArcSwap::default(),
            extension,
            clients,
            retiring: TaskTracker::new(),
            counts: Counts::default(),
        }
    }

    /// Answers one request.
    pub async fn serve(
        &self,
        request: Request<Body>,
        connection: &Arc<Connection>,
    ) -> Response<Body> {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let mut response = self.answer(request, connection).await;
        if self.settings.close_connections {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    pub fn counts(&self) -> PlaneCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        PlaneCounts {
            requests: read(&self.counts.requests),
            unrouted: read(&self.counts.unrouted),
            oversized: read(&self.counts.oversized),
        }
    }

    /// Number of APIs in service.
    pub fn apis(&self) -> usize {
        self.table.load().runtimes.len()
    }

    /// What the APIs in service still wait for.
    pub fn unready(&self) -> Vec<Unready> {
        let table = self.table.load();
        let waiting = table.runtimes.iter().flat_map(|runtime| {
            let details = runtime.handler.iter().flat_map(|handler| handler.unready());
            details.map(|detail| Unready { api: runtime.api.name.clone(), detail })
        });
        waiting.collect()
    }

    /// Calls `visit` with each tenant of the APIs in service, and the API's id, until that says no.
    pub fn tenants(&self, visit: &mut dyn FnMut(&str, Tenant) -> bool) {
        let table = self.table.load();
        let mut goes_on = true;
        for runtime in &table.runtimes {
            if let Some(handler) = runtime.handler.as_ref().filter(|_| goes_on) {
                handler.tenants(&mut |tenant| {
                    goes_on = visit(&runtime.api.id, tenant);
                    goes_on
                });
            }
        }
    }

    async fn answer(
        &self,
        mut request: Request<Body>,
        connection: &Arc<Connection>,
    ) -> Response<Body> {
        let mut exceeded = None;
        if let Some(limit) = self.settings.max_request_body {
            if declared_length(request.headers()).is_some_and(|length| length > limit) {
                return self.too_large();
            }
            exceeded = request.body_mut().limit(limit);
        }
        let uri = request.uri().clone();
        let path = match RequestPath::read(&uri, self.settings.skip_url_cleaning) {
            Ok(path) => path,
            Err(refusal) => return answer_refused_path(refusal),
        };
        let Some(route) = self.route(&request, &path) else {
            self.counts.unrouted.fetch_add(1, Ordering::Relaxed);
            return plain_text(StatusCode::NOT_FOUND, "Not Found", false);
        };
        // Kept for the answer's sake: which error format, which expiry.
        let runtime = route.runtime.clone();
        let content_type = request.headers().get(CONTENT_TYPE).cloned();
        let answer = match self.answer_api(request, &path, route, connection).await {
            Ok(response) => Ok(response),
            Err(Refused::Fault(fault)) => Err(fault),
            Err(Refused::TooLarge) => return self.too_large(),
        };
        // Whatever a handler made of a body that was cut off.
        if exceeded.is_some_and(|exceeded| exceeded.load(Ordering::Relaxed)) {
            return self.too_large();
        }
        let mut response = answer.unwrap_or_else(|fault| {
            let asked = content_type.map(|value| (CONTENT_TYPE, value)).into_iter().collect();
            fault.response(&asked, self.settings.hide_generator_header)
        });
        if let Some(expires) = &runtime.expires {
            response.headers_mut().insert("x-tyk-api-expires", expires.clone());
        }
        response
    }

    fn route(&self, request: &Request<Body>, path: &RequestPath<'_>) -> Option<Route> {
        let host = host(request.uri(), request.headers()).map(without_port);
        if let Some(own) = &self.settings.hostname
            && !host.is_some_and(|host| host.eq_ignore_ascii_case(own))
        {
            return None;
        }
        self.table.load().router.find(host, &path.decoded, self.settings.strict_routes)
    }

    /// The phases that belong to one API.
    async fn answer_api(
        &self,
        mut request: Request<Body>,
        path: &RequestPath<'_>,
        route: Route,
        connection: &Arc<Connection>,
    ) -> Result<Response<Body>, Refused> {
        let runtime = &*route.runtime;
        check_expiry(runtime)?;
        check_declared_size(runtime, &request)?;
        if let Some(handler) = &runtime.handler {
            match self.ask_handler(&**handler, request, path, &route, connection).await? {
                Outcome::Answered(response) => return Ok(ends_with_drain(response, connection)),
                Outcome::Continue(unanswered) => request = unanswered,
            }
        }
        let (Some(upstream), Some(target)) = (&runtime.upstream, &runtime.api.upstream.target)
        else {
            return Err(Refused::Fault(match runtime.handler {
                Some(_) => Fault::not_found(),
                None => Fault::proxying(),
            }));
        };
        let raw_path = if route.by_id || !runtime.api.listen_path.strip() {
            path.raw.to_owned()
        } else {
            path.stripped_raw(&runtime.api.listen_path)
        };
        let timeout = runtime.api.upstream.timeout.unwrap_or(self.settings.upstream.timeout);
        let forward = Forward { api: &runtime.api, target, path: &raw_path, timeout, connection };
        match upstream.forward(request, forward).await {
            Ok(response) => Ok(response),
            Err(error) => {
                debug!(api = %runtime.api.name, error = %error, "not proxied");
                if error.is_oversized_request() {
                    return Err(Refused::TooLarge);
                }
                Err(Refused::Fault(error.fault()))
            }
        }
    }

    async fn ask_handler(
        &self,
        handler: &dyn ApiHandler,
        request: Request<Body>,
        path: &RequestPath<'_>,
        route: &Route,
        connection: &Arc<Connection>,
    ) -> Result<Outcome, Refused> {
        let api = &route.runtime.api;
        let (parts, body) = request.into_parts();
        let mut context = RequestContext::new(
            api.clone(),
            &parts,
            &path.decoded,
            route.by_id,
            connection.clone(),
            self.settings.xff_depth,
        );
        let mut request = Request::from_parts(parts, body);
        if api.context_variables && is_form(&request) {
            request = self.read_form(request, &mut context).await?;
        }
        Ok(handler.handle(request, &context).await)
    }

    /// Reads a form ahead, so that its fields are context variables; the handler still gets it whole.
    async fn read_form(
        &self,
        request: Request<Body>,
        context: &mut RequestContext,
    ) -> Result<Request<Body>, Refused> {
        let (parts, body) = request.into_parts();
        let limit = self.settings.max_form_body;
        if declared_length(&parts.headers).is_some_and(|length| length > limit) {
            return Err(Refused::TooLarge);
        }
        let bytes = match body.bytes(limit).await {
            Ok(bytes) => bytes,
            Err(BodyError::TooLarge { .. }) => return Err(Refused::TooLarge),
            Err(BodyError::Stalled(_)) => {
                return Err(Fault::new(StatusCode::REQUEST_TIMEOUT, "Request timed out").into());
            }
            Err(BodyError::Broken(_)) => {
                return Err(Fault::new(StatusCode::BAD_REQUEST, "Bad request").into());
            }
        };
        context.set_form(bytes.clone());
        Ok(Request::from_parts(parts, Body::from(bytes)))
    }

    fn too_large(&self) -> Response<Body> {
        self.counts.oversized.fetch_add(1, Ordering::Relaxed);
        let mut response =
            plain_text(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large\n", true);
        // The rest of the body is not read, so the connection can't be used again.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// Why a request was refused by the gateway itself.
enum Refused {
    Fault(Fault),
    TooLarge,
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// An answer of unknown length may go on for ever: shutdown ends it instead of waiting.
fn ends_with_drain(response: Response<Body>, connection: &Connection) -> Response<Body> {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| body.until(connection.draining().clone()))
}

fn answer_refused_path(refusal: PathRefusal) -> Response<Body> {
    let bad = || plain_text(StatusCode::BAD_REQUEST, "400 Bad Request", false);
    let PathRefusal::Moved(location) = refusal else { return bad() };
    let Ok(location) = HeaderValue::try_from(location) else { return bad() };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response.headers_mut().insert(LOCATION, location);
    response
}

fn check_expiry(runtime: &ApiRuntime) -> Result<(), Fault> {
    match &runtime.api.expiration {
        Some(expiration) if expiration.has_passed(Timestamp::now()) => Err(Fault::new(
            StatusCode::FORBIDDEN,
            "API has expired, please check documentation or contact administrator",
        )),
        _ => Ok(()),
    }
}

/// An API with a size limit wants to know the size beforehand, for methods that have a body.
fn check_declared_size(runtime: &ApiRuntime, request: &Request<Body>) -> Result<(), Fault> {
    let Some(limit) = runtime.api.request_size_limit else { return Ok(()) };
    let bodiless = [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS, Method::TRACE];
    match declared_length(request.headers()) {
        Some(length) if length > limit => {
            Err(Fault::new(StatusCode::BAD_REQUEST, "Request is too large"))
        }
        None if !bodiless.contains(request.method()) => Err(Fault::new(
            StatusCode::LENGTH_REQUIRED,
            "Content length is required for this request",
        )),
        _ => Ok(()),
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_form(request: &Request<Body>) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        && [Method::POST, Method::PUT, Method::PATCH].contains(request.method())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether `error` or one of its causes is a body over its limit.
pub(crate) fn oversized(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(BodyError::TooLarge { .. }) = error.downcast_ref::<BodyError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
