//! `broker`: several outputs as one.

mod fan_out;
mod spread;
mod together;

use std::sync::Arc;

use sluice_config::{Block, Kinds, config};
use sluice_engine::wiring::batching::{BatchPolicy, batched_sink};
use sluice_engine::{BuildError, BuiltOutput, Registry, Scope, Sink};

use crate::persist::Persistence;
use fan_out::FanOut;
use spread::{Greedy, RoundRobin, Spreading};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("broker", build)
        .ignores_metadata()
        .doc(
            "Writes to several outputs.\n\n\
             `fan_out`: each message goes to every output, at the same time; one that fails to \
             take it is tried again until it does. `fan_out_fail_fast`: the first failure is the \
             source's to hear. `fan_out_sequential` and `fan_out_sequential_fail_fast`: likewise, \
             one output after the other. `round_robin`: each batch goes to the next output. \
             `greedy`: each batch goes to an output that is free.",
        )
        .categories(&["Utility"]);
}

config! {
    /// Several outputs as one.
    struct BrokerConfig {
        /// How often the list of outputs is repeated.
        copies: usize = 1 => advanced,
        /// Which outputs a message goes to.
        pattern: String = "fan_out" => options(
            "fan_out", "fan_out_fail_fast", "fan_out_sequential", "fan_out_sequential_fail_fast",
            "round_robin", "greedy"
        ),
        /// The outputs.
        outputs: Vec<Block<Kinds::Output>>,
        /// Forms batches in front of the outputs.
        batching: BatchPolicy,
    }
}

fn build(config: BrokerConfig, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let place = scope.below("broker");
    let list = place.below("outputs");
    let mut sinks: Vec<Arc<dyn Sink>> = Vec::new();
    for _ in 0..config.copies.max(1) {
        for (at, output) in config.outputs.iter().enumerate() {
            sinks.push(list.build_output(output, at)?);
        }
    }
    let persistence = Persistence::endless(scope.label(), scope.path());
    let sink: Arc<dyn Sink> = match (sinks.len(), config.pattern.to_ascii_lowercase().as_str()) {
        (0, _) => {
            let message = "attempting to create broker output type with no outputs";
            return Err(BuildError::new(message));
        }
        (1, "fan_out_fail_fast" | "fan_out_sequential_fail_fast" | "round_robin" | "greedy") => {
            sinks.remove(0)
        }
        (_, "fan_out") => Arc::new(FanOut::parallel(sinks, Some(persistence))),
        (_, "fan_out_fail_fast") => Arc::new(FanOut::parallel(sinks, None)),
        (_, "fan_out_sequential") => Arc::new(FanOut::sequential(sinks, Some(persistence))),
        (_, "fan_out_sequential_fail_fast") => Arc::new(FanOut::sequential(sinks, None)),
        (_, "round_robin") => Arc::new(Spreading(RoundRobin::new(sinks))),
        (_, "greedy") => Arc::new(Spreading(Greedy::new(sinks))),
        (_, other) => {
            return Err(BuildError::new(format!("broker pattern was not recognised: {other}")));
        }
    };
    let sink = if config.batching.is_active() {
        batched_sink(sink, &config.batching, &place)?
    } else {
        sink
    };
    Ok(BuiltOutput::Sink(sink))
}
