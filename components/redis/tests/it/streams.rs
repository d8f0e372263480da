//! Streams: entries come and are acknowledged; many groups share two connections.

use sluice_message::{DeliveryError, Message, Verdict};
use sluice_testkit::{batch, texts, unique, until};

use crate::support::{Plain, metadata, with_own_server, with_server, world};

/// How many entries of a group are not acknowledged.
async fn pending(plain: &Plain, stream: &str, group: &str) -> i64 {
    let summary: (i64, redis::Value, redis::Value, redis::Value) =
        plain.words(&["XPENDING", stream, group]).await;
    summary.0
}

fn reads(url: &str, stream: &str, group: &str) -> String {
    format!(
        "redis_streams: {{url: '{url}', streams: ['{stream}'], consumer_group: '{group}', \
         client_id: me, commit_period: 50ms}}"
    )
}

#[test]
fn entries_have_a_content_an_id_and_fields() {
    with_server(|url| async move {
        let (world, stream) = (world(), unique("stream"));
        let output = world
            .output(&format!(
                "redis_streams: {{url: '{url}', stream: '{stream}', metadata: {{exclude_prefixes: [no]}}}}"
            ))
            .await;
        let mut message = Message::from("hello");
        message.set_metadata("kind", "greeting");
        message.set_metadata("count", 3_i64);
        message.set_metadata("body", "hidden by the content");
        message.set_metadata("nothing", "left out");
        output.write(vec![message, Message::from("second")].into_iter().collect()).await.unwrap();
        let mut input = world.input(&reads(&url, &stream, "g"));
        let messages = input.take(2).await;
        assert_eq!(texts(&messages), ["hello", "second"]);
        assert_eq!(metadata(&messages[0], "kind"), "greeting");
        assert_eq!(metadata(&messages[0], "count"), "3");
        assert_eq!(messages[0].metadata().len(), 3);
        let plain = Plain::new(&url).await;
        let first: Vec<(String, redis::Value)> = plain.ask(&format!("XRANGE {stream} - +")).await;
        assert_eq!(metadata(&messages[0], "redis_stream"), first[0].0);
        until("both are acknowledged", || async { pending(&plain, &stream, "g").await == 0 }).await;
        input.end().await;
    });
}

#[test]
fn what_comes_later_arrives_at_once() {
    with_server(|url| async move {
        let (world, stream) = (world(), unique("later"));
        let config =
            reads(&url, &stream, "g").replace("commit_period", "timeout: 80s, commit_period");
        let mut input = world.input(&config);
        input.connected().await;
        let plain = Plain::new(&url).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        for text in ["a", "b", "c"] {
            let _: String = plain.words(&["XADD", &stream, "*", "body", text]).await;
            let began = std::time::Instant::now();
            assert_eq!(texts(&input.take(1).await), [text]);
            assert!(began.elapsed().as_secs() < 40, "{:?}", began.elapsed());
        }
    });
}

#[test]
fn what_was_not_delivered_is_not_acknowledged_and_comes_again() {
    with_server(|url| async move {
        let (world, stream) = (world(), unique("again"));
        let plain = Plain::new(&url).await;
        for text in ["a", "b", "c"] {
            let _: String = plain.words(&["XADD", &stream, "*", "body", text]).await;
        }
        let once =
            reads(&url, &stream, "g").replace("client_id", "auto_replay_nacks: false, client_id");
        let mut input = world.input(&once);
        let first = input.next().await;
        let second = input.next().await;
        let third = input.next().await;
        first.resolve(Verdict::Delivered);
        second.resolve(Verdict::Failed(DeliveryError::new("no")));
        let (again, duty) = input.next().await.take_batch();
        assert_eq!(again[0].bytes(), "b", "a failed message comes again");
        until("one is acknowledged", || async { pending(&plain, &stream, "g").await == 2 }).await;
        // Nobody answers for these two.
        std::mem::forget((duty, third));
        input.stop.abort.cancel();
        input.end().await;
        assert_eq!(pending(&plain, &stream, "g").await, 2);
        let mut input = world.input(&once);
        assert_eq!(
            texts(&input.take(2).await),
            ["b", "c"],
            "the next reader of this name has them"
        );
        input.end().await;
        assert_eq!(pending(&plain, &stream, "g").await, 0, "acknowledged at the end");
    });
}

#[test]
fn a_group_may_begin_with_what_comes_next() {
    with_server(|url| async move {
        let (world, stream) = (world(), unique("next"));
        let plain = Plain::new(&url).await;
        let _: String = plain.words(&["XADD", &stream, "*", "body", "old"]).await;
        let _: String = plain.words(&["XADD", &stream, "*", "other", "no content"]).await;
        let mut input = world.input(
            &reads(&url, &stream, "g").replace("client_id", "start_from_oldest: false, client_id"),
        );
        input.connected().await;
        let _: String = plain.words(&["XADD", &stream, "*", "other", "no content"]).await;
        let _: String = plain.words(&["XADD", &stream, "*", "body", "new"]).await;
        assert_eq!(texts(&input.take(1).await), ["new"]);
        input.nothing().await;
    });
}

#[test]
fn streams_that_must_exist_are_not_created() {
    with_server(|url| async move {
        let (world, stream) = (world(), unique("absent"));
        let input = world.input(
            &reads(&url, &stream, "g").replace("client_id", "create_streams: false, client_id"),
        );
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        assert!(!input.is_connected());
        let plain = Plain::new(&url).await;
        assert_eq!(plain.ask::<i64>(&format!("EXISTS {stream}")).await, 0);
        let _: String = plain.words(&["XADD", &stream, "*", "body", "a"]).await;
        input.connected().await;
    });
}

/// A server of its own, because connections are counted.
#[test]
fn a_hundred_groups_and_streams_are_two_connections() {
    with_own_server(|server| async move {
        let (world, url) = (world(), server.address.clone());
        let plain = Plain::new(&url).await;
        let before = plain.connections().await;
        let mut inputs = Vec::new();
        for user in 0..100 {
            let config = reads(&url, &format!("of-{user}"), &format!("user-{user}"));
            inputs.push(world.input(&config.replace("streams: [", "streams: [all, ")));
        }
        for input in &inputs {
            input.connected().await;
        }
        let _: String = plain.ask("XADD all * body everyone").await;
        let _: String = plain.ask("XADD of-42 * body mine").await;
        for (user, input) in inputs.iter_mut().enumerate() {
            let mut got = texts(&input.take(if user == 42 { 2 } else { 1 }).await);
            got.sort();
            let expected = if user == 42 { vec!["everyone", "mine"] } else { vec!["everyone"] };
            assert_eq!(got, expected, "user {user}");
        }
        let most = plain.connections().await;
        assert!(most <= before + 2, "{most} connections, {before} before");
        for input in inputs {
            input.end().await;
        }
        assert_eq!(pending(&plain, "all", "user-7").await, 0);
        until("they are closed", || async { plain.connections().await == before }).await;
    });
}

#[test]
fn two_readers_of_a_group_share_it() {
    with_server(|url| async move {
        let (world, stream) = (world(), unique("shared"));
        let mut first = world.input(&reads(&url, &stream, "g"));
        let mut second =
            world.input(&reads(&url, &stream, "g").replace("client_id: me", "client_id: you"));
        first.connected().await;
        second.connected().await;
        let plain = Plain::new(&url).await;
        for round in 0..30 {
            let _: String = plain.words(&["XADD", &stream, "*", "body", &round.to_string()]).await;
            tokio::select! {
                got = first.take(1) => assert_eq!(texts(&got), [round.to_string()]),
                got = second.take(1) => assert_eq!(texts(&got), [round.to_string()]),
            }
        }
    });
}

#[test]
fn a_server_that_restarts_empty_is_read_again() {
    with_own_server(|server| async move {
        let (world, url) = (world(), server.address.clone());
        let mut input = world.input(&reads(&url, "s", "g"));
        let output = world.output(&format!("redis_streams: {{url: '{url}', stream: s}}")).await;
        output.write(batch(&["before"])).await.unwrap();
        assert_eq!(texts(&input.take(1).await), ["before"]);
        server.stop();
        let writing = {
            let output = output.clone();
            tokio::spawn(async move { output.write(batch(&["after"])).await })
        };
        server.restart();
        assert_eq!(texts(&input.take(1).await), ["after"]);
        writing.await.unwrap().unwrap();
    });
}

#[test]
fn a_command_that_is_refused_fails_its_message() {
    with_server(|url| async move {
        let (world, key) = (world(), unique("text"));
        let plain = Plain::new(&url).await;
        let _: String = plain.words(&["SET", &key, "not a stream"]).await;
        let output =
            world.output(&format!("redis_streams: {{url: '{url}', stream: '{key}'}}")).await;
        let error = output.write(batch(&["a"])).await.unwrap_err();
        let said = "WRONGTYPE Operation against a key holding the wrong kind of value";
        assert_eq!(error.to_string(), said);
    });
}
