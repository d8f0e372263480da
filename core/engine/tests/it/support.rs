use std::time::Duration;

use sluice_config::{Query, config};
use sluice_engine::{
    Batches, BuildError, DirectProcessor, Environment, Mapping, Mode, Owner, Processor, Registry,
    Scope, WaitingProcessor,
};
use sluice_message::Batch;
use sluice_testkit::Running;
use smallvec::smallvec;

/// The fakes and a few processors.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::default();
    sluice_testkit::register(&mut registry);
    registry.processor("mapping", |query: Query, scope| map(&query, Mode::Mapping, scope));
    registry.processor("mutation", |query: Query, scope| map(&query, Mode::Mutation, scope));
    registry.processor("split", |_: Nothing, _| Ok(Processor::direct(Split)));
    registry.processor("toil", |_: Nothing, _| Ok(Processor::direct(Toil)));
    registry.processor("nap", |_: Nothing, _| Ok(Processor::waiting(Nap)));
    registry
}

pub(crate) fn environment() -> Environment {
    sluice_testkit::environment(registry())
}

pub(crate) fn start(document: &str) -> Running {
    Running::start(document, environment()).unwrap()
}

/// A stream from the fake input to the fake output of this name.
pub(crate) fn through(name: &str, processors: &str) -> Running {
    start(&format!(
        "input: {{ fake: {{ name: {name} }} }}\n\
         pipeline: {{ threads: 1, processors: [ {processors} ] }}\n\
         output: {{ fake: {{ name: {name} }} }}\n"
    ))
}

/// Lets everything run that can run now.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

config! {
    /// Nothing to configure.
    pub(crate) struct Nothing {}
}

struct Map(Mapping, Owner);

pub(crate) fn map(query: &Query, mode: Mode, scope: &Scope) -> Result<Processor, BuildError> {
    Ok(Processor::direct(Map(scope.mapping(query, mode)?, scope.owner())))
}

impl DirectProcessor for Map {
    fn process(&self, batch: Batch) -> Batches {
        smallvec![self.0.process(batch, &self.1)]
    }
}

/// Each message by itself.
struct Split;

impl DirectProcessor for Split {
    fn process(&self, batch: Batch) -> Batches {
        batch.into_iter().map(Batch::from).collect()
    }
}

/// Keeps its thread busy, and says which one that is.
struct Toil;

impl DirectProcessor for Toil {
    fn process(&self, mut batch: Batch) -> Batches {
        std::thread::sleep(Duration::from_millis(5));
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        batch.iter_mut().for_each(|message| message.set_bytes(name.clone()));
        smallvec![batch]
    }
}

/// Takes a while.
struct Nap;

#[async_trait::async_trait]
impl WaitingProcessor for Nap {
    async fn process(&self, batch: Batch) -> Batches {
        tokio::time::sleep(Duration::from_millis(20)).await;
        smallvec![batch]
    }
}
