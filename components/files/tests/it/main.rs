//! Files through streams: what is in them arrives, whatever happens meanwhile.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod following;

use std::fmt::Write as _;
use std::time::Duration;

use sluice_engine::Registry;
use sluice_testkit::{Action, FakeOutput, Running};

fn start(document: &str) -> Running {
    let mut registry = Registry::default();
    sluice_testkit::register(&mut registry);
    sluice_builtin::register(&mut registry);
    sluice_files::register(&mut registry);
    Running::start(document, sluice_testkit::environment(registry)).unwrap()
}

/// The engine gives a read up when an answer comes in and asks again: opening the next file is
/// such a moment.
#[track_caller]
fn check_many_files(name: &str, input: &str, header: &str) {
    let directory = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for at in 100..200 {
        let text = format!("{header}line of {at}\n");
        std::fs::write(directory.path().join(format!("{at}.txt")), text).unwrap();
        expected.push(format!("line of {at}"));
    }
    let mut document = String::new();
    write!(
        document,
        "input: {{ {input}: {{ paths: [ {}/*.txt ] }}, processors: [ {{ mapping: 'root = this.values().index(0) | content()' }} ] }}\n\
         pipeline: {{ threads: 1 }}\noutput: {{ fake: {{ name: {name} }} }}\n",
        directory.path().display()
    )
    .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let output = FakeOutput::new(name);
        output.behave(|_| Action::TakeLate(Duration::from_millis(1)));
        let mut running = start(&document);
        assert!(running.ends().await, "the stream did not end");
        assert_eq!(output.messages(), expected);
    });
}

#[test]
fn of_many_files_every_one_is_read() {
    check_many_files("many_files", "file", "");
}

#[test]
fn of_many_tables_every_one_is_read() {
    check_many_files("many_tables", "csv", "column\n");
}
