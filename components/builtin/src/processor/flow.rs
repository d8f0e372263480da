//! `while`: processors repeated.

use sluice_config::{Query, config};
use sluice_engine::wiring::Chain;
use sluice_engine::{Batches, BuildError, Check, Composite, Processor, Registry, Scope};
use sluice_message::Batch;
use smallvec::smallvec;
use tracing::error;

use super::composition::ProcessorList;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("while", build)
        .doc(
            "Runs processors again and again as long as a check is true of the first message.\n\n\
             A check that fails counts as false. When the processors leave nothing, the loop ends.",
        )
        .categories(&["Composition"]);
}

config! {
    /// Repeats processors.
    struct WhileConfig {
        /// Whether they run once before the check is made.
        at_least_once: bool = false,
        /// Most rounds; 0 for no limit.
        max_loops: usize = 0 => advanced,
        /// A query that says whether to go on.
        check: Query = "",
        /// Processors of each round.
        processors: ProcessorList,
    }
}

struct While {
    at_least_once: bool,
    max_loops: usize,
    check: Check,
    chain: Chain,
    label: String,
    path: String,
}

fn build(config: WhileConfig, scope: &Scope) -> Result<Processor, BuildError> {
    if config.check.text.is_empty() {
        return Err(BuildError::new("a check query is required"));
    }
    Ok(Processor::composite(While {
        at_least_once: config.at_least_once,
        max_loops: config.max_loops,
        check: scope.check(&config.check)?,
        chain: scope.below("while").build_chain(&config.processors, "processors")?,
        label: scope.label().to_owned(),
        path: scope.path().to_owned(),
    }))
}

impl While {
    fn goes_on(&self, batch: &Batch) -> bool {
        self.check.is_true(batch, 0).unwrap_or_else(|problem| {
            error!(label = %self.label, path = %self.path, "Query failed for loop: {problem}");
            false
        })
    }
}

impl Composite for While {
    fn is_direct(&self) -> bool {
        self.chain.is_direct()
    }

    async fn run(&self, batch: Batch) -> Batches {
        let mut goes_on = self.at_least_once || self.goes_on(&batch);
        let mut batches: Batches = smallvec![batch];
        let mut loops = 0;
        while goes_on && (self.max_loops == 0 || loops < self.max_loops) {
            let mut next = Batches::new();
            for batch in batches {
                next.extend(self.chain.process(batch).await);
            }
            batches = next;
            let Some(first) = batches.first() else { break };
            goes_on = self.goes_on(first);
            loops += 1;
        }
        batches
    }

    async fn close(&self) {
        self.chain.close().await;
    }
}
