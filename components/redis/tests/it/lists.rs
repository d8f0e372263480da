//! Lists: elements come in order, to one reader each; many lists share two connections.

use std::time::{Duration, Instant};

use sluice_message::Verdict;
use sluice_testkit::{batch, texts, unique, until};

use crate::support::{Plain, with_own_server, with_server, world};

#[test]
fn elements_come_in_order_from_either_end() {
    with_server(|url| async move {
        let (world, key) = (world(), unique("list"));
        let output = world.output(&format!("redis_list: {{url: '{url}', key: '{key}'}}")).await;
        let contents: Vec<String> = (0..50).map(|n| n.to_string()).collect();
        let all: Vec<&str> = contents.iter().map(String::as_str).collect();
        output.write(batch(&all)).await.unwrap();
        let mut input =
            world.input(&format!("redis_list: {{url: '{url}', key: '{key}', timeout: 80s}}"));
        assert_eq!(texts(&input.take(50).await), contents);
        let began = Instant::now();
        output.write(batch(&["later"])).await.unwrap();
        assert_eq!(texts(&input.take(1).await), ["later"]);
        assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
        input.end().await;
        let front = world
            .output(&format!("redis_list: {{url: '{url}', key: '{key}', command: lpush}}"))
            .await;
        front.write(batch(&["a", "b"])).await.unwrap();
        let mut back =
            world.input(&format!("redis_list: {{url: '{url}', key: '{key}', command: brpop}}"));
        assert_eq!(texts(&back.take(2).await), ["a", "b"]);
        back.end().await;
    });
}

#[test]
fn what_was_read_ahead_goes_back() {
    with_server(|url| async move {
        let (world, key) = (world(), unique("ahead"));
        let plain = Plain::new(&url).await;
        let mut input = world.slow_input(&format!("redis_list: {{url: '{url}', key: '{key}'}}"));
        input.connected().await;
        // Somebody waits for an element of the list, and then does not.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let _: i64 = plain.words(&["RPUSH", &key, "first"]).await;
        assert_eq!(texts(&input.take(1).await), ["first"]);
        input.end().await;
        let _: i64 = plain.words(&["RPUSH", &key, "x", "y"]).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let left: Vec<String> = plain.words(&["LRANGE", &key, "0", "-1"]).await;
        assert_eq!(left, ["x", "y"], "nobody pops any more");
    });
}

#[test]
fn no_more_elements_are_on_their_way_than_allowed() {
    with_server(|url| async move {
        let (world, key) = (world(), unique("limit"));
        let plain = Plain::new(&url).await;
        for n in 0..10 {
            let _: i64 = plain.words(&["RPUSH", &key, &n.to_string()]).await;
        }
        let mut input =
            world.input(&format!("redis_list: {{url: '{url}', key: '{key}', max_in_flight: 3}}"));
        let held = [input.next().await, input.next().await, input.next().await];
        input.nothing().await;
        assert_eq!(plain.words::<i64>(&["LLEN", &key]).await, 7);
        for transaction in held {
            transaction.resolve(Verdict::Delivered);
        }
        assert_eq!(texts(&input.take(7).await).len(), 7);
    });
}

/// A server of its own, because connections are counted.
#[test]
fn a_hundred_lists_are_two_connections() {
    with_own_server(|server| async move {
        let (world, url) = (world(), server.address.clone());
        let plain = Plain::new(&url).await;
        let before = plain.connections().await;
        let mut inputs = Vec::new();
        for user in 0..100 {
            inputs.push(world.input(&format!("redis_list: {{url: '{url}', key: 'of-{user}'}}")));
        }
        for input in &inputs {
            input.connected().await;
        }
        for user in (0..100).rev() {
            let _: i64 = plain.ask(&format!("RPUSH of-{user} for-{user}")).await;
        }
        for (user, input) in inputs.iter_mut().enumerate() {
            assert_eq!(texts(&input.take(1).await), [format!("for-{user}")]);
        }
        let most = plain.connections().await;
        assert!(most <= before + 2, "{most} connections, {before} before");
        for input in inputs {
            input.end().await;
        }
        until("they are closed", || async { plain.connections().await == before }).await;
    });
}

#[test]
fn a_list_is_read_again_after_a_restart_of_the_server() {
    with_own_server(|server| async move {
        let (world, url) = (world(), server.address.clone());
        let mut input =
            world.input(&format!("redis_list: {{url: '{url}', key: again, timeout: 200ms}}"));
        input.connected().await;
        server.stop();
        server.restart();
        let plain = Plain::new(&url).await;
        let _: i64 = plain.ask("RPUSH again hello").await;
        assert_eq!(texts(&input.take(1).await), ["hello"]);
    });
}
