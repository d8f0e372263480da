//! Apache Kafka's own console tools against the broker.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use tempfile::tempdir;

use crate::process::{Broker, kafka_tools, text};

#[test]
fn records_survive_a_kill_in_their_order() {
    let Some(tools) = kafka_tools() else { return };
    let directory = tempdir().unwrap();
    let broker = Broker::start(directory.path(), &["--create-topics", "jobs"]);
    let lines: Vec<String> = (0..500).map(|number| format!("event {number}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    tools.produce(&broker.address, "jobs", &lines, &[]);
    broker.signal("KILL");
    assert!(!broker.ended().0.success());

    let broker = Broker::start(directory.path(), &[]);
    let consumed = tools.consume(&broker.address, "jobs", 500, &[]);
    assert_eq!(consumed.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn a_group_goes_on_where_it_stopped_across_a_restart() {
    let Some(tools) = kafka_tools() else { return };
    let directory = tempdir().unwrap();
    let broker = Broker::start(directory.path(), &["--create-topics", "jobs"]);
    tools.produce(&broker.address, "jobs", &["1", "2", "3"], &[]);
    let group = ["--group", "workers"];
    assert_eq!(tools.consume(&broker.address, "jobs", 2, &group), "1\n2\n");
    drop(broker);

    let broker = Broker::start(directory.path(), &[]);
    assert_eq!(tools.consume(&broker.address, "jobs", 1, &group), "3\n");
    let described =
        tools.run(&broker.address, "consumer-groups", &["--describe", "--group", "workers"]);
    let columns: Vec<&str> = described
        .lines()
        .find(|line| line.starts_with("workers"))
        .unwrap_or_else(|| panic!("no line of the group in: {described}"))
        .split_whitespace()
        .collect();
    assert_eq!(columns[..6], ["workers", "jobs", "0", "3", "3", "0"]);
}

#[test]
fn a_waiting_fetch_wakes_up_when_a_record_arrives() {
    let Some(tools) = kafka_tools() else { return };
    let directory = tempdir().unwrap();
    let broker = Broker::start(directory.path(), &["--create-topics", "jobs"]);
    let mut consumer = tools
        .command(&broker.address, "console-consumer", &["--topic", "jobs", "--from-beginning"])
        .args(["--max-messages", "1", "--timeout-ms", "180000"])
        .args(["--consumer-property", "fetch.max.wait.ms=120000"])
        .args(["--consumer-property", "request.timeout.ms=150000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Long enough for it to have asked; should it not have, the record is there when it does.
    thread::sleep(Duration::from_secs(5));
    tools.produce(&broker.address, "jobs", &["hello"], &[]);
    let produced = Instant::now();
    let mut line = String::new();
    BufReader::new(consumer.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "hello\n");
    assert!(produced.elapsed() < Duration::from_mins(1), "{:?}", produced.elapsed());
    // Before it leaves it would wait for the answer to its next request.
    consumer.kill().unwrap();
    consumer.wait().unwrap();
}

#[test]
fn every_compression_a_client_may_use_can_be_read_back() {
    let Some(tools) = kafka_tools() else { return };
    let directory = tempdir().unwrap();
    let broker = Broker::start(directory.path(), &["--create-topics", "jobs"]);
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        let options = ["--compression-codec", codec, "--property", "parse.headers=true"];
        tools.produce(&broker.address, "jobs", &[&format!("by:{codec}\t{codec}")], &options);
    }
    let consumed = tools.consume(&broker.address, "jobs", 4, &["--property", "print.headers=true"]);
    assert_eq!(consumed, "by:gzip\tgzip\nby:snappy\tsnappy\nby:lz4\tlz4\nby:zstd\tzstd\n");
}

#[test]
fn unknown_topics_are_created_on_first_use_unless_that_is_refused() {
    let Some(tools) = kafka_tools() else { return };
    let directory = tempdir().unwrap();
    let broker = Broker::start(directory.path(), &["--partitions", "3"]);
    tools.produce(&broker.address, "fresh", &["hello"], &[]);
    assert_eq!(tools.consume(&broker.address, "fresh", 1, &[]), "hello\n");
    let described = tools.run(&broker.address, "topics", &["--describe", "--topic", "fresh"]);
    assert!(described.contains("PartitionCount: 3"), "{described}");
    drop(broker);

    let broker = Broker::start(directory.path(), &["--no-auto-create"]);
    let refused =
        tools.command(&broker.address, "get-offsets", &["--topic", "other"]).output().unwrap();
    assert!(!refused.status.success(), "{}", text(&refused));
    assert_eq!(tools.run(&broker.address, "topics", &["--list"]), "fresh\n");
    let illegal = ["--create", "--topic", "a", "--partitions", "5000"];
    let refused = tools.command(&broker.address, "topics", &illegal).output().unwrap();
    assert!(text(&refused).contains("InvalidPartitions"), "{}", text(&refused));
}

#[test]
fn deleting_a_topic_leaves_the_others() {
    let Some(tools) = kafka_tools() else { return };
    let directory = tempdir().unwrap();
    let broker = Broker::start(directory.path(), &["--create-topics", "gone,kept"]);
    for topic in ["gone", "kept"] {
        tools.produce(&broker.address, topic, &["1", "2"], &[]);
    }
    tools.run(&broker.address, "topics", &["--delete", "--topic", "gone"]);
    assert_eq!(tools.run(&broker.address, "topics", &["--list"]), "kept\n");
    assert_eq!(tools.run(&broker.address, "get-offsets", &["--topic", "kept"]), "kept:0:2\n");
    // A namesake begins empty.
    tools.run(&broker.address, "topics", &["--create", "--topic", "gone"]);
    assert_eq!(tools.run(&broker.address, "get-offsets", &["--topic", "gone"]), "gone:0:0\n");
}
