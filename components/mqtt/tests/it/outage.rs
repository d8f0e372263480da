//! Brokers that go away, or say no.

use std::time::Duration;

use crate::support::*;

#[test]
fn everybody_comes_back_after_a_restart() {
    with_own("", |mut broker| async move {
        let (url, world) = (broker.url(), world());
        let mut readers = Vec::new();
        for user in 0..10 {
            let config = format!("mqtt: {{urls: ['{url}'], topics: ['users/{user}', all]}}");
            readers.push(world.connected(&config).await);
        }
        let output = world.output(&format!("mqtt: {{urls: ['{url}'], topic: all}}")).await;
        output.write(batch(&["before"])).await.unwrap();
        for reader in &mut readers {
            assert_eq!(texts(&reader.take(1).await), ["before"]);
        }
        broker.stop();
        for reader in &readers {
            reader.disconnected().await;
        }
        // Written while nobody listens: the output waits for the broker.
        let writing = tokio::spawn({
            let output = output.clone();
            async move { output.write(batch(&["while away"])).await }
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        broker.restart();
        writing.await.unwrap().unwrap();
        for reader in &readers {
            reader.connected().await;
        }
        broker.has_clients(1).await;
        output.write(batch(&["after"])).await.unwrap();
        for reader in &mut readers {
            let mut got = texts(&reader.take(1).await);
            if got == ["while away"] {
                got = texts(&reader.take(1).await); // it was back before the output was
            }
            assert_eq!(got, ["after"]);
        }
        output.close().await;
        for reader in readers {
            reader.abort().await;
        }
    });
}

#[test]
fn the_first_broker_that_answers_is_used() {
    with_own("", |broker| async move {
        let world = world();
        let urls = format!("urls: ['tcp://127.0.0.1:1,{}']", broker.url());
        let mut input = world.connected(&format!("mqtt: {{{urls}, topics: [t]}}")).await;
        let output = world.output(&format!("mqtt: {{{urls}, topic: t}}")).await;
        output.write(batch(&["x"])).await.unwrap();
        assert_eq!(texts(&input.take(1).await), ["x"]);
        output.close().await;
        input.end().await;
    });
}

#[test]
fn a_last_will_is_published_after_an_end_without_goodbye_only() {
    with_own("", |broker| async move {
        let url = broker.url();
        let watcher = world();
        let mut wills =
            watcher.connected(&format!("mqtt: {{urls: ['{url}'], topics: [wills]}}")).await;
        let config = format!(
            "mqtt: {{urls: ['{url}'], topics: [t], will: {{enabled: true, topic: wills, payload: gone, qos: 1}}}}"
        );
        world().connected(&config).await.end().await;
        wills.nothing().await;
        // A runtime that ends takes its connections with it, without a word.
        std::thread::spawn(move || {
            crate::support::run(async move {
                std::mem::forget(world().connected(&config).await);
            });
        })
        .join()
        .unwrap();
        assert_eq!(texts(&wills.take(1).await), ["gone"]);
        wills.end().await;
    });
}

#[test]
fn a_quiet_connection_is_probed_and_stays() {
    with_own("", |broker| async move {
        let (url, world) = (broker.url(), world());
        let mut input =
            world.connected(&format!("mqtt: {{urls: ['{url}'], topics: [t], keepalive: 3}}")).await;
        tokio::time::sleep(Duration::from_secs(10)).await; // the broker gives up after 4.5
        let output = world.output(&format!("mqtt: {{urls: ['{url}'], topic: t}}")).await;
        output.write(batch(&["x"])).await.unwrap();
        assert_eq!(texts(&input.take(1).await), ["x"]);
        output.close().await;
        input.end().await;
    });
}
