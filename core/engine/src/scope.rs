//! Where a component is built: its place in the configuration and what it may use.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sluice_config::{Block, ComponentKind, FieldType, Kinds, Node, NodeValue, Parameters, Reader};
use sluice_telemetry::{Counter, Labels, Metrics, Tracer};

use crate::http::HttpHost;
use crate::owner::Owner;
use crate::registry::{Inferred, read_config};
use crate::tenancy::{Leases, Seat, Selection, Tenancy, TenantInput};
use crate::wiring::definition::ErrorLog;
use crate::wiring::{self, Chain, Step};
use crate::{
    BuildError, BuiltBuffer, BuiltInput, BuiltOutput, Cache, RateLimit, Registry, Resources,
    Scanner, Shared, Sink, Source, Stop,
};

/// Most templates that may stand for one another.
const MAX_TEMPLATE_DEPTH: usize = 16;

/// What all components of a stream share.
#[derive(Clone)]
pub struct Environment {
    pub registry: Arc<Registry>,
    pub resources: Resources,
    /// The server that components without an address of their own are mounted on.
    pub http: Arc<dyn HttpHost>,
    pub stop: Stop,
    pub metrics: Metrics,
    pub tracer: Tracer,
    /// Clients shared by all streams of the program.
    pub shared: Shared,
    /// Values of the placeholders, when the stream is an instance of a template.
    pub parameters: Option<Arc<dyn Parameters>>,
    /// Components that may not be used here, because they touch the host.
    pub forbidden: Arc<BTreeSet<(ComponentKind, String)>>,
    /// Name of the stream, empty when there is only one.
    pub stream: String,
    /// Default of `pipeline.threads`.
    pub cores: usize,
    /// Where pipeline threads beyond the first run: a program that serves connections has few threads
    /// for those. `None`: where the stream was started.
    pub crew: Option<tokio::runtime::Handle>,
}

/// A place in the configuration of a stream.
#[derive(Clone)]
pub struct Scope {
    environment: Arc<Environment>,
    label: String,
    /// Such as `root.output.broker.outputs.0`.
    path: String,
    component: String,
    /// Follows the environment's stop; a component that ends its children has one of its own.
    stop: Stop,
    error_log: Option<Arc<ErrorLog>>,
    /// Of an instance of a template.
    tenancy: Option<Arc<Tenancy>>,
    /// See [`Scope::is_relay`].
    is_relay: bool,
    /// Whether something in the stream may look at the metadata of messages.
    metadata_is_read: Arc<AtomicBool>,
}

impl Scope {
    /// The root of a stream's configuration.
    pub fn root(environment: Environment) -> Self {
        let stop = environment.stop.clone();
        Self {
            environment: Arc::new(environment),
            label: String::new(),
            path: "root".into(),
            component: String::new(),
            stop,
            error_log: None,
            tenancy: None,
            is_relay: false,
            metadata_is_read: Arc::new(AtomicBool::new(true)), // not known yet
        }
    }

    /// The same place in a stream of its own, that reads from a broker or does not.
    pub(crate) fn for_stream(&self, is_relay: bool) -> Self {
        Self { is_relay, metadata_is_read: Arc::default(), ..self.clone() }
    }

    /// Whether the stream reads a broker's messages ahead of their delivery: nobody waits for an
    /// answer to a single one, so outputs may gather a little longer.
    pub fn is_relay(&self) -> bool {
        self.is_relay
    }

    /// To be called by a component that [ignores metadata](crate::ComponentSpec::ignores_metadata)
    /// unless it is configured otherwise, and is. Compiling a program that reads metadata calls this.
    pub fn reads_metadata(&self) {
        self.metadata_is_read.store(true, Ordering::Relaxed);
    }

    /// Whether anything in the stream may look at the metadata of messages. Where nothing does, inputs
    /// need not make any. Known when the stream is built: to be asked when messages are read.
    pub fn metadata_is_read(&self) -> bool {
        self.metadata_is_read.load(Ordering::Relaxed)
    }

    /// The same place, in an instance of a template.
    pub fn with_tenancy(&self, tenancy: Tenancy) -> Self {
        Self { tenancy: Some(Arc::new(tenancy)), ..self.clone() }
    }

    /// The same place; the stream will keep only these messages of its input.
    pub(crate) fn with_selection(&self, selection: Option<Selection>) -> Self {
        let Some(tenancy) = &self.tenancy else { return self.clone() };
        let tenancy = Tenancy { selection, ..Tenancy::clone(tenancy) };
        Self { tenancy: Some(Arc::new(tenancy)), ..self.clone() }
    }

    pub(crate) fn has_tenancy(&self) -> bool {
        self.tenancy.is_some()
    }

    /// Whether a value of a request went into a field of this component.
    pub fn is_filled(&self, field: &str) -> bool {
        let Some(tenancy) = &self.tenancy else { return false };
        let path = self.path.strip_prefix("root.").unwrap_or(&self.path);
        tenancy.filled.contains(&format!("{path}.{}.{field}", self.component))
    }

    /// Which messages the stream will keep, if this is its input and that is known.
    pub fn selection(&self) -> Option<&Selection> {
        let tenancy = self.tenancy.as_ref().filter(|_| self.path == "root.input");
        tenancy?.selection.as_ref()
    }

    /// Where the components of an instance of a template meet.
    pub fn seat(&self) -> Option<&Arc<Seat>> {
        self.tenancy.as_ref().map(|tenancy| &tenancy.seat)
    }

    /// What keeps the instance apart from the same one of other nodes.
    pub fn leases(&self) -> Option<&Arc<dyn Leases>> {
        self.tenancy.as_ref()?.leases.as_ref()
    }

    /// The largest part of the time, in hundredths, that reading old messages may have while others
    /// wait for new ones, where that is decided.
    pub fn catch_up_percent(&self) -> Option<u8> {
        self.tenancy.as_ref()?.catch_up_percent
    }

    /// Takes the seat of the instance, if this is its input.
    pub fn take_seat(&self, input: Arc<dyn TenantInput>) {
        if let Some(tenancy) = self.tenancy.as_ref().filter(|_| self.path == "root.input") {
            tenancy.seat.take(input);
        }
    }

    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    pub fn resources(&self) -> &Resources {
        &self.environment.resources
    }

    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// Type name of the component being built.
    pub fn component(&self) -> &str {
        &self.component
    }

    /// The place one level down.
    pub fn below(&self, key: impl std::fmt::Display) -> Self {
        Self { path: format!("{}.{key}", self.path), ..self.clone() }
    }

    /// The same place, stopped on its own as well as with the stream.
    pub fn with_stop(&self, stop: Stop) -> Self {
        Self { stop, ..self.clone() }
    }

    /// Labels of this component's metric series.
    pub fn labels(&self) -> Labels {
        let mut labels = Labels::from([("label", self.label.clone()), ("path", self.path.clone())]);
        if !self.environment.stream.is_empty() {
            labels.insert("stream", self.environment.stream.clone());
        }
        labels
    }

    pub fn counter(&self, name: &str) -> Counter {
        self.environment.metrics.counter(name, &self.labels())
    }

    /// Who marks messages as failed on this component's behalf.
    pub fn owner(&self) -> Owner {
        Owner::new(self, self.error_log.clone())
    }

    /// The same place, with failures of messages logged as this says.
    pub fn with_error_log(&self, error_log: &ErrorLog) -> Self {
        let error_log = error_log.enabled.then(|| Arc::new(error_log.clone()));
        Self { error_log, ..self.clone() }
    }

    /// Reads a configuration, placeholders replaced.
    pub fn read<C: FieldType>(&self, node: &Node) -> Result<C, BuildError> {
        let path = self.path.strip_prefix("root.").unwrap_or(&self.path);
        let reader = Reader::new()
            .with_parameters(self.environment.parameters.as_deref().map(|it| it as &dyn Parameters))
            .at_path(format!("{path}.{}", self.component));
        Ok(read_config(node, reader)?)
    }

    /// Builds a nested input. `key` is its place below this one, such as `broker.inputs.0`.
    pub fn build_input(
        &self,
        block: &Block<Kinds::Input>,
        key: impl std::fmt::Display,
    ) -> Result<Box<dyn Source>, BuildError> {
        self.below(key).input(&block.node)
    }

    /// Builds the input that stands at this place.
    pub fn input(&self, block: &Node) -> Result<Box<dyn Source>, BuildError> {
        let (place, block) = self.expanded(ComponentKind::Input, block)?;
        let block = &*block;
        place.component_of(ComponentKind::Input, block, |scope, name, config| {
            let built = scope.environment.registry.build_input(name, config, scope)?;
            let source: Box<dyn Source> = match built {
                BuiltInput::Source(source) => source,
                BuiltInput::Connector { input, auto_replay_nacks } => {
                    Box::new(wiring::input::WrappedInput::new(input, auto_replay_nacks, scope))
                }
            };
            let chain = scope.processors_of(block)?;
            Ok(wiring::input::with_processors(source, chain))
        })
    }

    pub fn build_output(
        &self,
        block: &Block<Kinds::Output>,
        key: impl std::fmt::Display,
    ) -> Result<Arc<dyn Sink>, BuildError> {
        self.below(key).output(&block.node)
    }

    /// Builds the output that stands at this place.
    pub fn output(&self, block: &Node) -> Result<Arc<dyn Sink>, BuildError> {
        let (place, block) = self.expanded(ComponentKind::Output, block)?;
        let block = &*block;
        place.component_of(ComponentKind::Output, block, |scope, name, config| {
            let built = scope.environment.registry.build_output(name, config, scope)?;
            let sink = match built {
                BuiltOutput::Sink(sink) => sink,
                BuiltOutput::Connector { output, limit, batching } => {
                    let sink: Arc<dyn Sink> =
                        Arc::new(wiring::output::WrappedOutput::new(output, limit, scope));
                    match batching {
                        Some(policy) if policy.is_active() => {
                            wiring::batching::batched_sink(sink, &policy, scope)?
                        }
                        _ => sink,
                    }
                }
            };
            let chain = scope.processors_of(block)?;
            Ok(wiring::output::with_processors(sink, chain))
        })
    }

    pub fn build_processor(
        &self,
        block: &Block<Kinds::Processor>,
        key: impl std::fmt::Display,
    ) -> Result<Step, BuildError> {
        self.below(key).processor(&block.node)
    }

    /// Builds the processor that stands at this place.
    pub fn processor(&self, block: &Node) -> Result<Step, BuildError> {
        let (place, block) = self.expanded(ComponentKind::Processor, block)?;
        let block = &*block;
        place.component_of(ComponentKind::Processor, block, |scope, name, config| {
            let processor = self.environment.registry.build_processor(name, config, scope)?;
            Ok(Step::new(processor, scope))
        })
    }

    /// Builds a list of processors below `key`, such as `processors`.
    pub fn build_chain(
        &self,
        blocks: &[Block<Kinds::Processor>],
        key: impl std::fmt::Display,
    ) -> Result<Chain, BuildError> {
        let list = self.below(key);
        let steps = blocks.iter().enumerate().map(|(at, block)| list.build_processor(block, at));
        steps.collect::<Result<Vec<_>, _>>().map(Chain::new)
    }

    /// The `processors` that an input or output block has beside its component.
    fn processors_of(&self, block: &Node) -> Result<Chain, BuildError> {
        let Some(list) = block.get("processors") else { return Ok(Chain::default()) };
        let scope = self.below("processors");
        let items = list.as_list().unwrap_or_default();
        let steps = items.iter().enumerate().map(|(at, item)| scope.below(at).processor(item));
        steps.collect::<Result<Vec<_>, _>>().map(Chain::new)
    }

    pub fn buffer(&self, block: &Node) -> Result<BuiltBuffer, BuildError> {
        self.component_of(ComponentKind::Buffer, block, |scope, name, config| {
            self.environment.registry.build_buffer(name, config, scope)
        })
    }

    pub fn cache(&self, block: &Node) -> Result<Arc<dyn Cache>, BuildError> {
        let (place, block) = self.expanded(ComponentKind::Cache, block)?;
        let block = &*block;
        place.component_of(ComponentKind::Cache, block, |scope, name, config| {
            let cache = self.environment.registry.build_cache(name, config, scope)?;
            Ok(wiring::metered::cache(cache, scope))
        })
    }

    pub fn rate_limit(&self, block: &Node) -> Result<Arc<dyn RateLimit>, BuildError> {
        let (place, block) = self.expanded(ComponentKind::RateLimit, block)?;
        let block = &*block;
        place.component_of(ComponentKind::RateLimit, block, |scope, name, config| {
            let limit = self.environment.registry.build_rate_limit(name, config, scope)?;
            Ok(wiring::metered::rate_limit(limit, scope))
        })
    }

    pub fn build_scanner(
        &self,
        block: &Block<Kinds::Scanner>,
        key: impl std::fmt::Display,
    ) -> Result<Arc<dyn Scanner>, BuildError> {
        self.below(key).component_of(ComponentKind::Scanner, &block.node, |scope, name, config| {
            self.environment.registry.build_scanner(name, config, scope)
        })
    }

    /// The block that stands for one that names a template, and where it is built.
    fn expanded<'b>(
        &self,
        kind: ComponentKind,
        block: &'b Node,
    ) -> Result<(Cow<'_, Self>, Cow<'b, Node>), BuildError> {
        let mut place = Cow::Borrowed(self);
        let mut block = Cow::Borrowed(block);
        for _ in 0..MAX_TEMPLATE_DEPTH {
            let Ok(Inferred { spec, config, label }) =
                self.environment.registry.infer(kind, &block)
            else {
                return Ok((place, block)); // whoever builds it says what is wrong
            };
            let Some(expand) = spec.expand() else { return Ok((place, block)) };
            if let Some(rename) = spec.rename(label) {
                let metrics = place.environment.metrics.renamed(rename);
                let environment = Environment { metrics, ..(*place.environment).clone() };
                place = Cow::Owned(Self { environment: Arc::new(environment), ..self.clone() });
            }
            let absent = Node::new(block.at, Node::empty_map().value);
            let mut made = expand(config.unwrap_or(&absent))
                .map_err(|error| error.of_component(kind, label, &self.path))?;
            if made.get("label").is_none() && !label.is_empty() {
                made.insert("label", label.into());
            }
            let own = made.remove("processors");
            let (first, second) = match kind {
                ComponentKind::Output => (block.get("processors"), own.as_ref()),
                _ => (own.as_ref(), block.get("processors")),
            };
            let processors: Vec<Node> = [first, second]
                .into_iter()
                .flatten()
                .filter_map(Node::as_list)
                .flatten()
                .cloned()
                .collect();
            if !processors.is_empty() {
                made.insert("processors", Node::new(block.at, NodeValue::List(processors)));
            }
            block = Cow::Owned(made);
        }
        let error = BuildError::new("templates that stand for each other never end");
        Err(error.of_component(kind, "", &self.path))
    }

    fn component_of<T>(
        &self,
        kind: ComponentKind,
        block: &Node,
        build: impl FnOnce(&Self, &str, &Node) -> Result<T, BuildError>,
    ) -> Result<T, BuildError> {
        let registry = &self.environment.registry;
        let Inferred { spec, config, label } = registry
            .infer(kind, block)
            .map_err(|message| BuildError::new(message).of_component(kind, "", &self.path))?;
        let label = match &self.environment.parameters {
            Some(parameters) => parameters.substitute(label).into_owned(),
            None => label.to_owned(),
        };
        let scope = Self { label, component: spec.name.to_owned(), ..self.clone() };
        if spec.reads_metadata() {
            scope.reads_metadata();
        }
        let forbidden = (kind, spec.name.to_owned());
        let built = if self.environment.forbidden.contains(&forbidden) {
            Err(BuildError::new(format!("{kind} {} is not allowed here", spec.name)))
        } else {
            let absent = Node::new(block.at, Node::default().value);
            build(&scope, spec.name, config.unwrap_or(&absent))
        };
        built.map_err(|error| error.of_component(kind, &scope.label, &scope.path))
    }
}
