//! `sequence`: inputs one after the other.

mod join;

use std::collections::VecDeque;

use async_trait::async_trait;
use sluice_config::{Block, Kinds, config};
use sluice_engine::{BuildError, BuiltInput, Burst, LinkState, Registry, Scope, Source, Stop};
use tracing::{debug, error};

use join::{Joined, Joiner};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("sequence", build)
        .doc(
            "Reads inputs one after the other: the next when one has ended.\n\n\
             With `sharded_join`, messages that share an id are merged to one document. Then the \
             inputs are read `iterations` times, each time only for a share of the ids, so that \
             what must be held in memory at once is smaller.",
        )
        .categories(&["Utility"]);
}

config! {
    /// Joins messages of several inputs.
    pub(crate) struct ShardedJoin {
        /// Which messages are sent: after all inputs (`full-outer`), or for each of the last input (`outer`).
        r#type: String = "none" => advanced options("none", "full-outer", "outer", "full-outter", "outter"),
        /// Path of the id. Messages without it are left out.
        id_path: String = "" => advanced,
        /// How often the inputs are read.
        iterations: usize = 1 => advanced,
        /// What becomes of values that several messages have.
        merge_strategy: String = "array" => advanced options("array", "replace", "keep"),
    }
}

config! {
    /// Inputs one after the other.
    struct SequenceConfig {
        /// Joins messages of several inputs.
        sharded_join: ShardedJoin => advanced,
        /// The inputs.
        inputs: Vec<Block<Kinds::Input>>,
    }
}

struct Sequence {
    blocks: Vec<Block<Kinds::Input>>,
    place: Scope,
    stop: Stop,
    /// Inputs of this round that are still to be read; the first is being read.
    waiting: VecDeque<Box<dyn Source>>,
    joiner: Option<Joiner>,
    joined: Joined,
    links: Vec<LinkState>,
    label: String,
    path: String,
}

fn build(config: SequenceConfig, scope: &Scope) -> Result<BuiltInput, BuildError> {
    if config.inputs.is_empty() {
        return Err(BuildError::new("requires at least one child input"));
    }
    let joiner = Joiner::new(&config.sharded_join)
        .map_err(|error| BuildError::new(format!("invalid sharded join config: {error}")))?;
    let place = scope.below("sequence.inputs");
    let waiting = build_all(&config.inputs, &place)?;
    Ok(BuiltInput::source(Sequence {
        blocks: config.inputs,
        stop: scope.stop().clone(),
        links: waiting.iter().flat_map(sluice_engine::Source::links).take(1).collect(),
        waiting,
        joiner,
        joined: Joined::default(),
        label: scope.label().to_owned(),
        path: scope.path().to_owned(),
        place,
    }))
}

/// Building opens nothing: that is done when an input is first asked.
fn build_all(
    blocks: &[Block<Kinds::Input>],
    place: &Scope,
) -> Result<VecDeque<Box<dyn Source>>, BuildError> {
    let sources = blocks.iter().enumerate().map(|(at, block)| {
        place.build_input(block, at).map_err(|error| {
            BuildError::new(format!("failed to initialize input index {at}: {error}"))
        })
    });
    sources.collect()
}

impl Sequence {
    /// The next messages of the inputs; `None` when the last one has ended.
    async fn read(&mut self) -> Option<Burst> {
        loop {
            let source = self.waiting.front_mut()?;
            if let Some(burst) = source.next().await {
                return Some(burst);
            }
            self.waiting.pop_front();
            if self.stop.drain.is_cancelled() {
                self.waiting.clear();
            }
            debug!(label = %self.label, path = %self.path, left = self.waiting.len(), "Sequence input ended");
        }
    }

    /// Begins the next round of reading; false when there is none.
    fn begin_round(&mut self) -> bool {
        let Some(joiner) = &mut self.joiner else { return false };
        if self.stop.drain.is_cancelled() || !joiner.next_round() {
            return false;
        }
        match build_all(&self.blocks, &self.place) {
            Ok(sources) => {
                self.waiting = sources;
                true
            }
            Err(problem) => {
                error!(label = %self.label, path = %self.path, "Failed to create input: {problem}");
                false
            }
        }
    }
}

#[async_trait]
impl Source for Sequence {
    async fn next(&mut self) -> Option<Burst> {
        if self.joiner.is_none() {
            return self.read().await;
        }
        loop {
            if let Some(burst) = self.joined.take_ready() {
                return Some(burst);
            }
            let burst = self.read().await;
            let is_last = self.waiting.len() <= 1;
            let Some(joiner) = &mut self.joiner else { return burst };
            match burst {
                Some(burst) => {
                    for transaction in burst {
                        joiner.add(transaction, is_last, &mut self.joined);
                    }
                }
                None => {
                    joiner.flush(&mut self.joined);
                    if self.joined.has_ready() {
                        continue;
                    }
                    if !self.joined.is_settled() {
                        return Some(self.joined.wait().await);
                    }
                    if !self.begin_round() {
                        return None;
                    }
                }
            }
        }
    }

    fn links(&self) -> Vec<LinkState> {
        self.links.clone()
    }
}
