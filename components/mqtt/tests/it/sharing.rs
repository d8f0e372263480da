//! Many components, one connection.

use std::collections::BTreeSet;

use crate::support::*;

#[test]
fn a_hundred_readers_and_a_writer_are_one_connection() {
    with_own("", |broker| async move {
        let (url, world) = (broker.url(), world());
        let mut readers = Vec::new();
        for user in 0..100 {
            let config = format!("mqtt: {{urls: ['{url}'], topics: ['users/{user}/#', everyone]}}");
            readers.push(world.connected(&config).await);
        }
        let config = format!("mqtt: {{urls: ['{url}'], topic: '${{! content() }}'}}");
        let output = world.output(&config).await;
        broker.has_clients(1).await;
        let own: Vec<String> = (0..100).map(|user| format!("users/{user}/mail")).collect();
        let contents: Vec<&str> = own.iter().map(String::as_str).collect();
        output.write(batch(&contents)).await.unwrap();
        output.write(batch(&["everyone"])).await.unwrap();
        for (user, reader) in readers.iter_mut().enumerate() {
            assert_eq!(texts(&reader.take(2).await), [own[user].as_str(), "everyone"]);
        }
        // Whoever leaves takes only their own subscriptions away.
        let mut left = readers.split_off(50);
        for reader in readers {
            reader.end().await;
        }
        output.write(batch(&["everyone", "users/99/x", "users/1/x"])).await.unwrap();
        assert_eq!(texts(&left[0].take(1).await), ["everyone"]);
        let last = left.last_mut().unwrap();
        assert_eq!(texts(&last.take(2).await), ["everyone", "users/99/x"]);
        output.close().await;
        for reader in left {
            reader.abort().await; // most have an answer to give, which nobody asked them for
        }
        broker.has_clients(0).await;
    });
}

#[test]
fn filters_that_overlap_are_on_different_connections_and_nothing_comes_twice() {
    with_own("", |broker| async move {
        let (url, world) = (broker.url(), world());
        let mut readers = Vec::new();
        for topic in ["a/#", "a/b", "a/+", "b"] {
            let config = format!("mqtt: {{urls: ['{url}'], client_id: x, topics: ['{topic}']}}");
            readers.push(world.connected(&config).await);
        }
        broker.has_clients(3).await;
        let output = world.output(&format!("mqtt: {{urls: ['{url}'], topic: a/b}}")).await;
        output.write(batch(&["1", "2"])).await.unwrap();
        for reader in &mut readers[..3] {
            assert_eq!(texts(&reader.take(2).await), ["1", "2"]);
            reader.nothing().await;
        }
        readers[3].nothing().await;
        output.close().await;
        for reader in readers {
            reader.end().await;
        }
    });
}

#[test]
fn a_slow_reader_moves_and_holds_nobody() {
    with_own("max_queued_messages 0\n", |broker| async move {
        let (url, world) = (broker.url(), world());
        let slow = world.slow_input(&format!("mqtt: {{urls: ['{url}'], topics: [slow]}}"));
        let mut fast = world.connected(&format!("mqtt: {{urls: ['{url}'], topics: [fast]}}")).await;
        slow.connected().await;
        let config = format!("mqtt: {{urls: ['{url}'], topic: '${{! @to }}'}}");
        let output = World::new(sluice_mqtt::register).output(&config).await;
        let mut sent = 0;
        let mut send = async |to: &str, count: usize| {
            let mut batch: Vec<sluice_message::Message> = Vec::new();
            for _ in 0..count {
                sent += 1;
                let mut message = sluice_message::Message::from(sent.to_string().as_str());
                message.set_metadata("to", to);
                batch.push(message);
            }
            output.write(batch.into_iter().collect()).await.unwrap();
        };
        send("slow", 3000).await;
        tokio::time::timeout(PATIENCE, async {
            send("fast", 10).await;
            assert_eq!(fast.take(10).await.len(), 10);
        })
        .await
        .expect("the fast one is held");
        broker.has_clients(3).await; // the writer, the shared one, and the slow one's own
        send("slow", 3000).await;
        send("fast", 10).await;
        assert_eq!(fast.take(10).await.len(), 10);
        // All of it is still there, some of it twice.
        let mut slow = slow;
        let mut seen = BTreeSet::new();
        while seen.len() < 6000 {
            seen.extend(texts(&slow.take(1).await));
        }
        output.close().await;
        slow.abort().await; // what comes twice may still be there
        fast.end().await;
    });
}
