//! Which components exist, and how each is built from its configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice_config::lint::{ComponentEntry, Components, infer_component, suggestion};
use sluice_config::{ComponentKind, Field, FieldType, Node, Problems, Reader, Rule};

use sluice_bloblang::Environment as Language;
use sluice_telemetry::Rename;

use crate::mapping::Programs;
use crate::wiring::batching::BatchPolicy;
use crate::{Cache, InFlight, Input, Output, Processor, RateLimit, Scanner, Scope, Sink, Source};

/// What a component builder made of an input.
pub enum BuiltInput {
    /// A connector, which the engine wraps.
    Connector {
        input: Arc<dyn Input>,
        /// Keep failed batches and send them again, instead of telling the source.
        auto_replay_nacks: bool,
    },
    Source(Box<dyn Source>),
}

impl BuiltInput {
    pub fn connector(input: impl Input + 'static, auto_replay_nacks: bool) -> Self {
        Self::Connector { input: Arc::new(input), auto_replay_nacks }
    }

    pub fn source(source: impl Source + 'static) -> Self {
        Self::Source(Box::new(source))
    }
}

/// What a component builder made of an output.
pub enum BuiltOutput {
    /// A connector, which the engine wraps.
    Connector {
        output: Arc<dyn Output>,
        limit: InFlight,
        batching: Option<BatchPolicy>,
    },
    Sink(Arc<dyn Sink>),
}

impl BuiltOutput {
    pub fn connector(output: impl Output + 'static, max_in_flight: usize) -> Self {
        let limit = InFlight::of(max_in_flight);
        Self::Connector { output: Arc::new(output), limit, batching: None }
    }

    /// A connector that puts small writes into one request anyway: [`InFlight::gathering`].
    pub fn gathering(output: impl Output + 'static, max_in_flight: usize) -> Self {
        let limit = InFlight::gathering(max_in_flight);
        Self::Connector { output: Arc::new(output), limit, batching: None }
    }

    /// Forms batches by `policy` in front of the connector.
    pub fn batched(self, policy: BatchPolicy) -> Self {
        match self {
            Self::Connector { output, limit, .. } => {
                Self::Connector { output, limit, batching: Some(policy) }
            }
            sink @ Self::Sink(_) => sink,
        }
    }

    pub fn sink(sink: impl Sink + 'static) -> Self {
        Self::Sink(Arc::new(sink))
    }
}

/// Puts a buffer behind a source.
pub type BuiltBuffer = Box<dyn FnOnce(Box<dyn Source>) -> Box<dyn Source> + Send>;

type Builder<T> = Box<dyn Fn(&Node, &Scope) -> Result<T, BuildError> + Send + Sync>;

/// How mature a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Stable,
    Beta,
    Experimental,
    Deprecated,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Beta => "beta",
            Self::Experimental => "experimental",
            Self::Deprecated => "deprecated",
        }
    }
}

/// One component: its field table, documentation and builder.
pub struct ComponentSpec {
    pub kind: ComponentKind,
    pub name: &'static str,
    pub status: Status,
    /// Markdown; the first paragraph is the summary.
    pub doc: &'static str,
    pub categories: &'static [&'static str],
    /// What stands under the component's key: an object with fields, or a bare value.
    pub config: Field,
    build: Build,
    /// Reads a configuration as the builder will; none where the table is all there is.
    read: Option<ReadCheck>,
    rename: Option<RenameOf>,
    reads_ahead: Option<ReadsAhead>,
    ignores_metadata: bool,
}

/// Whether an input with this configuration reads many messages ahead of their delivery.
pub type ReadsAhead = fn(&Node) -> bool;

/// Everything that does not fit in a configuration.
type ReadCheck = fn(&Node, Reader<'_>) -> Problems;

enum Build {
    Input(Builder<BuiltInput>),
    Buffer(Builder<BuiltBuffer>),
    Processor(Builder<Processor>),
    Output(Builder<BuiltOutput>),
    Cache(Builder<Arc<dyn Cache>>),
    RateLimit(Builder<Arc<dyn RateLimit>>),
    Scanner(Builder<Arc<dyn Scanner>>),
    /// Becomes a block of the same kind, which is then built.
    Template(Expand),
    /// Built by whoever runs the program, from the field table alone.
    Elsewhere,
}

/// Makes the block that a template's configuration stands for.
pub type Expand = Box<dyn Fn(&Node) -> Result<Node, BuildError> + Send + Sync>;

/// How series are called of a template that has this label.
pub type RenameOf = Box<dyn Fn(&str) -> Arc<Rename> + Send + Sync>;

impl ComponentSpec {
    pub fn status(&mut self, status: Status) -> &mut Self {
        self.status = status;
        self
    }

    pub fn doc(&mut self, doc: &'static str) -> &mut Self {
        self.doc = doc;
        self
    }

    pub fn categories(&mut self, categories: &'static [&'static str]) -> &mut Self {
        self.categories = categories;
        self
    }

    /// What the linter asks of the configuration as a whole.
    pub fn lint(&mut self, rule: Rule) -> &mut Self {
        self.config.rule = Some(rule);
        self
    }

    /// Gives the series of what a template stands for other names.
    pub fn renames_metrics(&mut self, rename: RenameOf) -> &mut Self {
        self.rename = Some(rename);
        self
    }

    /// Says which configurations of this input let a [relay](crate::Scope::is_relay) gather.
    pub fn reads_ahead(&mut self, rule: ReadsAhead) -> &mut Self {
        self.reads_ahead = Some(rule);
        self
    }

    /// Says that this component passes the metadata of messages on without a look, save where its
    /// mappings and interpolations read them or it [says so itself](crate::Scope::reads_metadata).
    pub fn ignores_metadata(&mut self) -> &mut Self {
        self.ignores_metadata = true;
        self
    }

    /// Whether the component may look at the metadata of messages: all do that handle messages and
    /// do not say otherwise.
    pub(crate) fn reads_metadata(&self) -> bool {
        use ComponentKind::{Buffer, Input, Output, Processor};
        !self.ignores_metadata && matches!(self.kind, Input | Buffer | Processor | Output)
    }

    pub(crate) fn is_read_ahead(&self, config: &Node) -> bool {
        self.reads_ahead.is_some_and(|rule| rule(config))
    }

    pub(crate) fn rename(&self, label: &str) -> Option<Arc<Rename>> {
        self.rename.as_ref().map(|rename| rename(label))
    }

    /// What reading this configuration would refuse.
    pub(crate) fn misfits(&self, config: &Node, reader: Reader<'_>) -> Problems {
        self.read.map(|read| read(config, reader)).unwrap_or_default()
    }

    pub(crate) fn expand(&self) -> Option<&Expand> {
        match &self.build {
            Build::Template(expand) => Some(expand),
            _ => None,
        }
    }
}

/// All components by kind and name, and the language that their mappings are written in.
#[derive(Default)]
pub struct Registry {
    language: Language,
    programs: Programs,
    components: BTreeMap<ComponentKind, BTreeMap<&'static str, ComponentSpec>>,
}

macro_rules! register {
    ($(#[doc = $doc:literal] $method:ident, $variant:ident, $built:ty, $getter:ident;)*) => { $(
        #[doc = $doc]
        pub fn $method<C: FieldType + 'static>(
            &mut self,
            name: &'static str,
            build: fn(C, &Scope) -> Result<$built, BuildError>,
        ) -> &mut ComponentSpec {
            let builder: Builder<$built> = Box::new(move |node, scope| build(scope.read(node)?, scope));
            self.add::<C>(ComponentKind::$variant, name, Build::$variant(builder))
        }

        pub(crate) fn $getter(&self, name: &str, node: &Node, scope: &Scope) -> Result<$built, BuildError> {
            match self.get(ComponentKind::$variant, name).map(|spec| &spec.build) {
                Some(Build::$variant(build)) => build(node, scope),
                _ => Err(BuildError::new(format!("unknown {} type {name}", ComponentKind::$variant))),
            }
        }
    )* };
}

impl Registry {
    /// The functions and methods of mappings, and which files they may read: none by default.
    pub fn language(&self) -> &Language {
        &self.language
    }

    pub fn set_language(&mut self, language: Language) {
        self.language = language;
        self.programs = Programs::default();
    }

    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    register! {
        #[doc = "Registers an input whose configuration reads as `C`."]
        input, Input, BuiltInput, build_input;
        #[doc = "Registers a buffer."]
        buffer, Buffer, BuiltBuffer, build_buffer;
        #[doc = "Registers a processor."]
        processor, Processor, Processor, build_processor;
        #[doc = "Registers an output."]
        output, Output, BuiltOutput, build_output;
        #[doc = "Registers a cache."]
        cache, Cache, Arc<dyn Cache>, build_cache;
        #[doc = "Registers a rate limit."]
        rate_limit, RateLimit, Arc<dyn RateLimit>, build_rate_limit;
        #[doc = "Registers a scanner."]
        scanner, Scanner, Arc<dyn Scanner>, build_scanner;
    }

    /// Registers a metrics exporter or tracer: only its field table, for lint and documentation.
    pub fn described<C: FieldType + 'static>(
        &mut self,
        kind: ComponentKind,
        name: &'static str,
    ) -> &mut ComponentSpec {
        self.add::<C>(kind, name, Build::Elsewhere)
    }

    /// Registers a component that stands for a block of other components of its kind.
    pub fn template(
        &mut self,
        kind: ComponentKind,
        name: &'static str,
        config: Field,
        expand: Expand,
    ) -> &mut ComponentSpec {
        self.insert(kind, name, config, Build::Template(expand))
    }

    fn add<C: FieldType>(
        &mut self,
        kind: ComponentKind,
        name: &'static str,
        build: Build,
    ) -> &mut ComponentSpec {
        let mut config = Field::new(name);
        C::describe(&mut config);
        let spec = self.insert(kind, name, config, build);
        spec.read = Some(|node, reader| read_config::<C>(node, reader).err().unwrap_or_default());
        spec
    }

    fn insert(
        &mut self,
        kind: ComponentKind,
        name: &'static str,
        config: Field,
        build: Build,
    ) -> &mut ComponentSpec {
        let spec = ComponentSpec {
            kind,
            name,
            status: Status::Stable,
            doc: "",
            categories: &[],
            config,
            build,
            read: None,
            rename: None,
            reads_ahead: None,
            ignores_metadata: false,
        };
        let components = self.components.entry(kind).or_default();
        components.insert(name, spec);
        components.get_mut(name).expect("just inserted")
    }

    pub fn get(&self, kind: ComponentKind, name: &str) -> Option<&ComponentSpec> {
        self.components.get(&kind)?.get(name)
    }

    /// The components of a kind, by name.
    pub fn of_kind(&self, kind: ComponentKind) -> impl Iterator<Item = &ComponentSpec> {
        self.components.get(&kind).into_iter().flat_map(BTreeMap::values)
    }

    /// Finds which component a block holds.
    ///
    /// # Errors
    /// None or several of the block's keys name a component of this kind.
    pub fn infer<'a>(
        &'a self,
        kind: ComponentKind,
        block: &'a Node,
    ) -> Result<Inferred<'a>, String> {
        let entry = infer_component(self, kind, block).map_err(|message| {
            match suggestion(self, kind, block) {
                Some(hint) => format!("{message} ({hint})"),
                None => message,
            }
        })?;
        let spec = self.get(kind, entry.name).expect("inferred from this registry");
        let config = block.get(spec.name).or_else(|| block.get("plugin"));
        Ok(Inferred { spec, config, label: label(block) })
    }
}

impl Components for Registry {
    fn component(&self, kind: ComponentKind, name: &str) -> Option<ComponentEntry<'_>> {
        let spec = self.get(kind, name)?;
        let is_deprecated = spec.status == Status::Deprecated;
        Some(ComponentEntry { name: spec.name, config: &spec.config, is_deprecated })
    }

    fn names(&self, kind: ComponentKind) -> Vec<&str> {
        self.of_kind(kind).map(|spec| spec.name).collect()
    }
}

/// Which component a block holds.
pub struct Inferred<'a> {
    pub spec: &'a ComponentSpec,
    /// What stands under the component's key, if anything.
    pub config: Option<&'a Node>,
    pub label: &'a str,
}

fn label(block: &Node) -> &str {
    block.get("label").and_then(Node::as_text).unwrap_or("")
}

/// Why a component could not be built. Nothing was started.
#[derive(Clone, Debug, Default)]
pub struct BuildError {
    message: String,
    problems: Problems,
}

impl BuildError {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), problems: Problems::default() }
    }

    /// The problems of the document, with their places; empty when the document is not at fault.
    pub fn problems(&self) -> &Problems {
        &self.problems
    }

    /// Adds which component failed, unless a component below said so already.
    #[must_use]
    pub fn of_component(self, kind: ComponentKind, label: &str, path: &str) -> Self {
        if self.message.starts_with("failed to init ") {
            return self;
        }
        let label = if label.is_empty() { "<no label>" } else { label };
        let kind = kind.name().replace('_', " ");
        Self { message: format!("failed to init {kind} {label} path {path}: {self}"), ..self }
    }
}

impl From<Problems> for BuildError {
    fn from(problems: Problems) -> Self {
        Self { message: String::new(), problems }
    }
}

impl std::fmt::Display for BuildError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.message.is_empty() { self.problems.fmt(f) } else { f.write_str(&self.message) }
    }
}

impl std::error::Error for BuildError {}

impl From<String> for BuildError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

/// Reads a node by a type's field table. Null counts as an empty object.
pub(crate) fn read_config<C: FieldType>(node: &Node, reader: Reader<'_>) -> Result<C, Problems> {
    if node.is_null() && C::ABSENT_IS_EMPTY {
        return reader.read(&Node::new(node.at, Node::empty_map().value));
    }
    reader.read(node)
}
