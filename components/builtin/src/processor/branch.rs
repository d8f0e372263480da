//! `branch`: processors on a copy, and their result mapped back.

use sluice_config::{Query, config};
use sluice_engine::wiring::Chain;
use sluice_engine::{
    Batches, BuildError, Composite, Mapping, Mode, Owner, Processor, Registry, Scope,
};
use sluice_message::{Batch, Message};
use smallvec::smallvec;
use tracing::error;

use super::composition::ProcessorList;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("branch", |config: BranchConfig, scope| {
            let branch = Branch::new(&config, &scope.below("branch"), scope.owner())?;
            Ok(Processor::composite(Branching(branch)))
        })
        .doc(
            "Runs processors on a copy of each message and maps their result back.\n\n\
             `request_map` makes the copy (without it, all of the message), and leaves a message \
             out by deleting it. `result_map` is applied to the message: `root` and `@` are its \
             own, `this` and `metadata()` those of the result. When anything fails, the message \
             keeps its content and is marked.",
        )
        .categories(&["Composition"]);
}

config! {
    /// Processors on a copy.
    pub(crate) struct BranchConfig {
        /// A mapping to the copy; empty for all of the message.
        request_map: Query = "",
        /// Processors of the copies. They must not change how many there are.
        processors: ProcessorList,
        /// A mapping of the result onto the message; empty to leave it unchanged.
        result_map: Query = "",
    }
}

/// A branch that is ready to run.
pub(crate) struct Branch {
    request_map: Option<Mapping>,
    chain: Chain,
    result_map: Option<Mapping>,
    pub(crate) owner: Owner,
}

/// What became of one message of a batch in a branch.
pub(crate) enum Outcome {
    /// The request map left it out.
    Skipped,
    Failed(String),
    /// The result; its number in the batch of results.
    Result(usize),
}

/// What a branch made of a batch: the results, and which message each belongs to.
pub(crate) struct Results {
    pub(crate) outcomes: Vec<Outcome>,
    results: Vec<Message>,
}

impl Branch {
    /// `scope` is the place below which the processors are.
    pub(crate) fn new(
        config: &BranchConfig,
        scope: &Scope,
        owner: Owner,
    ) -> Result<Self, BuildError> {
        if config.processors.is_empty() {
            let message = "the branch processor requires at least one child processor";
            return Err(BuildError::new(message));
        }
        let mapping = |query: &Query| {
            (!query.text.is_empty()).then(|| scope.mapping(query, Mode::Mapping)).transpose()
        };
        Ok(Self {
            request_map: mapping(&config.request_map)?,
            chain: scope.build_chain(&config.processors, "processors")?,
            result_map: mapping(&config.result_map)?,
            owner,
        })
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.chain.is_direct()
    }

    pub(crate) fn request_map(&self) -> Option<&Mapping> {
        self.request_map.as_ref()
    }

    pub(crate) fn result_map(&self) -> Option<&Mapping> {
        self.result_map.as_ref()
    }

    /// Makes the requests and runs the processors on them. `wanted` chooses messages.
    pub(crate) async fn results(&self, batch: &Batch, wanted: impl Fn(usize) -> bool) -> Results {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(batch.len());
        let mut requests = Vec::new();
        for at in 0..batch.len() {
            if !wanted(at) {
                outcomes.push(Outcome::Skipped);
                continue;
            }
            outcomes.push(match self.request(batch, at) {
                Ok(Some(request)) => {
                    requests.push(request);
                    Outcome::Result(requests.len() - 1)
                }
                Ok(None) => Outcome::Skipped,
                Err(error) => Outcome::Failed(format!("request mapping failed: {error}")),
            });
        }
        let mut results = Results { outcomes, results: Vec::new() };
        if !requests.is_empty() {
            self.process(requests, &mut results).await;
        }
        results
    }

    fn request(&self, batch: &Batch, at: usize) -> Result<Option<Message>, String> {
        let mut request = match &self.request_map {
            Some(mapping) => match mapping.map(batch, at)? {
                Some(request) => request,
                None => return Ok(None),
            },
            None => batch[at].clone(),
        };
        request.clear_failure();
        Ok(Some(request))
    }

    async fn process(&self, requests: Vec<Message>, results: &mut Results) {
        let expected = requests.len();
        let batches = self.chain.process(requests.into()).await;
        results.results = batches.into_iter().flatten().collect();
        let actual = results.results.len();
        let mismatch = match actual {
            0 => Some("child processors resulted in zero messages".to_owned()),
            _ if actual != expected => Some(format!(
                "message count from branch processors does not match request, started with \
                 {actual} messages, finished with {expected}"
            )),
            _ => None,
        };
        for outcome in &mut results.outcomes {
            let Outcome::Result(at) = outcome else { continue };
            let failure = match &mismatch {
                Some(mismatch) => Some(mismatch.clone()),
                None => results.results[*at]
                    .failure()
                    .map(|failure| format!("processors failed: {}", failure.message)),
            };
            if let Some(failure) = failure {
                *outcome = Outcome::Failed(failure);
            }
        }
    }

    /// Maps a result onto its message. `None` when the mapping deletes the message.
    ///
    /// # Errors
    /// The mapping failed; the message is to stay as it is.
    pub(crate) fn apply(
        &self,
        origin: &Message,
        results: &Results,
        at: usize,
    ) -> Result<Option<Message>, String> {
        let Some(mapping) = &self.result_map else { return Ok(Some(origin.clone())) };
        mapping
            .map_onto(origin, &results.results, at)
            .map_err(|error| format!("result mapping failed: {error}"))
    }

    pub(crate) async fn close(&self) {
        self.chain.close().await;
    }
}

struct Branching(Branch);

impl Composite for Branching {
    fn is_direct(&self) -> bool {
        self.0.is_direct()
    }

    async fn run(&self, batch: Batch) -> Batches {
        let branch = &self.0;
        let results = branch.results(&batch, |_| true).await;
        let mut mapped = Batch::default();
        for (at, mut message) in batch.into_iter().enumerate() {
            let applied = match &results.outcomes[at] {
                Outcome::Skipped => Ok(Some(message.clone())),
                Outcome::Failed(error) => Err(error.clone()),
                Outcome::Result(place) => branch.apply(&message, &results, *place),
            };
            match applied {
                Ok(message) => mapped.extend(message),
                Err(error) => {
                    error!(label = %branch.owner.label(), path = %branch.owner.path(), "Branch error: {error}");
                    branch.owner.fail(&mut message, error);
                    mapped.push(message);
                }
            }
        }
        smallvec![mapped]
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
