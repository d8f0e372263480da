//! Options, announcements, errors and ends.

use std::{fs, net::TcpListener, process::Output};

use tempfile::tempdir;

use crate::process::{Broker, program, text};

#[track_caller]
fn refuses(output: &Output, code: i32, message: &str) {
    let printed = text(output);
    assert_eq!(output.status.code(), Some(code), "{printed}");
    assert!(printed.contains(message), "expected `{message}` in: {printed}");
}

#[test]
fn help_shows_examples() {
    let output = program().arg("--help").output().unwrap();
    assert!(output.status.success());
    for part in ["--create-topics <TOPICS>", "Examples:", "--stop-with-stdin", "transactions"] {
        assert!(text(&output).contains(part), "{part}");
    }
}

#[test]
fn usage_errors_exit_with_2() {
    refuses(&program().output().unwrap(), 2, "--data <DIR>");
    let listen = program().args(["--data", "x", "--listen", "9092"]).output().unwrap();
    refuses(&listen, 2, "expected HOST:PORT");
    let topic = program().args(["--data", "x", "--create-topics", "a,b c"]).output().unwrap();
    refuses(&topic, 2, "`b c` is no topic name");
}

#[test]
fn a_port_in_use_is_named_and_leaves_nothing_on_disk() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempdir().unwrap();
    let data = directory.path().join("data");
    let mut command = program();
    command.args(["--listen", &address, "--data"]).arg(&data);
    refuses(&command.output().unwrap(), 1, &format!("cannot listen on {address}: another program"));
    assert!(!data.exists());
}

#[test]
fn a_data_directory_that_cannot_be_one_is_named() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let mut command = program();
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(&file);
    refuses(&command.output().unwrap(), 1, "file: it is not a directory");
}

#[test]
fn a_file_that_is_no_database_is_named_and_kept() {
    let directory = tempdir().unwrap();
    let database = directory.path().join("broker.db");
    let content = "certainly not a database, but dear to somebody";
    fs::write(&database, content).unwrap();
    let mut command = program();
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(directory.path());
    refuses(&command.output().unwrap(), 1, "broker.db");
    assert_eq!(fs::read_to_string(&database).unwrap(), content);
}

#[test]
fn a_data_directory_has_one_broker() {
    let directory = tempdir().unwrap();
    let first = Broker::start(directory.path(), &[]);
    let mut command = program();
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(directory.path());
    refuses(&command.output().unwrap(), 1, "another sluice-broker is using it");
    first.signal("TERM");
    assert!(first.ended().0.success());
    Broker::start(directory.path(), &[]);
}

#[test]
fn topics_are_created_once_also_in_a_directory_with_a_space() {
    let directory = tempdir().unwrap();
    let data = directory.path().join("my data");
    let topics = ["--create-topics", "jobs,completed:4"];
    let broker = Broker::start(&data, &topics);
    assert!(broker.announcement.contains("jobs, completed"), "{}", broker.announcement);
    drop(broker);
    let broker = Broker::start(&data, &topics);
    assert!(!broker.announcement.contains("topics created"), "{}", broker.announcement);
    assert!(data.join("broker.db").is_file());
}

#[test]
fn signals_and_the_end_of_stdin_stop_it_cleanly() {
    let directory = tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        let broker = Broker::start(directory.path(), &[]);
        broker.signal(signal);
        let (status, printed) = broker.ended();
        assert!(status.success() && printed.contains("stopped"), "{signal}: {status} {printed}");
    }
    let mut broker = Broker::start(directory.path(), &["--stop-with-stdin"]);
    broker.close_stdin();
    assert!(broker.ended().0.success());
}
