//! Processors in groups: `processors`, `for_each`, `parallel`, `try`, `catch`.

use futures_util::StreamExt;
use sluice_config::{Block, Kinds, config};
use sluice_engine::wiring::Chain;
use sluice_engine::{Batches, BuildError, Composite, Processor, Registry, Scope};
use sluice_message::{Batch, Message};
use smallvec::smallvec;

pub(crate) type ProcessorList = Vec<Block<Kinds::Processor>>;

/// A default that is an empty list.
pub(crate) const EMPTY: [&str; 0] = [];

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("processors", |list: ProcessorList, scope| {
            Ok(Processor::composite(Group(scope.build_chain(&list, "processors")?)))
        })
        .ignores_metadata()
        .doc("Runs processors in a row, as one: a resource can hold several this way.")
        .categories(&["Composition"]);
    registry
        .processor("for_each", |list: ProcessorList, scope| {
            Ok(Processor::composite(ForEach(scope.build_chain(&list, "for_each")?)))
        })
        .ignores_metadata()
        .doc(
            "Runs processors on each message of a batch as if it were alone, and joins what comes \
             of them to one batch again.",
        )
        .categories(&["Composition"]);
    registry
        .processor("try", |list: ProcessorList, scope| {
            Ok(Processor::composite(Try(scope.build_chain(&list, "try")?)))
        })
        .ignores_metadata()
        .doc(
            "Runs processors in a row on each message by itself; a message that fails skips the \
             rest, also one that had failed before.",
        )
        .categories(&["Composition"]);
    registry
        .processor("catch", |list: ProcessorList, scope| {
            Ok(Processor::composite(Catch(scope.build_chain(&list, "catch")?)))
        })
        .ignores_metadata()
        .doc(
            "Runs processors on each message that failed, by itself, and takes its mark away.\n\n\
             Each of the processors can read what went wrong with `error()`. An empty list only \
             takes the mark away.",
        )
        .categories(&["Composition"]);
    registry
        .processor("parallel", parallel)
        .doc(
            "Runs processors on each message of a batch as if it were alone, several messages at \
             a time. What comes of them keeps the order of the batch.",
        )
        .categories(&["Composition"]);
}

struct Group(Chain);

impl Composite for Group {
    fn is_direct(&self) -> bool {
        self.0.is_direct()
    }

    async fn run(&self, batch: Batch) -> Batches {
        self.0.process(batch).await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

struct ForEach(Chain);

impl Composite for ForEach {
    fn is_direct(&self) -> bool {
        self.0.is_direct()
    }

    async fn run(&self, batch: Batch) -> Batches {
        let mut joined = Batch::default();
        for message in batch {
            joined.extend(alone(&self.0, message).await);
        }
        smallvec![joined]
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

/// What processors make of one message by itself.
pub(crate) async fn alone(chain: &Chain, message: Message) -> impl Iterator<Item = Message> {
    chain.process(message.into()).await.into_iter().flatten()
}

struct Try(Chain);

impl Composite for Try {
    fn is_direct(&self) -> bool {
        self.0.is_direct()
    }

    async fn run(&self, batch: Batch) -> Batches {
        let mut joined = Batch::default();
        for message in batch {
            let mut batches: Batches = smallvec![message.into()];
            for step in self.0.steps() {
                let mut next = Batches::new();
                for batch in batches {
                    if batch.first().is_some_and(has_failed) {
                        next.push(batch);
                    } else {
                        next.extend(step.process(batch).await);
                    }
                }
                batches = next;
            }
            joined.extend(batches.into_iter().flatten());
        }
        smallvec![joined]
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

struct Catch(Chain);

impl Composite for Catch {
    fn is_direct(&self) -> bool {
        self.0.is_direct()
    }

    async fn run(&self, batch: Batch) -> Batches {
        if !batch.iter().any(has_failed) {
            return smallvec![batch];
        }
        let mut joined = Batch::default();
        for message in batch {
            if !has_failed(&message) {
                joined.push(message);
                continue;
            }
            for mut caught in alone(&self.0, message).await {
                caught.clear_failure();
                joined.push(caught);
            }
        }
        smallvec![joined]
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

fn has_failed(message: &Message) -> bool {
    message.failure().is_some()
}

config! {
    /// Runs processors on several messages at a time.
    struct ParallelConfig {
        /// Messages processed at once; 0 for all of a batch.
        cap: usize = 0,
        /// Processors of each message.
        processors: ProcessorList,
    }
}

struct Parallel {
    chain: Chain,
    cap: usize,
}

fn parallel(config: ParallelConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let chain = scope.below("parallel").build_chain(&config.processors, "processors")?;
    Ok(Processor::composite(Parallel { chain, cap: config.cap }))
}

impl Composite for Parallel {
    fn is_direct(&self) -> bool {
        self.chain.is_direct()
    }

    async fn run(&self, batch: Batch) -> Batches {
        let at_once = if self.cap == 0 { batch.len() } else { self.cap };
        let processed = futures_util::stream::iter(batch)
            .map(|message| self.chain.process(message.into()))
            .buffered(at_once.max(1));
        let joined = processed
            .fold(Batch::default(), |mut joined, batches| {
                joined.extend(batches.into_iter().flatten());
                std::future::ready(joined)
            })
            .await;
        smallvec![joined]
    }

    async fn close(&self) {
        self.chain.close().await;
    }
}
