use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_engine::{
    Batches, BuildError, Cache, CacheError, Composite, Processor, Registry, Scope,
};
use sluice_message::Batch;
use sluice_testkit::{FakeInput, FakeOutput, Running};

use crate::support::{Nothing, registry};

fn with_references() -> Registry {
    let mut registry = registry();
    registry.processor("resource", resource);
    registry.cache("two", two);
    registry.cache("plain", |_: Nothing, _| Ok(Arc::new(Plain)));
    registry
}

struct Reference(sluice_engine::ProcessorResource);

fn resource(label: String, scope: &Scope) -> Result<Processor, BuildError> {
    Ok(Processor::composite(Reference(scope.resources().processor(&label)?)))
}

impl Composite for Reference {
    fn is_direct(&self) -> bool {
        self.0.is_direct()
    }

    async fn run(&self, batch: Batch) -> Batches {
        self.0.process(batch).await
    }

    async fn close(&self) {}
}

struct Plain;

fn two(labels: Vec<String>, scope: &Scope) -> Result<Arc<dyn Cache>, BuildError> {
    for label in labels {
        scope.resources().cache(&label)?;
    }
    Ok(Arc::new(Plain))
}

#[async_trait]
impl Cache for Plain {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        Ok((key == "k").then(|| Bytes::from_static(b"v")))
    }

    async fn set(&self, _: &str, _: Bytes, _: Option<Duration>) -> Result<(), CacheError> {
        Ok(())
    }

    async fn add(&self, key: &str, _: Bytes, _: Option<Duration>) -> Result<(), CacheError> {
        Err(CacheError::Exists(key.into()))
    }

    async fn delete(&self, _: &str) -> Result<(), CacheError> {
        Ok(())
    }
}

fn start(name: &str, rest: &str) -> Result<Running, BuildError> {
    let document = format!(
        "input: {{ fake: {{ name: {name} }} }}\noutput: {{ fake: {{ name: {name} }} }}\n{rest}"
    );
    Running::start(&document, sluice_testkit::environment(with_references()))
}

#[tokio::test(start_paused = true)]
async fn resources_may_refer_to_later_ones() {
    let (input, output) = (FakeInput::new("later"), FakeOutput::new("later"));
    let mut running = start(
        "later",
        "pipeline: { threads: 1, processors: [ { resource: a }, { resource: b } ] }\n\
         processor_resources:\n\
         - { label: a, resource: b }\n\
         - { label: b, mapping: root = content() + \"!\" }\n\
         cache_resources:\n\
         - { label: both, two: [ one, other ] }\n\
         - { label: one, plain: {} }\n\
         - { label: other, plain: {} }\n",
    )
    .unwrap();
    input.push(&["x"]);
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.messages(), ["x!!"]);
    let cache = running.resources.cache("one").unwrap();
    cache.get("k").await.unwrap();
    cache.get("other").await.unwrap();
    let _ = cache.add("k", Bytes::new(), None).await;
    let counted = |name| running.count(name);
    assert_eq!(
        [counted("cache_success"), counted("cache_not_found"), counted("cache_duplicate")],
        [1, 1, 1]
    );
}

#[tokio::test(start_paused = true)]
async fn mappings_reach_caches() {
    let (input, output) = (FakeInput::new("reach"), FakeOutput::new("reach"));
    let mut running = start(
        "reach",
        "pipeline: { processors: [ { mapping: 'root = cache_get(\"one\", \"k\")' } ] }\n\
         cache_resources:\n- { label: one, plain: {} }\n",
    )
    .unwrap();
    input.push(&["x"]);
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.messages(), ["v"]);
}

#[track_caller]
fn check_error(name: &str, rest: &str, expected: &str) {
    let (_input, _output) = (FakeInput::new(name), FakeOutput::new(name));
    assert_eq!(start(name, rest).err().unwrap().to_string(), expected);
}

#[test]
fn circles_and_missing_resources_are_refused() {
    check_error(
        "circle",
        "processor_resources:\n- { label: a, resource: b }\n- { label: b, resource: a }\n",
        "failed to init processor b path root.processor_resources: processor resource 'a' refers \
         to itself",
    );
    check_error(
        "missing",
        "pipeline: { processors: [ { resource: nope } ] }\n",
        "failed to init processor <no label> path root.pipeline.processors.0: processor resource \
         'nope' was not found",
    );
    check_error(
        "double",
        "cache_resources:\n- { label: a, plain: {} }\n- { label: a, plain: {} }\n",
        "(5,3) cache_resources.1: label 'a' collides with a previously defined label at line 4",
    );
}
