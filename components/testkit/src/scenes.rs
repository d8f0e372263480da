//! Scenes that tests of component crates share: batches through processors, one end of a stream
//! real and the other fake, configurations that are refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sluice_engine::{Environment, Registry};

use crate::{FakeInput, FakeOutput, Running, environment, register};

/// Streams made of the components that a crate registers.
pub struct Scenes {
    /// Registers the components under test and whatever else their configurations name.
    pub components: fn(&mut Registry),
}

impl Scenes {
    fn environment(&self) -> Environment {
        let mut registry = Registry::default();
        register(&mut registry);
        (self.components)(&mut registry);
        environment(registry)
    }

    /// What a configuration that cannot be built is refused with.
    ///
    /// # Panics
    /// It was built.
    #[track_caller]
    pub fn refusal(&self, document: &str) -> String {
        Running::start(document, self.environment()).err().expect("it was built").to_string()
    }

    /// Starts a stream from the named input to a fake output.
    ///
    /// # Panics
    /// It cannot be built.
    #[track_caller]
    pub fn from_input(&self, input: &str) -> (Running, FakeOutput) {
        let name = fresh_name();
        let output = FakeOutput::new(&name);
        let document = format!("input: {input}\noutput: {{ fake: {{ name: {name} }} }}");
        (self.start(&document), output)
    }

    /// Starts a stream from a fake input to the named output.
    ///
    /// # Panics
    /// It cannot be built.
    #[track_caller]
    pub fn to_output(&self, output: &str) -> (Running, FakeInput) {
        let name = fresh_name();
        let input = FakeInput::new(&name);
        let document = format!("input: {{ fake: {{ name: {name} }} }}\noutput: {output}");
        (self.start(&document), input)
    }

    /// Sends a batch through processors; the contents of what comes out.
    ///
    /// # Panics
    /// They cannot be built, or the stream does not end.
    #[track_caller]
    pub fn through(&self, processors: &str, batch: &[&str]) -> impl Future<Output = Vec<String>> {
        let name = fresh_name();
        let (input, output) = (FakeInput::new(&name), FakeOutput::new(&name));
        let mut running = self.start(&format!(
            "input: {{ fake: {{ name: {name} }} }}\noutput: {{ fake: {{ name: {name} }} }}\n\
             pipeline: {{ threads: 1, processors: [ {processors} ] }}"
        ));
        input.push(batch);
        input.end();
        async move {
            assert!(running.ends().await, "the stream did not end");
            output.messages()
        }
    }

    #[track_caller]
    fn start(&self, document: &str) -> Running {
        match Running::start(document, self.environment()) {
            Ok(running) => running,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Waits until something is so.
///
/// # Panics
/// It is not within a minute.
#[track_caller]
pub fn eventually(what: impl Fn() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let began = Instant::now();
        while !what() {
            assert!(began.elapsed() < Duration::from_mins(1), "it never became so: {place}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn fresh_name() -> Arc<str> {
    static NAMES: AtomicUsize = AtomicUsize::new(0);
    format!("scene{}", NAMES.fetch_add(1, Ordering::Relaxed)).into()
}
