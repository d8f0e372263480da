use std::time::Duration;

use sluice_engine::{Environment, Registry};
use sluice_testkit::{FakeInput, FakeOutput, Running};

pub(crate) fn environment() -> Environment {
    let mut registry = Registry::default();
    sluice_testkit::register(&mut registry);
    sluice_builtin::register(&mut registry);
    sluice_testkit::environment(registry)
}

#[track_caller]
pub(crate) fn start(document: &str) -> Running {
    Running::start(document, environment()).unwrap()
}

/// What a configuration that cannot be built is refused with.
#[track_caller]
pub(crate) fn refusal(document: &str) -> String {
    Running::start(document, environment()).err().expect("it was built").to_string()
}

/// Lets everything run that can run now.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// Sends batches through processors and returns the batches that come out.
#[track_caller]
pub(crate) fn through(name: &str, rest: &str, batches: &[&[&str]]) -> Vec<Vec<String>> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let (input, output) = (FakeInput::new(name), FakeOutput::new(name));
        let mut running = start(&format!(
            "input: {{ fake: {{ name: {name} }} }}\noutput: {{ fake: {{ name: {name} }} }}\n{rest}"
        ));
        batches.iter().for_each(|batch| input.push(batch));
        input.end();
        assert!(running.ends().await, "the stream did not end");
        output.taken()
    })
}
