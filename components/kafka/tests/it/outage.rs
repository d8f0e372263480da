//! Brokers that are not there, or go away and come back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::message::Message as _;
use sluice_engine::Sink;

use crate::support::*;

/// Needs no broker.
#[test]
fn an_unreachable_broker_is_named_and_tried_again() {
    run(async {
        let log = log::capture();
        let world = world();
        let nobody = unused_address();
        let input = world
            .input(&format!("kafka: {{addresses: ['{nobody}'], topics: [t], consumer_group: g}}"));
        let output: Arc<dyn Sink> =
            world.try_output(&format!("kafka: {{addresses: ['{nobody}'], topic: t}}")).unwrap();
        let opening = {
            let output = output.clone();
            tokio::spawn(async move { output.open().await })
        };
        for kind in ["input", "output"] {
            let told = format!("Failed to connect to {kind}: failed to connect to {nobody}: ");
            until("two attempts are logged", || async { log.lines_with(&told).len() >= 2 }).await;
            let line = &log.lines_with(&told)[0];
            assert!(line.contains("Connection refused"), "says why: {line}");
        }
        assert!(!input.is_connected() && !output.is_connected());
        opening.abort();
        input.abort().await;
    });
}

#[test]
fn a_broker_that_restarts_loses_nothing() {
    if broker().is_none() {
        return;
    }
    run(async {
        let broker = OwnService::start("kafka");
        let (from, to, group) =
            (topic(&broker.address, "from", 2).await, topic(&broker.address, "to", 2).await, "g");
        let world = world();
        let output = world
            .output(&format!("kafka: {{addresses: ['{}'], topic: '{from}'}}", broker.address))
            .await;
        let relay_output = world
            .output(&format!(
                "kafka_franz: {{seed_brokers: ['{}'], topic: '{to}'}}",
                broker.address
            ))
            .await;
        let mut relay = world.input(&format!(
            "kafka: {{addresses: ['{}'], topics: ['{from}'], consumer_group: {group}}}",
            broker.address
        ));
        let total = 600;
        let writing = tokio::spawn(async move {
            for n in 0..total {
                // What is not taken is offered again, as every source does.
                while output.write(batch(&[&n.to_string()])).await.is_err() {}
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let relaying = tokio::spawn(async move {
            let mut relayed = BTreeSet::new();
            while relayed.len() < total {
                let transaction = relay.next().await;
                let (batch, duty) = transaction.take_batch();
                let content = text(&batch[0]);
                let result = relay_output.write(batch).await;
                if result.is_ok() {
                    relayed.insert(content);
                }
                duty.resolve_result(result);
            }
            relay.end().await;
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        let broker = tokio::task::spawn_blocking(move || {
            broker.stop();
            std::thread::sleep(Duration::from_secs(10));
            broker.restart();
            broker
        })
        .await
        .unwrap();
        writing.await.unwrap();
        relaying.await.unwrap();
        let found: BTreeSet<usize> = contents(&broker.address, &to)
            .await
            .iter()
            .map(|message| {
                std::str::from_utf8(message.payload().unwrap()).unwrap().parse().unwrap()
            })
            .collect();
        assert_eq!(found, (0..total).collect());
        let mut stored = 0;
        for partition in 0..2 {
            stored += committed(&broker.address, group, &from, partition).await.unwrap_or(0);
        }
        assert!(stored >= total as i64, "positions are stored after the outage, too: {stored}");
        tokio::task::spawn_blocking(move || drop(broker)).await.unwrap();
    });
}

/// A message that cannot be delivered in time goes back to its source.
#[test]
fn an_outage_longer_than_the_limit_fails_the_write() {
    if broker().is_none() {
        return;
    }
    run(async {
        let broker = OwnService::start("kafka");
        let topic = topic(&broker.address, "limit", 1).await;
        let output = world()
            .output(&format!(
                "kafka: {{addresses: ['{}'], topic: '{topic}', timeout: 1s, \
                 backoff: {{initial_interval: 100ms, max_elapsed_time: 3s}}}}",
                broker.address
            ))
            .await;
        output.write(batch(&["before"])).await.unwrap();
        let broker = tokio::task::spawn_blocking(move || {
            broker.stop();
            broker
        });
        let broker = broker.await.unwrap();
        let began = std::time::Instant::now();
        let error = output.write(batch(&["during"])).await.unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        assert!(error.message().contains(&broker.address), "{error}");
        let broker = tokio::task::spawn_blocking(move || {
            broker.restart();
            broker
        });
        let broker = broker.await.unwrap();
        until("writing works again", || {
            let output = output.clone();
            async move { output.write(batch(&["after"])).await.is_ok() }
        })
        .await;
        tokio::task::spawn_blocking(move || drop(broker)).await.unwrap();
    });
}

/// An address where nobody listens.
fn unused_address() -> String {
    format!("127.0.0.1:{}", sluice_testkit::free_port())
}

/// What the engine logs while a test runs.
mod log {
    use std::fmt::Write as _;
    use std::sync::{Arc, Mutex, OnceLock};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    #[derive(Clone, Default)]
    pub(super) struct Log(Arc<Mutex<Vec<String>>>);

    /// What all tests of this binary log; each looks for lines that name its own broker.
    pub(super) fn capture() -> Log {
        static LOG: OnceLock<Log> = OnceLock::new();
        let listen = || {
            let log = Log::default();
            tracing::subscriber::set_global_default(log.clone()).expect("no other subscriber");
            log
        };
        LOG.get_or_init(listen).clone()
    }

    impl Log {
        pub(super) fn lines_with(&self, part: &str) -> Vec<String> {
            self.0.lock().unwrap().iter().filter(|line| line.contains(part)).cloned().collect()
        }
    }

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            let _ = write!(self.0, "{}={value:?} ", field.name());
        }
    }

    impl Subscriber for Log {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() <= tracing::Level::WARN
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            let mut line = Line(String::new());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }
}
