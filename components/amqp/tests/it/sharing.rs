//! Many components, one connection.

use std::time::Duration;

use crate::delivery::{input_of, output_to};
use crate::support::*;

#[test]
fn a_hundred_readers_are_one_connection_and_writers_another() {
    with_broker(|broker| async move {
        let proxy = Proxy::start(&broker, None).await;
        let (url, world, name) = (proxy.url(), world(), unique("many"));
        let mut readers = Vec::new();
        for user in 0..100 {
            readers.push(world.connected(&input_of(&url, &format!("{name}-{user}"), "")).await);
        }
        assert_eq!(proxy.connections(), 1);
        let key = format!("'{name}-${{! content() }}'");
        let first = world.output(&output_to(&url, &key, "")).await;
        let second = world.output(&output_to(&url, &key, "persistent: true")).await;
        assert_eq!(proxy.connections(), 2);
        let numbers: Vec<String> = (0..100).map(|user| user.to_string()).collect();
        let contents: Vec<&str> = numbers.iter().map(String::as_str).collect();
        first.write(batch(&contents)).await.unwrap();
        second.write(batch(&contents)).await.unwrap();
        for (user, reader) in readers.iter_mut().enumerate() {
            assert_eq!(
                texts(&reader.take(2).await),
                [numbers[user].as_str(), numbers[user].as_str()]
            );
        }
        // Who leaves takes nobody along.
        let mut last = readers.pop().unwrap();
        for reader in readers {
            reader.end().await;
        }
        first.write(batch(&["99"])).await.unwrap();
        assert_eq!(texts(&last.take(1).await), ["99"]);
        assert_eq!(proxy.connections(), 2);
        first.close().await;
        second.close().await;
        last.end().await;
    });
}

#[test]
fn a_full_connection_gets_company() {
    with_broker(|broker| async move {
        let proxy = Proxy::start(&broker, None).await;
        let url = format!("{}?channel_max=5", proxy.url());
        let (world, name) = (world(), unique("full"));
        let mut readers = Vec::new();
        for user in 0..12 {
            readers.push(world.connected(&input_of(&url, &format!("{name}-{user}"), "")).await);
        }
        assert_eq!(proxy.connections(), 3);
        let key = format!("'{name}-${{! content() }}'");
        let output = world.output(&output_to(&broker, &key, "")).await;
        output.write(batch(&["0", "6", "11"])).await.unwrap();
        for user in [0, 6, 11] {
            assert_eq!(texts(&readers[user].take(1).await), [user.to_string()]);
        }
        // Room that became free is used again.
        readers.remove(0).end().await;
        readers.remove(0).end().await;
        for user in 20..22 {
            readers.push(world.connected(&input_of(&url, &format!("{name}-{user}"), "")).await);
        }
        assert_eq!(proxy.connections(), 3);
        output.close().await;
        for reader in readers {
            reader.end().await;
        }
    });
}

#[test]
fn a_reader_that_takes_nothing_holds_nobody() {
    with_broker(|broker| async move {
        let proxy = Proxy::start(&broker, None).await;
        let (url, world, name) = (proxy.url(), world(), unique("slow"));
        let (slow_queue, fast_queue) = (format!("{name}-slow"), format!("{name}-fast"));
        let mut slow = world.slow_input(&input_of(&url, &slow_queue, "prefetch_count: 1000"));
        slow.connected().await;
        let mut fast = world.connected(&input_of(&url, &fast_queue, "")).await;
        let to_slow = world.output(&output_to(&url, &slow_queue, "")).await;
        let to_fast = world.output(&output_to(&url, &fast_queue, "")).await;
        let large = "x".repeat(10_000);
        let contents = vec![large.as_str(); 3000];
        to_slow.write(batch(&contents)).await.unwrap();
        tokio::time::timeout(PATIENCE, async {
            for _ in 0..10 {
                to_fast.write(batch(&["x"; 10])).await.unwrap();
                assert_eq!(fast.take(10).await.len(), 10);
            }
        })
        .await
        .expect("the fast one is held");
        assert_eq!(proxy.connections(), 2);
        assert_eq!(slow.take(3000).await.len(), 3000);
        to_slow.close().await;
        to_fast.close().await;
        slow.end().await;
        fast.end().await;
    });
}

#[test]
fn one_reader_without_a_queue_disturbs_nobody() {
    with_broker(|broker| async move {
        let proxy = Proxy::start(&broker, None).await;
        let (url, world, name) = (proxy.url(), world(), unique("missing"));
        let mut good = world.connected(&input_of(&url, &name, "")).await;
        // The broker ends its channel each time it asks.
        let bad = world.input(&format!("amqp_0_9: {{urls: ['{url}'], queue: {name}-nowhere}}"));
        tokio::time::sleep(Duration::from_millis(500)).await;
        let output = world.output(&output_to(&url, &name, "")).await;
        output.write(batch(&["x"])).await.unwrap();
        assert_eq!(texts(&good.take(1).await), ["x"]);
        assert_eq!(proxy.connections(), 2);
        output.close().await;
        bad.abort().await;
        good.end().await;
    });
}
