//! A stream's configuration, and building its parts.

use std::collections::BTreeMap;
use std::time::Duration;

use sluice_config::{Block, ComponentKind, Kinds, Node, Problem, Problems, config};

use super::Chain;
use super::stream::{ErrorStrategy, Parts};
use crate::{BuildError, Environment, Scope, Stream};

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
        input_resources: Vec<Block<Kinds::Input>> = EMPTY => advanced,
        /// Processors for others to refer to by their label.
        processor_resources: Vec<Block<Kinds::Processor>> = EMPTY => advanced,
        /// Outputs for others to refer to by their label.
        output_resources: Vec<Block<Kinds::Output>> = EMPTY => advanced,
        /// Caches for others to refer to by their label.
        cache_resources: Vec<Block<Kinds::Cache>> = EMPTY => advanced,
        /// Rate limits for others to refer to by their label.
        rate_limit_resources: Vec<Block<Kinds::RateLimit>> = EMPTY => advanced,
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
        sampling_ratio: f64 = 1.0,
    }
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
        self.check_labels()?;
        self.build_resources(scope)?;
        let source = scope.below("input").input(&self.input.node)?;
        let source = scope.below("buffer").buffer(&self.buffer.node)?(source);
        let threads = match self.pipeline.threads {
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
            error_strategy: self.error_handling.strategy(),
        })
    }

    /// Builds the labelled resources, those first that others refer to.
    ///
    /// # Errors
    /// As [`StreamConfig::start`].
    pub fn build_resources(&self, scope: &Scope) -> Result<(), BuildError> {
        let resources = scope.resources();
        for block in &self.rate_limit_resources {
            let built = scope.below("rate_limit_resources").rate_limit(&block.node)?;
            resources.add_rate_limit(label_of(&block.node)?, built);
        }
        for block in &self.cache_resources {
            let built = scope.below("cache_resources").cache(&block.node)?;
            resources.add_cache(label_of(&block.node)?, built);
        }
        for block in &self.processor_resources {
            let built = scope.below("processor_resources").processor(&block.node)?;
            resources.add_processor(label_of(&block.node)?, built.into());
        }
        for block in &self.output_resources {
            let built = scope.below("output_resources").output(&block.node)?;
            resources.add_output(label_of(&block.node)?, built);
        }
        for block in &self.input_resources {
            let built = scope.below("input_resources").input(&block.node)?;
            resources.add_input(label_of(&block.node)?, built);
        }
        Ok(())
    }

    /// Labels of resources must be there and name one resource of their kind.
    fn check_labels(&self) -> Result<(), BuildError> {
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
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems).into()) }
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

fn nodes<K>(blocks: &[Block<K>]) -> Vec<&Node> {
    blocks.iter().map(|block| &block.node).collect()
}

fn label_of(block: &Node) -> Result<&str, BuildError> {
    match block.get("label").and_then(Node::as_text) {
        Some(label) if !label.is_empty() => Ok(label),
        _ => Err(BuildError::new("a resource must have a label")),
    }
}
