//! Subjects: what is published arrives, senders hear of it, and all readers share one connection.

use std::time::Duration;

use futures_util::StreamExt;
use sluice_message::{Batch, DeliveryError, Message, Verdict};
use sluice_testkit::{batch, texts, unique, until};

use crate::support::*;

#[test]
fn what_an_output_publishes_an_input_gets() {
    with_server(|url| async move {
        let (world, subject) = (world(), unique("subject"));
        let mut input = world.input(&format!("nats: {{urls: ['{url}'], subject: '{subject}.>'}}"));
        input.connected().await;
        let output = world
            .output(&format!(
                "nats: {{urls: ['{url}'], subject: '{subject}.${{! content() }}', \
                 headers: {{fixed: x, size: '${{! content().length() }}'}}, \
                 metadata: {{include_prefixes: [y], include_patterns: ['^k.z$']}}}}"
            ))
            .await;
        let mut message = Message::from("a");
        message.set_metadata("yes", "1");
        message.set_metadata("kaz", "2");
        message.set_metadata("no", "3");
        output.write(message.into()).await.unwrap();
        output.write(batch(&["b", "c"])).await.unwrap();
        let got = input.take(3).await;
        assert_eq!(texts(&got), ["a", "b", "c"]);
        for (key, value) in [("fixed", "x"), ("size", "1"), ("yes", "1"), ("kaz", "2"), ("no", "")]
        {
            assert_eq!(got[0].metadata_text(key), value, "{key}");
        }
        assert_eq!(got[0].metadata_text("nats_subject"), format!("{subject}.a"));
        assert_eq!(got[0].metadata_text("nats_reply_subject"), "");
        input.end().await;
    });
}

#[test]
fn senders_hear_what_became_of_their_message() {
    with_server(|url| async move {
        let (world, subject, client) = (world(), unique("ask"), plain(&url).await);
        let mut input = world.input(&format!(
            "nats: {{urls: ['{url}'], subject: '{subject}', auto_replay_nacks: false, nak_delay: 1s}}"
        ));
        input.connected().await;
        for (fate, expected) in
            [("ack", "+ACK"), ("nak", r#"-NAK {"delay": 1000000000}"#), ("say", "hello")]
        {
            let asked = client.request(subject.clone(), fate.into());
            let answered = async {
                let (batch, duty) = input.next().await.take_batch();
                assert_eq!(batch[0].bytes(), fate);
                if fate == "say" {
                    let mut reply = Message::from("hello");
                    reply.set_metadata("mood", "good");
                    batch[0].context().reply.as_ref().unwrap().add(Batch::from(reply));
                }
                duty.resolve(match fate {
                    "nak" => Verdict::Failed(DeliveryError::new("no")),
                    _ => Verdict::Delivered,
                });
            };
            let (answer, ()) = tokio::join!(asked, answered);
            let answer = answer.unwrap();
            assert_eq!(answer.payload, expected);
            let mood = answer.headers.and_then(|headers| headers.get("mood").cloned());
            assert_eq!(mood.is_some(), fate == "say");
        }
    });
}

#[test]
fn a_group_shares_its_messages() {
    with_server(|url| async move {
        let (world, subject) = (world(), unique("group"));
        let config = format!("nats: {{urls: ['{url}'], subject: '{subject}', queue: workers}}");
        let (mut first, mut second) = (world.input(&config), world.input(&config));
        first.connected().await;
        second.connected().await;
        let client = plain(&url).await;
        for n in 0..20 {
            client.publish(subject.clone(), n.to_string().into()).await.unwrap();
        }
        client.flush().await.unwrap();
        let mut got = 0;
        for input in [&mut first, &mut second] {
            while let Some(transaction) = input.next_within(Duration::from_secs(2)).await {
                transaction.resolve(Verdict::Delivered);
                got += 1;
            }
        }
        assert_eq!(got, 20, "each message came once");
    });
}

#[test]
fn a_hundred_readers_are_one_connection() {
    with_own_server("", |server| async move {
        let (world, url) = (world(), server.address.clone());
        let before = connections(&server).await;
        let mut inputs = Vec::new();
        for user in 0..100 {
            inputs.push(world.input(&format!("nats: {{urls: ['{url}'], subject: 'user.{user}'}}")));
        }
        let output = world
            .output(&format!("nats: {{urls: ['{url}'], subject: 'user.${{! content() }}'}}"))
            .await;
        for input in &inputs {
            input.connected().await;
        }
        assert_eq!(connections(&server).await, before + 1);
        for user in 0..100 {
            output.write(batch(&[&user.to_string()])).await.unwrap();
        }
        for (user, input) in inputs.iter_mut().enumerate() {
            assert_eq!(texts(&input.take(1).await), [user.to_string()]);
        }
        for input in inputs {
            input.end().await;
        }
        drop(output);
        until("the connection is closed", || async { connections(&server).await == before }).await;
    });
}

#[test]
fn a_slow_reader_loses_its_own_messages_only() {
    with_server(|url| async move {
        let (world, subject) = (world(), unique("fast"));
        let config = format!("nats: {{urls: ['{url}'], subject: '{subject}', prefetch_count: 5}}");
        let (mut slow, mut fast) =
            (world.slow_input(&config), world.input(&config.replace(": 5", ": 5000")));
        slow.connected().await;
        fast.connected().await;
        let client = plain(&url).await;
        for n in 0..1000 {
            client.publish(subject.clone(), n.to_string().into()).await.unwrap();
        }
        assert_eq!(fast.take(1000).await.len(), 1000);
        let mut kept = 0;
        while let Some(transaction) = slow.next_within(Duration::from_secs(2)).await {
            transaction.resolve(Verdict::Delivered);
            kept += 1;
        }
        assert!((5..1000).contains(&kept), "{kept} were kept for the slow one");
        client.publish(subject, "after".into()).await.unwrap();
        assert_eq!(texts(&slow.take(1).await), ["after"]);
        assert_eq!(texts(&fast.take(1).await), ["after"]);
    });
}

#[test]
fn subscriptions_stand_again_after_a_restart_of_the_server() {
    with_own_server("", |server| async move {
        let (world, url) = (world(), server.address.clone());
        let mut input = world.input(&format!("nats: {{urls: ['{url}'], subject: again}}"));
        let output = world.output(&format!("nats: {{urls: ['{url}'], subject: again}}")).await;
        input.connected().await;
        server.stop();
        server.restart();
        until("the input hears again", || async {
            monitored(&server, "subsz").await["num_subscriptions"].as_u64() > Some(0)
                && connections(&server).await == 1
        })
        .await;
        output.write(batch(&["hello"])).await.unwrap();
        assert_eq!(texts(&input.take(1).await), ["hello"]);
    });
}

#[test]
fn requests_are_answered_or_fail_in_time() {
    with_server(|url| async move {
        let (world, subject, client) = (world(), unique("answer"), plain(&url).await);
        let mut asked = client.subscribe(subject.clone()).await.unwrap();
        client.flush().await.unwrap();
        let answering = tokio::spawn(async move {
            while let Some(question) = asked.next().await {
                let Some(to) = question.reply else { continue };
                if question.payload == "silence" {
                    continue;
                }
                let mut headers = async_nats::HeaderMap::new();
                headers.insert("from", "there");
                let text = String::from_utf8_lossy(&question.payload).to_uppercase();
                client.publish_with_headers(to, headers, text.into()).await.unwrap();
                client.flush().await.unwrap();
            }
        });
        for prefix in ["", "inbox_prefix: _INBOX_joe, "] {
            let config = format!(
                "nats_request_reply: {{urls: ['{url}'], subject: '{subject}', {prefix}timeout: 300ms}}"
            );
            let made = world.process(&config, batch(&["a", "b", "silence"])).await;
            assert_eq!(texts(&made), ["A", "B", "silence"]);
            assert_eq!(made[0].metadata_text("from"), "there");
            assert_eq!(made[2].failure().unwrap().message, "context deadline exceeded");
        }
        let nobody =
            format!("nats_request_reply: {{urls: ['{url}'], subject: '{subject}.nobody'}}");
        let made = world.process(&nobody, batch(&["a"])).await;
        let failure = &made[0].failure().unwrap().message;
        assert_eq!(failure, "nats: no responders available for request");
        answering.abort();
    });
}
