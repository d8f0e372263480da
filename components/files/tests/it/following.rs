//! Inputs that follow what others do to files.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use sluice_engine::Registry;
use sluice_testkit::{FakeOutput, Running};

/// Starts a stream from an input to a fake output, behind which stands `tell`.
fn start(name: &str, input: &str, tell: &str) -> (Running, FakeOutput) {
    let mut registry = Registry::default();
    sluice_testkit::register(&mut registry);
    sluice_builtin::register(&mut registry);
    sluice_files::register(&mut registry);
    let output = FakeOutput::new(name);
    let document = format!(
        "input: {input}\npipeline: {{ threads: 1, processors: [ {{ mapping: '{tell}' }} ] }}\n\
         output: {{ fake: {{ name: {name} }} }}"
    );
    let running = Running::start(&document, sluice_testkit::environment(registry)).unwrap();
    (running, output)
}

#[track_caller]
fn eventually(what: impl Fn() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let began = std::time::Instant::now();
        while !what() {
            assert!(began.elapsed() < Duration::from_mins(1), "it never became so: {place}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn tail(path: &Path, more: &str) -> String {
    format!("{{ file_tail: {{ path: {}, poll_interval: 20ms{more} }} }}", path.display())
}

const PLACED: &str = "root = content().string() + \" \" + @file_tail_position";

#[tokio::test]
async fn a_file_is_followed_through_rotation_and_truncation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    append(&path, "one\n\ntwo\r\n");
    let (running, output) = start("followed", &tail(&path, ""), PLACED);
    eventually(|| output.messages() == ["one 4", "two 10"]).await;
    append(&path, "three");
    eventually(|| output.messages().last().is_some_and(|it| it == "three 15")).await;
    fs::rename(&path, folder.path().join("log.1")).unwrap();
    append(&path, "four\n");
    eventually(|| output.messages().last().is_some_and(|it| it == "four 5")).await;
    fs::write(&path, "5\n").unwrap();
    eventually(|| output.messages().last().is_some_and(|it| it == "5 2")).await;
    running.stream.stop(Duration::from_secs(5)).await;
    assert_eq!(output.messages().len(), 5);
}

#[tokio::test]
async fn a_file_can_be_followed_from_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    append(&path, "old\n");
    let (running, output) =
        start("from_the_end", &tail(&path, ", start_position: end"), "root = content()");
    eventually(|| running.stream.status().input_connected()).await;
    append(&path, "new\n");
    eventually(|| output.messages() == ["new"]).await;
    running.stream.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn what_happens_to_files_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("below");
    fs::create_dir(&below).unwrap();
    let input = format!(
        "{{ fsevent: {{ paths: [ {} ], is_recursive: true, watch_new_subdirs: true, extensions: [ .txt ] }} }}",
        folder.path().display()
    );
    let tell = "root = @fsevent_operation + \" \" + @fsevent_path.filepath_split().index(1)";
    let (running, output) = start("reported", &input, tell);
    let seen = |what: &'static str| {
        let output = output.clone();
        eventually(move || output.messages().iter().any(|it| it == what))
    };
    eventually(|| running.stream.status().input_connected()).await;
    let file = below.join("a.txt");
    append(&file, "x");
    append(&below.join("b.log"), "x");
    seen("CREATE a.txt").await;
    seen("WRITE a.txt").await;
    let later = below.join("later");
    fs::create_dir(&later).unwrap();
    // The folder is watched a moment after it is there.
    let inner = later.join("c.txt");
    let watched = output.clone();
    let until_seen = async {
        while !watched.messages().iter().any(|it| it.ends_with("c.txt")) {
            append(&inner, "x");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), until_seen).await.unwrap();
    fs::rename(&file, below.join("moved.txt")).unwrap();
    seen("RENAME a.txt").await;
    seen("CREATE moved.txt").await;
    fs::remove_file(below.join("moved.txt")).unwrap();
    seen("REMOVE moved.txt").await;
    assert!(!output.messages().iter().any(|it| it.ends_with(".log")));
    running.stream.stop(Duration::from_secs(5)).await;
}
