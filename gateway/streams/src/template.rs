//! One stream definition of a document: parsed once, run for many sets of values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value as Json;
use sluice_config::{ComponentKind, Node, NodeValue, Parameters, Reader};
use sluice_engine::tenancy::Tenancy;
use sluice_engine::{BuildError, Environment, Resources, Scope, Stop, Stream, StreamConfig};
use sluice_plane::{RequestContext, RequestHead};

use crate::definition::{adapt, node_of};
use crate::instance::Instance;
use crate::mounts::{Mounts, key};
use crate::observers::Observation;
use crate::placeholders::{Values, fill_below, filled_below, names_below};
use crate::refusals::{Definition, Refusal};
use crate::routes::Routes;
use crate::settings::StreamSettings;

pub(crate) struct Template {
    /// `<api>_<stream>`, as logs and metrics call it.
    pub(crate) id: String,
    pub(crate) routes: Routes,
    node: Node,
    /// Placeholders whose values make instances different.
    names: BTreeSet<String>,
    /// Values that are the same for every request: secrets.
    constants: Values,
    /// Texts of the consumer groups of HTTP outputs, by path. They tell clients of one instance
    /// apart and make no instance of their own.
    groups: BTreeMap<String, String>,
    forbidden: Arc<BTreeSet<(ComponentKind, String)>>,
    observed: Observed,
    /// Document paths of the fields that values of requests go into.
    filled: Arc<BTreeSet<String>>,
    /// Why it can never start, if so.
    pub(crate) refusals: Vec<Refusal>,
}

impl Template {
    /// # Errors
    /// A placeholder of a secret store that is not there, or a part that an API cannot have.
    pub(crate) fn new(
        api: &str,
        name: &str,
        document: &Json,
        settings: &StreamSettings,
    ) -> Result<Self, String> {
        let Parsed { node, blocks, routes, groups, mut names, mut constants } =
            Parsed::new(name, document, settings)?;
        let refusals = refusals_of(&node, blocks.as_ref(), &routes, &names, &constants, settings);
        let observed = match blocks {
            Some(blocks) if refusals.is_empty() => {
                Observed::new(blocks, &mut names, &mut constants, settings)?
            }
            _ => Observed::Nowhere,
        };
        let filled = filled_by(&node, &names);
        Ok(Self {
            observed,
            filled: Arc::new(filled),
            id: format!("{api}_{name}"),
            routes,
            node,
            names,
            constants,
            groups,
            forbidden: Arc::new(settings.forbidden()),
            refusals,
        })
    }

    /// Why this definition could never start; nothing is kept of it.
    pub(crate) fn check(name: &str, document: &Json, settings: &StreamSettings) -> Vec<Refusal> {
        match Parsed::new(name, document, settings) {
            Err(message) => vec![Refusal::whole(message)],
            Ok(Parsed { node, blocks, routes, names, constants, .. }) => {
                refusals_of(&node, blocks.as_ref(), &routes, &names, &constants, settings)
            }
        }
    }

    /// Runs from load on, whoever comes: nothing to wait for, or requests bring its messages.
    pub(crate) fn starts_at_load(&self) -> bool {
        self.is_background() || (self.names.is_empty() && self.routes.has_input)
    }

    /// Serves no path.
    pub(crate) fn is_background(&self) -> bool {
        is_background(&self.routes)
    }

    /// The values that choose a request's instance.
    pub(crate) fn values(&self, context: &RequestContext, head: RequestHead<'_>) -> Values {
        values_of(self.names.iter().map(String::as_str), context, head)
    }

    /// The consumer group of a request at an HTTP output, where the document has one.
    pub(crate) fn group(
        &self,
        path: &str,
        context: &RequestContext,
        head: RequestHead<'_>,
    ) -> Option<String> {
        let text = self.groups.get(path)?;
        let mut names = BTreeSet::new();
        crate::placeholders::names_in(text, &mut names);
        let mut values = values_of(names.iter().map(String::as_str), context, head);
        values.extend(&self.constants);
        Some(values.substitute(text).into_owned())
    }

    /// Builds and starts an instance.
    ///
    /// # Errors
    /// What is wrong with the definition; nothing was started.
    pub(crate) fn start(
        &self,
        mut values: Values,
        settings: &StreamSettings,
    ) -> Result<Instance, BuildError> {
        values.extend(&self.constants);
        let mounts = Mounts::default();
        let own = match &self.observed {
            Observed::Each(blocks) => Some(observe(blocks, &values, settings)?),
            Observed::Nowhere | Observed::Together(_) => None,
        };
        let mut environment = self.environment(values, mounts.clone(), settings);
        if let Some(observation) = own.as_ref().or(self.observed.together()) {
            environment.metrics = observation.metrics.clone();
            environment.tracer = observation.tracer.clone();
        }
        let parameters = environment.parameters.clone();
        let config: StreamConfig = Reader::new()
            .with_parameters(parameters.as_deref().map(|it| it as &dyn Parameters))
            .read(&self.node)?;
        let resources = environment.resources.clone();
        let scope = Scope::root(environment);
        let (filled, leases) = (self.filled.clone(), settings.leases.clone());
        let catch_up_percent = settings.catch_up_percent;
        let tenancy = Tenancy { filled, leases, catch_up_percent, ..Tenancy::default() };
        let seat = tenancy.seat.clone();
        let scope = match self.names.is_empty() || self.is_background() {
            true => scope,
            false => scope.with_tenancy(tenancy),
        };
        let stream = Stream::start(config.build(&scope)?);
        Ok(Instance::new(stream, resources, mounts, own, seat, settings.count(&self.id)))
    }

    /// Sends what is left of metrics and traces; after the instances have ended.
    pub(crate) async fn stop_observing(&self) {
        if let Some(observation) = self.observed.together() {
            observation.stop().await;
        }
    }

    fn environment(
        &self,
        values: Values,
        mounts: Mounts,
        settings: &StreamSettings,
    ) -> Environment {
        // A background stream has no request to take values from: its placeholders stay literal.
        let parameters: Option<Arc<dyn Parameters>> =
            if self.is_background() && self.constants == Values::default() {
                None
            } else {
                Some(Arc::new(values))
            };
        Environment {
            registry: settings.registry.clone(),
            resources: Resources::default(),
            http: Arc::new(mounts),
            stop: Stop::default(),
            metrics: settings.metrics.clone(),
            tracer: sluice_telemetry::Tracer::default(),
            shared: settings.shared.clone(),
            parameters,
            forbidden: self.forbidden.clone(),
            stream: self.id.clone(),
            // The instances of a template are many and each has little to do.
            cores: if self.names.is_empty() { settings.cores } else { 1 },
            crew: settings.crew.clone(),
        }
    }
}

/// A definition, taken apart.
struct Parsed {
    node: Node,
    blocks: Option<Node>,
    routes: Routes,
    groups: BTreeMap<String, String>,
    names: BTreeSet<String>,
    constants: Values,
}

impl Parsed {
    fn new(name: &str, document: &Json, settings: &StreamSettings) -> Result<Self, String> {
        let expand = settings.expand_environment;
        let lookup = move |name: &str| if expand { std::env::var(name).ok() } else { None };
        let mut node = node_of(document, &lookup);
        let blocks = adapt(&mut node, name);
        let routes = Routes::of(&node);
        let mut groups = BTreeMap::new();
        let mut without_groups = node.clone();
        take_groups(&mut without_groups, &mut groups);
        let (names, constants) = split_names(&without_groups, settings)?;
        Ok(Self { node, blocks, routes, groups, names, constants })
    }
}

fn is_background(routes: &Routes) -> bool {
    routes.paths.is_empty()
}

/// Document paths, consumer groups of HTTP outputs aside, into which one of these values goes.
fn filled_by(node: &Node, names: &BTreeSet<String>) -> BTreeSet<String> {
    let mut without_groups = node.clone();
    take_groups(&mut without_groups, &mut BTreeMap::new());
    let mut filled = BTreeSet::new();
    filled_below(&without_groups, names, &mut String::new(), &mut filled);
    filled
}

fn refusals_of(
    node: &Node,
    blocks: Option<&Node>,
    routes: &Routes,
    names: &BTreeSet<String>,
    constants: &Values,
    settings: &StreamSettings,
) -> Vec<Refusal> {
    let mut filled = filled_by(node, names);
    if let Some(blocks) = blocks {
        let mut all = BTreeSet::new();
        names_below(blocks, &mut all);
        filled_below(blocks, &all, &mut String::new(), &mut filled);
    }
    let stays_literal = is_background(routes) && *constants == Values::default();
    let definition = Definition {
        stream: node,
        observers: blocks,
        constants: (!stays_literal).then_some(constants),
        filled: &filled,
    };
    definition.refusals(&settings.registry)
}

/// Who hears of a stream's metrics and traces.
enum Observed {
    /// The gateway alone.
    Nowhere,
    /// One observer of all instances.
    Together(Observation),
    /// An observer of each instance: values of requests stand in these blocks.
    Each(Node),
}

impl Observed {
    fn new(
        blocks: Node,
        names: &mut BTreeSet<String>,
        constants: &mut Values,
        settings: &StreamSettings,
    ) -> Result<Self, String> {
        let (own, own_constants) = split_names(&blocks, settings)?;
        constants.extend(&own_constants);
        if own.is_empty() {
            let observation = observe(&blocks, constants, settings);
            return observation.map(Self::Together).map_err(|error| error.to_string());
        }
        names.extend(own);
        Ok(Self::Each(blocks))
    }

    fn together(&self) -> Option<&Observation> {
        match self {
            Self::Together(observation) => Some(observation),
            Self::Nowhere | Self::Each(_) => None,
        }
    }
}

fn observe(
    blocks: &Node,
    values: &Values,
    settings: &StreamSettings,
) -> Result<Observation, BuildError> {
    let Some(observers) = &settings.observers else {
        return Err(BuildError::new("metrics and tracer are not supported by this gateway"));
    };
    let mut blocks = blocks.clone();
    fill_below(&mut blocks, values);
    observers.observe(&blocks)
}

/// Placeholders that requests fill, and the values of those that they don't.
fn split_names(
    node: &Node,
    settings: &StreamSettings,
) -> Result<(BTreeSet<String>, Values), String> {
    let mut all = BTreeSet::new();
    names_below(node, &mut all);
    let mut names = BTreeSet::new();
    let mut constants = Values::default();
    for name in all {
        if let Some(secret) = name.strip_prefix("secret_env.") {
            let variable = format!("TYK_SECRET_{}", secret.to_uppercase());
            constants.insert(name, std::env::var(variable).unwrap_or_default());
        } else if let Some(secret) = name.strip_prefix("secret_conf.") {
            let value = settings.secrets.get(secret).cloned().unwrap_or_default();
            constants.insert(name, value);
        } else if name.starts_with("secret_") {
            return Err(format!("${name}: this secret store is not available"));
        } else {
            names.insert(name);
        }
    }
    Ok((names, constants))
}

fn values_of<'a>(
    names: impl Iterator<Item = &'a str>,
    context: &RequestContext,
    head: RequestHead<'_>,
) -> Values {
    let mut values = Values::default();
    for name in names {
        let value = if let Some(variable) = name.strip_prefix("tyk_context.") {
            context.variable(variable, head)
        } else if let Some(variable) = name.strip_prefix("tyk_meta.") {
            context.meta_variable(variable)
        } else {
            continue;
        };
        values.insert(name.to_owned(), value);
    }
    values
}

/// Takes the consumer groups of HTTP outputs out of a stream, by the paths they hold for.
fn take_groups(node: &mut Node, groups: &mut BTreeMap<String, String>) {
    match &mut node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::List(items) => items.iter_mut().for_each(|item| take_groups(item, groups)),
        NodeValue::Map(fields) => {
            for (name, field) in fields {
                if name.name == "http_server" {
                    take_group(field, groups);
                } else {
                    take_groups(field, groups);
                }
            }
        }
    }
}

fn take_group(server: &mut Node, groups: &mut BTreeMap<String, String>) {
    let Some(group) = server.remove("consumer_group") else { return };
    let Some(text) = group.as_text().filter(|text| !text.is_empty()) else { return };
    for (field, default) in
        [("path", "/get"), ("stream_path", "/get/stream"), ("ws_path", "/get/ws")]
    {
        let path = server.get(field).and_then(Node::as_text).unwrap_or(default);
        groups.insert(key(path).to_owned(), text.to_owned());
    }
}
