//! A stream's configuration, and building its parts.

use std::collections::BTreeMap;
use std::time::Duration;

use sluice_config::{Block, ComponentKind, Kind, Kinds, Node, Problem, Problems, Query, config};

use super::Chain;
use super::stream::{ErrorStrategy, Parts};
use crate::tenancy::Selection;
use crate::{BuildError, Environment, Mode, Scope, Stream};

config! {
    /// The parts of a configuration that make a stream. What else stands at the top level
    /// belongs to the program that runs it.
    pub struct StreamConfig {
        /// Where messages come from.
        input: Block<Kinds::Input> = Node::component("stdin"),
        /// What keeps messages between input and pipeline.
        buffer: Block<Kinds::Buffer> = Node::component("none"),
        /// What happens to messages.
        pipeline: PipelineConfig,
        /// Where messages go.
        output: Block<Kinds::Output> = Node::component("stdout"),
        /// Inputs for others to refer to by their label.
        input_resources: Vec<Block<Kinds::Input>> = EMPTY => advanced rule(needs_label),
        /// Processors for others to refer to by their label.
        processor_resources: Vec<Block<Kinds::Processor>> = EMPTY => advanced rule(needs_label),
        /// Outputs for others to refer to by their label.
        output_resources: Vec<Block<Kinds::Output>> = EMPTY => advanced rule(needs_label),
        /// Caches for others to refer to by their label.
        cache_resources: Vec<Block<Kinds::Cache>> = EMPTY => advanced rule(needs_label),
        /// Rate limits for others to refer to by their label.
        rate_limit_resources: Vec<Block<Kinds::RateLimit>> = EMPTY => advanced rule(needs_label),
        /// Waits this long after a stop was asked for before it begins.
        shutdown_delay: Duration = "0s",
        /// Longest time a stop may take.
        shutdown_timeout: Duration = "20s",
        /// What happens to messages that failed.
        error_handling: ErrorHandling,
    }
}

const EMPTY: [&str; 0] = [];

config! {
    /// Processors and how many batches run through them at once.
    pub struct PipelineConfig {
        /// Batches processed at once; -1 for one per core.
        threads: i32 = -1,
        /// Processors, in order.
        processors: Vec<Block<Kinds::Processor>> = EMPTY,
        /// Whether messages that failed are refused: the same as the strategy `reject` of
        /// `error_handling`.
        strict_mode: Option<bool> => advanced,
    }
}

config! {
    /// What happens to messages that failed processing.
    pub struct ErrorHandling {
        /// `none`: they go on. `reject`: their source hears of it. `retry`: they run again.
        strategy: String = "none" => options("none", "reject", "retry"),
        /// Whether failures are logged as errors.
        log: ErrorLog,
    }
}

config! {
    /// Logging of processing failures.
    pub struct ErrorLog {
        /// Whether they are logged.
        enabled: bool = false,
        /// Whether the message content is part of the log line.
        add_payload: bool = false,
        /// Share of the failures that is logged, from 0 to 1.
        sampling_ratio: f64 = 1.0 => rule(is_a_share),
    }
}

/// Lint: resources are referred to by their labels.
fn needs_label(node: &Node) -> Vec<String> {
    let is_unnamed = node.as_map().is_some() && label_of(node).is_err();
    let message = "the label field for resources must be unique and not empty";
    is_unnamed.then(|| message.to_owned()).into_iter().collect()
}

fn is_a_share(node: &Node) -> Vec<String> {
    let number: Option<f64> = node.as_text().and_then(|text| text.parse().ok());
    let is_outside = number.is_some_and(|number| !(0.0..=1.0).contains(&number));
    let message = "batch_proportion should be between 0 and 1.";
    is_outside.then(|| message.to_owned()).into_iter().collect()
}

impl StreamConfig {
    /// Builds everything and starts it. On an error nothing was started.
    ///
    /// # Errors
    /// The first component that could not be built, with its path.
    pub fn start(&self, environment: Environment) -> Result<Stream, BuildError> {
        Ok(Stream::start(self.build(&Scope::root(environment))?))
    }

    /// Builds the stream's parts.
    ///
    /// # Errors
    /// As [`StreamConfig::start`].
    pub fn build(&self, scope: &Scope) -> Result<Parts, BuildError> {
        let problems = self.label_problems();
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let scope = &scope.with_error_log(&self.error_handling.log);
        let scope = &scope.for_stream(self.is_relay(scope));
        self.build_resources(scope)?;
        let source = scope.with_selection(self.selection(scope)).below("input");
        let source = source.input(&self.input.node)?;
        let source = scope.below("buffer").buffer(&self.buffer.node)?(source);
        let threads = match self.pipeline.threads {
            // With nothing to do in between, the output gets everything in the order of the input.
            _ if self.pipeline.processors.is_empty() => 1,
            n if n < 1 => scope.environment().cores,
            n => n as usize,
        };
        let chain = scope.below("pipeline").build_chain(&self.pipeline.processors, "processors")?;
        let sink = scope.below("output").output(&self.output.node)?;
        Ok(Parts {
            source,
            chains: vec![chain; threads.max(1)] as Vec<Chain>,
            sink,
            stop: scope.stop().clone(),
            crew: scope.environment().crew.clone(),
            error_strategy: match self.pipeline.strict_mode {
                Some(true) => ErrorStrategy::Reject,
                _ => self.error_handling.strategy(),
            },
        })
    }

    /// Whether the input itself has many messages on their way; mistakes are told when it is built.
    fn is_relay(&self, scope: &Scope) -> bool {
        let found = scope.environment().registry.infer(ComponentKind::Input, &self.input.node);
        found.is_ok_and(|found| found.config.is_some_and(|node| found.spec.is_read_ahead(node)))
    }

    /// Which messages of its input the first processor of an instance keeps, where nothing stands
    /// between them. Mistakes are reported when the processor is built.
    fn selection(&self, scope: &Scope) -> Option<Selection> {
        let nothing_between =
            self.input.node.get("processors").is_none() && self.buffer.node.get("none").is_some();
        if !scope.has_tenancy() || !nothing_between {
            return None;
        }
        let first = self.pipeline.processors.first()?;
        let registry = &scope.environment().registry;
        let found = registry.infer(ComponentKind::Processor, &first.node).ok()?;
        let mode = match found.spec.name {
            "mapping" | "bloblang" => Mode::Mapping,
            "mutation" => Mode::Mutation,
            _ => return None,
        };
        let (node, path) = (found.config?, "pipeline.processors.0".to_owned());
        let query = Query { text: node.as_text()?.to_owned(), at: node.at, path };
        scope.mapping(&query, mode).ok()?.selection()
    }

    /// Declares the labelled resources and builds them, those first that others refer to.
    ///
    /// # Errors
    /// As [`StreamConfig::start`].
    pub fn build_resources(&self, scope: &Scope) -> Result<(), BuildError> {
        declare(&self.rate_limit_resources, scope, |scope, label, block| {
            scope.resources().add_rate_limit(label, scope.rate_limit(block)?);
            Ok(())
        })?;
        declare(&self.cache_resources, scope, |scope, label, block| {
            scope.resources().add_cache(label, scope.cache(block)?);
            Ok(())
        })?;
        declare(&self.processor_resources, scope, |scope, label, block| {
            scope.resources().add_processor(label, scope.processor(block)?.into());
            Ok(())
        })?;
        declare(&self.output_resources, scope, |scope, label, block| {
            scope.resources().add_output(label, scope.output(block)?);
            Ok(())
        })?;
        declare(&self.input_resources, scope, |scope, label, block| {
            scope.resources().add_input(label, scope.input(block)?);
            Ok(())
        })?;
        scope.resources().build_all()
    }

    /// Labels of resources must be there and name one resource of their kind.
    pub fn label_problems(&self) -> Problems {
        let mut seen = BTreeMap::new();
        let mut problems = Vec::new();
        let lists: [(ComponentKind, Vec<&Node>); 5] = [
            (ComponentKind::Input, nodes(&self.input_resources)),
            (ComponentKind::Processor, nodes(&self.processor_resources)),
            (ComponentKind::Output, nodes(&self.output_resources)),
            (ComponentKind::Cache, nodes(&self.cache_resources)),
            (ComponentKind::RateLimit, nodes(&self.rate_limit_resources)),
        ];
        for (kind, list) in lists {
            for (at, node) in list.into_iter().enumerate() {
                let path = format!("{kind}_resources.{at}");
                let message = match label_of(node) {
                    Err(error) => error.to_string(),
                    Ok(label) => match seen.insert((kind, label), node.at.line) {
                        None => continue,
                        Some(line) => format!(
                            "label '{label}' collides with a previously defined label at line {line}"
                        ),
                    },
                };
                problems.push(Problem { at: node.at, path, message, hint: None });
            }
        }
        Problems(problems)
    }
}

impl ErrorHandling {
    pub fn strategy(&self) -> ErrorStrategy {
        match self.strategy.to_ascii_lowercase().as_str() {
            "reject" => ErrorStrategy::Reject,
            "retry" => ErrorStrategy::Retry,
            _ => ErrorStrategy::None,
        }
    }
}

/// Declares the resources of one kind.
fn declare<K: Kind>(
    blocks: &[Block<K>],
    scope: &Scope,
    build: fn(&Scope, &str, &Node) -> Result<(), BuildError>,
) -> Result<(), BuildError> {
    for block in blocks {
        let label = label_of(&block.node)?.to_owned();
        let scope = scope.below(format_args!("{}_resources", K::KIND));
        let node = block.node.clone();
        let resources = scope.resources().clone();
        let own_label = label.clone();
        resources.declare(K::KIND, &label, &block.node, move || build(&scope, &own_label, &node));
    }
    Ok(())
}

fn nodes<K>(blocks: &[Block<K>]) -> Vec<&Node> {
    blocks.iter().map(|block| &block.node).collect()
}

fn label_of(block: &Node) -> Result<&str, BuildError> {
    match block.get("label").and_then(Node::as_text) {
        Some(label) if !label.is_empty() => Ok(label),
        _ => Err(BuildError::new("a resource must have a label")),
    }
}
