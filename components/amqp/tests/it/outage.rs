//! Brokers that go away.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::delivery::{input_of, output_to};
use crate::support::*;

#[test]
fn everybody_comes_back_after_a_restart_and_nothing_is_lost() {
    if broker().is_none() {
        return;
    }
    let broker = OwnService::start("rabbitmq");
    run(async move {
        let (url, world) = (broker.address.clone(), world());
        let durable = "queue_declare: {enabled: true, durable: true}, prefetch_count: 5";
        let mut readers = Vec::new();
        for user in 0..10 {
            let config = format!("amqp_0_9: {{urls: ['{url}'], queue: q{user}, {durable}}}");
            readers.push(world.connected(&config).await);
        }
        assert_eq!(connections(&broker), 1);
        let key = "'q${! content().number() % 10 }'";
        let output = world.output(&output_to(&url, key, "persistent: true")).await;
        assert_eq!(connections(&broker), 2);
        let numbers: Vec<String> = (0..100).map(|n: u32| n.to_string()).collect();
        let contents: Vec<&str> = numbers.iter().map(String::as_str).collect();
        output.write(batch(&contents)).await.unwrap();
        // Some are on their way when the broker goes.
        let (first, held) = one(&mut readers[0]).await;
        assert_eq!(first, "0");
        tokio::task::block_in_place(|| broker.stop());
        let writing = tokio::spawn({
            let output = output.clone();
            async move { output.write(batch(&["100"])).await }
        });
        tokio::time::sleep(Duration::from_millis(500)).await;
        tokio::task::block_in_place(|| broker.restart());
        drop(held);
        tokio::time::timeout(Duration::from_mins(1), writing).await.unwrap().unwrap().unwrap();
        for (user, reader) in readers.iter_mut().enumerate() {
            let mut seen = BTreeSet::new();
            let count = if user == 0 { 11 } else { 10 };
            while seen.len() < count {
                seen.extend(texts(&reader.take(1).await));
            }
            assert!(seen.iter().all(|it| it.parse::<usize>().unwrap() % 10 == user), "{seen:?}");
        }
        // One that was begun while the broker started may take a moment to end.
        until("two connections are left", || async { connections(&broker) == 2 }).await;
        output.close().await;
        for reader in readers {
            reader.end().await;
        }
    });
}

#[test]
fn the_first_broker_that_answers_is_used() {
    with_broker(|url| async move {
        let (world, queue) = (world(), unique("urls"));
        let urls = format!("amqp://127.0.0.1:1/,{url}");
        let mut input = world.connected(&input_of(&urls, &queue, "")).await;
        let output = world.output(&output_to(&urls, &queue, "")).await;
        output.write(batch(&["x"])).await.unwrap();
        assert_eq!(texts(&input.take(1).await), ["x"]);
        output.close().await;
        input.end().await;
    });
}
