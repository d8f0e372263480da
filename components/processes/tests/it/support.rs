use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sluice_engine::{Environment, Registry};
use sluice_testkit::{FakeInput, FakeOutput, Running};

fn environment() -> Environment {
    let mut registry = Registry::default();
    sluice_testkit::register(&mut registry);
    sluice_builtin::register(&mut registry);
    sluice_processes::register(&mut registry);
    sluice_testkit::environment(registry)
}

/// What a configuration that cannot be built is refused with.
#[track_caller]
pub(crate) fn refusal(document: &str) -> String {
    Running::start(document, environment()).err().expect("it was built").to_string()
}

/// Starts a stream from the named input to a fake output.
pub(crate) fn from_input(input: &str) -> (Running, FakeOutput) {
    let name = fresh_name();
    let output = FakeOutput::new(&name);
    let document = format!("input: {input}\noutput: {{ fake: {{ name: {name} }} }}");
    (Running::start(&document, environment()).unwrap(), output)
}

/// Starts a stream from a fake input to the named output.
pub(crate) fn to_output(output: &str) -> (Running, FakeInput) {
    let name = fresh_name();
    let input = FakeInput::new(&name);
    let document = format!("input: {{ fake: {{ name: {name} }} }}\noutput: {output}");
    (Running::start(&document, environment()).unwrap(), input)
}

/// Sends a batch through processors.
pub(crate) async fn through(processors: &str, batch: &[&str]) -> Vec<String> {
    let name = fresh_name();
    let (input, output) = (FakeInput::new(&name), FakeOutput::new(&name));
    let document = format!(
        "input: {{ fake: {{ name: {name} }} }}\noutput: {{ fake: {{ name: {name} }} }}\n\
         pipeline: {{ threads: 1, processors: [ {processors} ] }}"
    );
    let mut running = Running::start(&document, environment()).unwrap();
    input.push(batch);
    input.end();
    assert!(running.ends().await, "the stream did not end");
    output.messages()
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn eventually(what: impl Fn() -> bool + 'static) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let began = std::time::Instant::now();
        while !what() {
            assert!(began.elapsed() < Duration::from_mins(1), "it never became so: {place}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn fresh_name() -> Arc<str> {
    static NAMES: AtomicUsize = AtomicUsize::new(0);
    format!("fake{}", NAMES.fetch_add(1, Ordering::Relaxed)).into()
}
