use sluice_engine::{Environment, Registry};
use sluice_testkit::{FakeInput, FakeOutput, Running};

fn environment() -> Environment {
    let mut registry = Registry::default();
    sluice_testkit::register(&mut registry);
    sluice_builtin::register(&mut registry);
    sluice_queries::register(&mut registry);
    sluice_testkit::environment(registry)
}

/// What a processor that cannot be built is refused with.
#[track_caller]
pub(crate) fn refusal(processor: &str) -> String {
    let document = format!("pipeline: {{ threads: 1, processors: [ {processor} ] }}");
    let document = format!("input: {{ generate: {{ mapping: 'root = 1' }} }}\n{document}");
    let document = format!("{document}\noutput: {{ drop: {{}} }}");
    Running::start(&document, environment()).err().expect("it was built").to_string()
}

/// What a processor makes of a message: its content, or `failed: ` and the error.
#[track_caller]
pub(crate) fn one(processor: &str, message: &str) -> String {
    let tell = r#"{ mapping: 'root = if errored() { "failed: " + error() } else { content() }' }"#;
    let mut out = through(&format!("{processor}, {tell}"), &[message]);
    match out.len() {
        0 => "dropped".to_owned(),
        1 => out.remove(0),
        _ => out.join("|"),
    }
}

/// Sends a batch through processors.
#[track_caller]
pub(crate) fn through(processors: &str, batch: &[&str]) -> Vec<String> {
    static NAMES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let name = format!("fake{}", NAMES.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
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
    })
}
