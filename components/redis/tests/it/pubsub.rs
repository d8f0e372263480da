//! Channels: what is published arrives, and all readers share one connection.

use std::time::Duration;

use sluice_testkit::{batch, texts, unique, until};

use crate::support::{Plain, with_own_server, with_server, world};

#[test]
fn what_an_output_publishes_an_input_gets() {
    with_server(|url| async move {
        let (world, channel) = (world(), unique("channel"));
        let mut input =
            world.input(&format!("redis_pubsub: {{url: '{url}', channels: ['{channel}']}}"));
        input.connected().await;
        let output =
            world.output(&format!("redis_pubsub: {{url: '{url}', channel: '{channel}'}}")).await;
        output.write(batch(&["a", "b"])).await.unwrap();
        output.write(batch(&["c"])).await.unwrap();
        let messages = input.take(3).await;
        assert_eq!(texts(&messages), ["a", "b", "c"]);
        assert!(messages[0].metadata().is_empty());
        input.end().await;
    });
}

#[test]
fn patterns_match_channels_and_names_are_taken_as_they_are() {
    with_server(|url| async move {
        let (world, name) = (world(), unique("news"));
        let mut all = world.input(&format!(
            "redis_pubsub: {{url: '{url}', channels: ['{name}.*'], use_patterns: true}}"
        ));
        let mut literal =
            world.input(&format!("redis_pubsub: {{url: '{url}', channels: ['{name}.*']}}"));
        all.connected().await;
        literal.connected().await;
        let plain = Plain::new(&url).await;
        let _: i64 = plain.words(&["PUBLISH", &format!("{name}.a"), "1"]).await;
        let _: i64 = plain.words(&["PUBLISH", &format!("{name}.*"), "2"]).await;
        assert_eq!(texts(&all.take(2).await), ["1", "2"]);
        assert_eq!(texts(&literal.take(1).await), ["2"]);
        literal.nothing().await;
    });
}

#[test]
fn channels_of_messages_come_from_the_messages() {
    with_server(|url| async move {
        let (world, name) = (world(), unique("of"));
        let mut input = world
            .input(&format!("redis_pubsub: {{url: '{url}', channels: ['{name}.x', '{name}.y']}}"));
        input.connected().await;
        let output = world
            .output(&format!("redis_pubsub: {{url: '{url}', channel: '{name}.${{! this.to }}'}}"))
            .await;
        let error = output.write(batch(&[r#"{"to":"x"}"#, "no document"])).await.unwrap_err();
        assert_eq!(error.members().unwrap().len(), 1);
        assert!(error.message().contains("channel interpolation error"), "{error}");
        assert_eq!(texts(&input.take(1).await), [r#"{"to":"x"}"#]);
    });
}

/// A server of its own, because connections are counted.
#[test]
fn a_hundred_readers_are_one_connection() {
    with_own_server(|server| async move {
        let (world, url, plain) = (world(), &server.address, Plain::new(&server.address).await);
        let before = plain.connections().await;
        let mut inputs = Vec::new();
        for user in 0..100 {
            // Each has a channel of their own, and one that all have.
            inputs.push(
                world.input(&format!(
                    "redis_pubsub: {{url: '{url}', channels: [all, 'user.{user}']}}"
                )),
            );
        }
        for input in &inputs {
            input.connected().await;
        }
        assert_eq!(plain.connections().await, before + 1);
        let counts: (String, i64) = plain.ask("PUBSUB NUMSUB all").await;
        assert_eq!(counts.1, 1, "subscribed once for all of them");
        let _: i64 = plain.ask("PUBLISH user.42 mine").await;
        let _: i64 = plain.ask("PUBLISH all everyone").await;
        for (user, input) in inputs.iter_mut().enumerate() {
            let expected = if user == 42 { vec!["mine", "everyone"] } else { vec!["everyone"] };
            assert_eq!(texts(&input.take(expected.len()).await), expected);
        }
        // Those who leave take their channels along; the last one takes the connection.
        let last = inputs.pop().unwrap();
        for input in inputs {
            input.end().await;
        }
        until("one user is left", || async {
            plain.ask::<Vec<String>>("PUBSUB CHANNELS").await.len() == 2
        })
        .await;
        last.end().await;
        until("the connection is closed", || async { plain.connections().await == before }).await;
    });
}

#[test]
fn a_slow_reader_loses_its_own_messages_only() {
    with_server(|url| async move {
        let (world, channel) = (world(), unique("fast"));
        let config = format!("redis_pubsub: {{url: '{url}', channels: ['{channel}']}}");
        let (mut slow, mut fast) = (world.slow_input(&config), world.input(&config));
        slow.connected().await;
        fast.connected().await;
        let output =
            world.output(&format!("redis_pubsub: {{url: '{url}', channel: '{channel}'}}")).await;
        let large = "x".repeat(1 << 20);
        for _ in 0..40 {
            output.write(batch(&[&large])).await.unwrap();
            fast.take(1).await;
        }
        let mut got = 0;
        while let Some(transaction) = slow.next_within(Duration::from_secs(2)).await {
            transaction.resolve(sluice_message::Verdict::Delivered);
            got += 1;
        }
        assert!((8..40).contains(&got), "{got} were kept for the slow one");
        output.write(batch(&["after"])).await.unwrap();
        assert_eq!(texts(&slow.take(1).await), ["after"]);
        assert_eq!(texts(&fast.take(1).await), ["after"]);
    });
}

#[test]
fn subscriptions_stand_again_after_a_restart_of_the_server() {
    with_own_server(|server| async move {
        let (world, url) = (world(), server.address.clone());
        let config = format!("redis_pubsub: {{url: '{url}', channels: [again]}}");
        let (mut first, mut second) = (world.input(&config), world.input(&config));
        first.connected().await;
        second.connected().await;
        server.stop();
        let output = world.try_output(&format!("redis_pubsub: {{url: '{url}', channel: again}}"));
        let output = output.unwrap();
        server.restart();
        output.open().await;
        until("somebody listens", || async {
            let plain = Plain::new(&url).await;
            plain.ask::<(String, i64)>("PUBSUB NUMSUB again").await.1 == 1
        })
        .await;
        output.write(batch(&["hello"])).await.unwrap();
        assert_eq!(texts(&first.take(1).await), ["hello"]);
        assert_eq!(texts(&second.take(1).await), ["hello"]);
    });
}

#[test]
fn users_must_say_who_they_are() {
    with_own_server(|server| async move {
        let plain = Plain::new(&server.address).await;
        let _: String =
            plain.ask("ACL SETUSER ann on >se:cret allchannels allkeys allcommands").await;
        let _: String = plain.ask("ACL SETUSER default off").await;
        let (world, place) = (world(), server.address.strip_prefix("redis://").unwrap());
        let stranger =
            world.input(&format!("redis_pubsub: {{url: 'redis://{place}', channels: [c]}}"));
        let mut known = world.input(&format!(
            "redis_pubsub: {{url: 'redis://ann:se%3Acret@{place}', channels: [c]}}"
        ));
        known.connected().await;
        let output = world
            .output(&format!("redis_pubsub: {{url: 'redis://ann:se%3Acret@{place}', channel: c}}"))
            .await;
        output.write(batch(&["hello"])).await.unwrap();
        assert_eq!(texts(&known.take(1).await), ["hello"]);
        assert!(!stranger.is_connected());
    });
}
