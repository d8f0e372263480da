//! Streams: messages are acknowledged after delivery and come again otherwise.

use async_nats::jetstream::{self, consumer, stream};
use sluice_message::{DeliveryError, Message, Verdict};
use sluice_testkit::{batch, texts, unique, until};

use crate::support::*;

/// A new stream, and its subjects without the last part.
async fn new_stream(url: &str) -> (jetstream::Context, String) {
    let context = jetstream::new(plain(url).await);
    let name = unique("stream");
    let subjects = vec![format!("{name}.>")];
    let config = stream::Config { name: name.clone(), subjects, ..stream::Config::default() };
    context.create_stream(config).await.unwrap();
    (context, name)
}

async fn consumers(context: &jetstream::Context, stream: &str) -> usize {
    context.get_stream(stream).await.unwrap().cached_info().state.consumer_count
}

/// Delivered and not acknowledged.
async fn pending(context: &jetstream::Context, stream: &str, name: &str) -> usize {
    let found: consumer::Consumer<consumer::Config> =
        context.get_consumer_from_stream(name, stream).await.unwrap();
    found.cached_info().num_ack_pending
}

#[test]
fn what_is_written_to_a_stream_is_read_with_its_place() {
    with_server(|url| async move {
        let (context, name) = new_stream(&url).await;
        let world = world();
        let output = world
            .output(&format!(
                "nats_jetstream: {{urls: ['{url}'], subject: '{name}.a', headers: {{h: x}}}}"
            ))
            .await;
        output.write(batch(&["1", "2"])).await.unwrap();
        output.write(Message::from("3").into()).await.unwrap();
        let mut input =
            world.input(&format!("nats_jetstream: {{urls: ['{url}'], subject: '{name}.*'}}"));
        let got = input.take(3).await;
        assert_eq!(texts(&got), ["1", "2", "3"]);
        for (key, value) in [
            ("h", "x"),
            ("nats_sequence_stream", "2"),
            ("nats_sequence_consumer", "2"),
            ("nats_num_delivered", "1"),
            ("nats_num_pending", "1"),
            ("nats_domain", ""),
        ] {
            assert_eq!(got[1].metadata_text(key), value, "{key}");
        }
        assert_eq!(got[1].metadata_text("nats_subject"), format!("{name}.a"));
        assert_eq!(got[1].metadata_text("nats_timestamp_unix_nano").len(), 19);
        assert_eq!(consumers(&context, &name).await, 1);
        input.end().await;
        assert_eq!(consumers(&context, &name).await, 0, "a consumer without a name goes");
        let lost = world
            .output(&format!("nats_jetstream: {{urls: ['{url}'], subject: '{name}-no.a'}}"))
            .await;
        let error = lost.write(batch(&["x"])).await.unwrap_err();
        assert_eq!(error.to_string(), "nats: no response from stream");
    });
}

#[test]
fn what_was_not_delivered_comes_again_and_a_name_goes_on() {
    with_server(|url| async move {
        let (context, name) = new_stream(&url).await;
        let world = world();
        let config = format!(
            "nats_jetstream: {{urls: ['{url}'], subject: '{name}.a', durable: me, ack_wait: 2s}}"
        );
        for text in ["1", "2", "3"] {
            context.publish(format!("{name}.a"), text.into()).await.unwrap().await.unwrap();
        }
        let mut input = world.input(&config);
        let (first, second) = (input.next().await, input.next().await);
        let third = input.next().await;
        first.resolve(Verdict::Delivered);
        second.resolve(Verdict::Failed(DeliveryError::new("no")));
        let (again, duty) = input.next().await.take_batch();
        assert_eq!(again[0].bytes(), "2");
        assert_eq!(again[0].metadata_text("nats_num_delivered"), "2");
        duty.resolve(Verdict::Delivered);
        until("one is not acknowledged", || async { pending(&context, &name, "me").await == 1 })
            .await;
        std::mem::forget(third); // nobody answers for it
        input.stop.abort.cancel();
        input.end().await;
        context.publish(format!("{name}.a"), "4".into()).await.unwrap().await.unwrap();
        let mut input = world.input(&config);
        let mut got = texts(&input.take(2).await);
        got.sort();
        assert_eq!(got, ["3", "4"], "the consumer remembers");
        input.end().await;
        until("all are acknowledged", || async { pending(&context, &name, "me").await == 0 }).await;
    });
}

#[test]
fn no_more_are_on_their_way_than_allowed() {
    with_server(|url| async move {
        let (context, name) = new_stream(&url).await;
        for n in 0..6 {
            let sent = context.publish(format!("{name}.a"), n.to_string().into()).await.unwrap();
            sent.await.unwrap();
        }
        let world = world();
        let mut input = world.input(&format!(
            "nats_jetstream: {{urls: ['{url}'], subject: '{name}.a', max_ack_pending: 2}}"
        ));
        let held = [input.next().await, input.next().await];
        input.nothing().await;
        for transaction in held {
            transaction.resolve(Verdict::Delivered);
        }
        assert_eq!(input.take(4).await.len(), 4);
    });
}

#[test]
fn consumers_that_are_asked_for_messages_can_be_bound() {
    with_server(|url| async move {
        let (context, name) = new_stream(&url).await;
        let config = consumer::pull::Config {
            durable_name: Some("pulled".into()),
            ..consumer::pull::Config::default()
        };
        context.create_consumer_on_stream(config, name.as_str()).await.unwrap();
        for n in 0..25 {
            let sent = context.publish(format!("{name}.a"), n.to_string().into()).await.unwrap();
            sent.await.unwrap();
        }
        let world = world();
        let mut input = world.input(&format!(
            "nats_jetstream: {{urls: ['{url}'], stream: '{name}', durable: pulled, bind: true}}"
        ));
        assert_eq!(input.take(25).await.len(), 25);
        input.end().await;
        until("all are acknowledged", || async { pending(&context, &name, "pulled").await == 0 })
            .await;
        assert_eq!(consumers(&context, &name).await, 1, "it is not ours to delete");
    });
}

#[test]
fn a_hundred_consumers_are_one_connection() {
    with_own_server("", |server| async move {
        let (context, name) = new_stream(&server.address).await;
        let (world, url) = (world(), server.address.clone());
        let before = connections(&server).await;
        let mut inputs = Vec::new();
        for user in 0..100 {
            inputs.push(world.input(&format!(
                "nats_jetstream: {{urls: ['{url}'], subject: '{name}.{user}', durable: 'u{user}'}}"
            )));
        }
        for input in &inputs {
            input.connected().await;
        }
        assert_eq!(connections(&server).await, before + 1);
        for user in 0..100 {
            let sent = context.publish(format!("{name}.{user}"), user.to_string().into());
            sent.await.unwrap().await.unwrap();
        }
        for (user, input) in inputs.iter_mut().enumerate() {
            assert_eq!(texts(&input.take(1).await), [user.to_string()]);
        }
    });
}

#[test]
fn a_restarted_server_loses_no_message_of_a_stream() {
    with_own_server("", |server| async move {
        let (_, name) = new_stream(&server.address).await;
        let (world, url) = (world(), server.address.clone());
        // One that the server keeps, and one that it forgets.
        let mut lasting = world.input(&format!(
            "nats_jetstream: {{urls: ['{url}'], subject: '{name}.a', durable: me}}"
        ));
        let mut own =
            world.input(&format!("nats_jetstream: {{urls: ['{url}'], subject: '{name}.a'}}"));
        let output = world
            .output(&format!("nats_jetstream: {{urls: ['{url}'], subject: '{name}.a'}}"))
            .await;
        output.write(batch(&["before"])).await.unwrap();
        assert_eq!(texts(&lasting.take(1).await), ["before"]);
        assert_eq!(texts(&own.take(1).await), ["before"]);
        server.stop();
        server.restart();
        until("it can be written again", || async {
            output.write(batch(&["after"])).await.is_ok()
        })
        .await;
        assert_eq!(texts(&lasting.take(1).await)[0], "after");
        let mut got = texts(&own.take(1).await);
        if got == ["before"] {
            got = texts(&own.take(1).await); // a new consumer begins at the beginning
        }
        assert_eq!(got, ["after"]);
    });
}
