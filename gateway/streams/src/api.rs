//! The streams of one API, and the extension that makes them from documents.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http::header::{HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use serde_json::Value as Json;
use sluice_config::Problem;
use sluice_engine::http::{ConsumerGroup, HttpBody, Keepalive, OriginalPath, RemoteAddress};
use sluice_model::Api;
use sluice_plane::{
    ApiExtension, ApiHandler, Body, BoxError, ExtensionError, Fault, Outcome, RequestContext,
    RequestHead, Tenant,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, error, warn};

use crate::instance::{Exchange, HeldBody, Instance};
use crate::mounts::key;
use crate::placeholders::Values;
use crate::refusals::Refusal;
use crate::report;
use crate::settings::StreamSettings;
use crate::shares::{Keys, Share};
use crate::template::Template;

/// Serves the `x-tyk-streaming` part of API documents.
pub struct StreamExtension {
    settings: Arc<StreamSettings>,
}

impl StreamExtension {
    pub fn new(settings: StreamSettings) -> Self {
        Self { settings: Arc::new(settings) }
    }
}

#[async_trait]
impl ApiExtension for StreamExtension {
    async fn load(
        &self,
        api: &Arc<Api>,
        document: &Arc<Json>,
        _previous: Option<&Arc<dyn ApiHandler>>,
    ) -> Result<Arc<dyn ApiHandler>, ExtensionError> {
        if !self.settings.enabled {
            warn!(api = %api.name, "streams are not enabled (streaming.enabled): served as a plain proxy");
            return Ok(Arc::new(NoStreams));
        }
        let streams = streams_of(document)?;
        Ok(Arc::new(StreamApi::start(&api.id, streams, self.settings.clone())))
    }

    fn check(&self, document: &Json) -> Vec<String> {
        let streams = match streams_of(document) {
            Ok(streams) => streams,
            Err(problem) => return vec![problem],
        };
        let check = |(name, document): (&String, &Json)| {
            let refusals = Template::check(name, document, &self.settings).into_iter();
            let stream = format!("x-tyk-streaming.streams.{name}");
            refusals.map(move |Refusal { problem, .. }| {
                let place = if problem.path.is_empty() { "" } else { "." };
                let path = format!("{stream}{place}{}", problem.path);
                Problem { path, ..problem }.to_string()
            })
        };
        streams.iter().flat_map(check).collect()
    }
}

fn streams_of(document: &Json) -> Result<&serde_json::Map<String, Json>, String> {
    match document.get("streams") {
        Some(Json::Object(streams)) => Ok(streams),
        Some(_) => Err("x-tyk-streaming.streams: expected an object of streams by name".into()),
        None => Err("x-tyk-streaming: streams is required".into()),
    }
}

/// Passes everything on.
struct NoStreams;

#[async_trait]
impl ApiHandler for NoStreams {
    async fn handle(&self, request: Request<Body>, _: &RequestContext) -> Outcome {
        Outcome::Continue(request)
    }
}

/// The streams of one version of one API.
pub(crate) struct StreamApi {
    pub(crate) inner: Arc<Inner>,
    _sweeper: AbortOnDropHandle<()>,
}

pub(crate) struct Inner {
    templates: Vec<Template>,
    /// Which template serves a path.
    routes: BTreeMap<String, usize>,
    instances: Mutex<HashMap<(usize, Values), Slot>>,
    /// Instances by the key that started them.
    keys: Arc<Keys>,
    settings: Arc<StreamSettings>,
}

/// The place of an instance, and whose limit it counts for.
struct Slot {
    made: Made,
    _share: Share,
}

/// An instance, made by whoever needs it first. `None`: its definition cannot be built.
type Made = Arc<OnceLock<Option<Arc<Instance>>>>;

impl StreamApi {
    pub(crate) fn start(
        api: &str,
        streams: &serde_json::Map<String, Json>,
        settings: Arc<StreamSettings>,
    ) -> Self {
        let mut templates = Vec::new();
        let mut routes = BTreeMap::new();
        for (name, document) in streams {
            match Template::new(api, name, document, &settings) {
                Ok(template) => {
                    for Refusal { said, .. } in &template.refusals {
                        error!("Failed to start stream {}: {said}", template.id);
                    }
                    for path in &template.routes.paths {
                        routes.entry(path.clone()).or_insert(templates.len());
                    }
                    templates.push(template);
                }
                Err(problem) => error!("Failed to start stream {api}_{name}: {problem}"),
            }
        }
        let (instances, keys) = (Mutex::default(), Arc::default());
        let inner = Arc::new(Inner { templates, routes, instances, keys, settings });
        for (at, template) in inner.templates.iter().enumerate() {
            if template.starts_at_load() {
                inner.instance(at, Values::default(), None);
            }
        }
        let sweeper = tokio::spawn(sweep(inner.clone()));
        Self { inner, _sweeper: AbortOnDropHandle::new(sweeper) }
    }
}

#[async_trait]
impl ApiHandler for StreamApi {
    async fn handle(&self, request: Request<Body>, context: &RequestContext) -> Outcome {
        let path = key(&context.stripped_path);
        let Some(&at) = self.inner.routes.get(path) else { return Outcome::Continue(request) };
        let template = &self.inner.templates[at];
        let fault = |status, message: &str| {
            let hide = self.inner.settings.hide_generator_header;
            Outcome::Answered(Fault::new(status, message).response(request.headers(), hide))
        };
        let key = context.token.as_deref();
        let values = template.values(context, RequestHead::from(&request));
        let instance = match self.inner.instance(at, values, key) {
            Found::Running(instance) => instance,
            Found::Broken => {
                return fault(StatusCode::INTERNAL_SERVER_ERROR, "invalid route handler");
            }
            Found::Full(limit) => {
                self.inner.settings.refuse(limit.name());
                return come_again(fault(limit.status(), limit.text()));
            }
        };
        let Some(handler) = instance.mounts.handler(path) else {
            return fault(StatusCode::INTERNAL_SERVER_ERROR, "invalid route handler");
        };
        let exchange = Arc::new(Exchange(instance));
        let group = template.group(path, context, RequestHead::from(&request));
        let request = engine_request(request, context, group, &exchange);
        let response = handler.handle(request).await;
        Outcome::Answered(plane_response(response, exchange))
    }

    fn unready(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (id, instance) in self.inner.running() {
            let status = instance.status();
            if !status.input_connected() {
                problems.push(format!("stream {id}: input not connected"));
            }
            if !status.output_connected() {
                problems.push(format!("stream {id}: output not connected"));
            }
        }
        problems
    }

    fn tenants(&self, visit: &mut dyn FnMut(Tenant) -> bool) {
        let mut made = self.inner.made();
        made.sort_by(|(a, _), (b, _)| a.cmp(b));
        for ((at, values), instance) in made {
            let template = &self.inner.templates[at];
            if !template.is_background() && !visit(report::line(template, &values, &instance)) {
                return;
            }
        }
    }

    async fn retire(&self) {
        let slots: Vec<Made> = {
            let mut instances = self.inner.lock();
            instances.drain().map(|(_, slot)| slot.made).collect()
        };
        let mut stops = tokio::task::JoinSet::new();
        for instance in slots.into_iter().filter_map(|slot| slot.get().cloned().flatten()) {
            stops.spawn(async move { instance.stop().await });
        }
        stops.join_all().await;
        for template in &self.inner.templates {
            template.stop_observing().await;
        }
    }
}

/// Instances end when nobody uses them: there may be room soon.
fn come_again(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Answered(mut response) => {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            Outcome::Answered(response)
        }
        other @ Outcome::Continue(_) => other,
    }
}

pub(crate) enum Found {
    Running(Arc<Instance>),
    Broken,
    Full(Limit),
}

/// Whose limit of instances was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Api,
    Key,
    Node,
}

impl Limit {
    fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Key => "key",
            Self::Node => "node",
        }
    }

    /// Another node may have room where this one has none; an API or a key has no more anywhere.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Api | Self::Key => StatusCode::TOO_MANY_REQUESTS,
            Self::Node => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Api => "too many stream instances of this API",
            Self::Key => "too many stream instances of this key",
            Self::Node => "too many stream instances",
        }
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(usize, Values), Slot>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The instance of a template for these values, started if nobody has it; then it counts for
    /// the key of the request.
    pub(crate) fn instance(&self, at: usize, values: Values, key: Option<&str>) -> Found {
        let template = &self.templates[at];
        if !template.refusals.is_empty() {
            return Found::Broken;
        }
        let place = (at, values);
        let slot = {
            let mut instances = self.lock();
            if let Some(slot) = instances.get(&place) {
                slot.made.clone()
            } else {
                let settings = &self.settings;
                if settings.is_full() {
                    return Found::Full(Limit::Node);
                }
                if instances.len() >= settings.max_instances {
                    return Found::Full(Limit::Api);
                }
                let Some(share) = Share::take(&self.keys, key, settings.max_instances_of_key)
                else {
                    return Found::Full(Limit::Key);
                };
                let slot = Slot { made: Arc::default(), _share: share };
                instances.entry(place.clone()).or_insert(slot).made.clone()
            }
        };
        let made = slot.get_or_init(|| match template.start(place.1.clone(), &self.settings) {
            Ok(instance) => {
                debug!(stream = %template.id, "stream started");
                Some(Arc::new(instance))
            }
            Err(problem) => {
                error!("Failed to start stream {}: {problem}", template.id);
                None
            }
        });
        made.clone().map_or(Found::Broken, Found::Running)
    }

    fn running(&self) -> Vec<(String, Arc<Instance>)> {
        let named =
            |((at, _), instance): ((usize, Values), _)| (self.templates[at].id.clone(), instance);
        self.made().into_iter().map(named).collect()
    }

    fn made(&self) -> Vec<((usize, Values), Arc<Instance>)> {
        let instances = self.lock();
        let made = instances.iter().filter_map(|(place, slot)| {
            let instance = slot.made.get()?.clone()?;
            Some((place.clone(), instance))
        });
        made.collect()
    }

    /// Takes the instances that nobody uses and nobody has used for the idle limit.
    pub(crate) fn take_idle(&self) -> Vec<Arc<Instance>> {
        let mut idle = Vec::new();
        self.lock().retain(|(at, values), slot| {
            let pinned = self.templates[*at].starts_at_load() && *values == Values::default();
            // The map's is the only reference: no request holds the slot or the instance.
            if pinned || Arc::strong_count(&slot.made) > 1 {
                return true;
            }
            match slot.made.get() {
                Some(Some(instance)) => {
                    let unused = Arc::strong_count(instance) == 1;
                    if unused && instance.idle_for() >= self.settings.idle_limit {
                        idle.push(instance.clone());
                        return false;
                    }
                    true
                }
                _ => false,
            }
        });
        idle
    }
}

/// Ends instances that are no longer used.
async fn sweep(inner: Arc<Inner>) {
    let period =
        (inner.settings.idle_limit / 4).clamp(Duration::from_millis(50), Duration::from_secs(5));
    let mut ticks = tokio::time::interval(period);
    loop {
        ticks.tick().await;
        let mut stops = tokio::task::JoinSet::new();
        for instance in inner.take_idle() {
            stops.spawn(async move { instance.stop().await });
        }
        stops.join_all().await;
    }
}

/// The request as a component sees it: the listen path is stripped from its target.
fn engine_request(
    request: Request<Body>,
    context: &RequestContext,
    group: Option<String>,
    exchange: &Arc<Exchange>,
) -> Request<HttpBody> {
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(RemoteAddress((&*context.connection.peer_ip).into()));
    parts.extensions.insert(OriginalPath(context.path.clone()));
    parts.extensions.insert(Keepalive(exchange.clone()));
    if let Some(group) = group {
        parts.extensions.insert(ConsumerGroup(group));
    }
    let mut target = sluice_plane::path_escape(&context.stripped_path);
    if let Some(query) = parts.uri.query() {
        target.push('?');
        target.push_str(query);
    }
    if let Ok(uri) = Uri::try_from(target) {
        parts.uri = uri;
    }
    Request::from_parts(parts, body.map_err(BoxError::from).boxed_unsync())
}

fn plane_response(response: Response<HttpBody>, exchange: Arc<Exchange>) -> Response<Body> {
    response.map(|body| Body::new(HeldBody { body, _exchange: exchange }))
}
