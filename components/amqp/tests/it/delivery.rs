//! What goes in comes out, and what fails goes where it should.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sluice_message::{Batch, DeliveryError, Message, Verdict};
use tokio_rustls::TlsAcceptor;

use crate::support::*;

/// An input of a new queue.
pub(crate) fn input_of(url: &str, queue: &str, more: &str) -> String {
    let declare = "queue_declare: {enabled: true, durable: false, auto_delete: true}";
    format!("amqp_0_9: {{urls: ['{url}'], queue: {queue}, {declare}, {more}}}")
}

/// An output to that queue.
pub(crate) fn output_to(url: &str, queue: &str, more: &str) -> String {
    format!("amqp_0_9: {{urls: ['{url}'], exchange: '', key: {queue}, {more}}}")
}

#[test]
fn a_message_arrives_with_its_route_properties_and_headers() {
    with_broker(|url| async move {
        let (world, name) = (world(), unique("route"));
        let more =
            format!("bindings_declare: [{{exchange: {name}, key: 'a.*'}}], consumer_tag: me");
        let declare = "exchange_declare: {enabled: true, type: topic, durable: false}";
        let output = format!(
            "amqp_0_9: {{urls: ['{url}'], exchange: {name}, key: 'a/${{! json(\"to\") }}', {declare}, type: t/u, \
             content_type: application/json, content_encoding: none, correlation_id: c, reply_to: r, \
             expiration: '60000', message_id: m, user_id: guest, app_id: app, priority: '${{! 4 + 1 }}', \
             persistent: true, metadata: {{exclude_prefixes: [secret]}}}}"
        );
        let output = world.output(&output).await;
        let mut input = world.connected(&input_of(&url, &name, &more)).await;
        let mut message = Message::from(r#"{"to":"b"}"#);
        message.set_metadata("tenant_id", "t1");
        message.set_metadata("count", 7_i64);
        message.set_metadata("secret_key", "hidden");
        let nested = sluice_value::json::parse(br#"{"in_side":[true,"x"]}"#).unwrap();
        message.set_metadata("nested", nested);
        output.write(Batch::from(message)).await.unwrap();
        let messages = input.take(1).await;
        assert_eq!(texts(&messages), [r#"{"to":"b"}"#]);
        for (key, value) in [
            ("amqp_content_type", "application/json"),
            ("amqp_content_encoding", "none"),
            ("amqp_delivery_mode", "2"),
            ("amqp_priority", "5"),
            ("amqp_correlation_id", "c"),
            ("amqp_reply_to", "r"),
            ("amqp_expiration", "60000"),
            ("amqp_message_id", "m"),
            ("amqp_timestamp", ""),
            ("amqp_type", "t.u"),
            ("amqp_user_id", "guest"),
            ("amqp_app_id", "app"),
            ("amqp_consumer_tag", "me"),
            ("amqp_delivery_tag", "1"),
            ("amqp_redelivered", "false"),
            ("amqp_exchange", &name),
            ("amqp_routing_key", "a.b"),
            ("tenant_id", "t1"),
            ("count", "7"),
            ("secret_key", ""),
            ("nested_in_side_0", "true"),
            ("nested_in_side_1", "x"),
        ] {
            assert_eq!(messages[0].metadata_text(key), value, "{key}");
        }
        output.close().await;
        input.end().await;
    });
}

#[test]
fn what_failed_comes_again_unless_a_pattern_rejects_it() {
    with_broker(|url| async move {
        let (world, queue) = (world(), unique("nack"));
        let more = "nack_reject_patterns: ['^poison:.+$'], prefetch_count: 1";
        let mut input = world.connected(&input_of(&url, &queue, more)).await;
        let output = world.output(&output_to(&url, &queue, "")).await;
        output.write(batch(&["first", "second"])).await.unwrap();
        let (content, duty) = one(&mut input).await;
        assert_eq!(content, "first");
        duty.resolve(Verdict::Failed(DeliveryError::new("later please")));
        let again = input.take(1).await;
        assert_eq!(texts(&again), ["first"]);
        assert_eq!(again[0].metadata_text("amqp_redelivered"), "true");
        let (content, duty) = one(&mut input).await;
        assert_eq!(content, "second");
        duty.resolve(Verdict::Failed(DeliveryError::new("poison: never again")));
        input.nothing().await;
        output.close().await;
        input.end().await;
    });
}

#[test]
fn no_more_is_read_than_may_be_unanswered_and_what_is_comes_again() {
    with_broker(|url| async move {
        let (world, queue) = (world(), unique("prefetch"));
        let output = world.output(&output_to(&url, &queue, "")).await;
        // Another reader keeps the queue, which goes with its last one; it gets none of the messages.
        let mut input = world.connected(&input_of(&url, &queue, "prefetch_count: 3")).await;
        output.write(batch(&["1", "2", "3", "4", "5"])).await.unwrap();
        let mut held = Vec::new();
        for expected in ["1", "2", "3"] {
            let (content, duty) = one(&mut input).await;
            assert_eq!(content, expected);
            held.push(duty);
        }
        input.nothing().await;
        let mut other = world.connected(&input_of(&url, &queue, "prefetch_count: 10")).await;
        assert_eq!(texts(&other.take(2).await), ["4", "5"]);
        input.abort().await;
        drop(held);
        assert_eq!(texts(&other.take(3).await), ["1", "2", "3"]);
        output.close().await;
        other.end().await;
    });
}

#[test]
fn with_auto_ack_nothing_waits_for_delivery() {
    with_broker(|url| async move {
        let (world, queue) = (world(), unique("auto"));
        let more = "auto_ack: true, prefetch_count: 1";
        let mut input = world.connected(&input_of(&url, &queue, more)).await;
        let output = world.output(&output_to(&url, &queue, "")).await;
        output.write(batch(&["1", "2", "3"])).await.unwrap();
        let mut held = Vec::new();
        for expected in ["1", "2", "3"] {
            let (content, duty) = one(&mut input).await;
            assert_eq!(content, expected);
            held.push(duty);
        }
        for duty in held {
            duty.resolve(Verdict::Failed(DeliveryError::new("no")));
        }
        input.nothing().await;
        output.close().await;
        input.end().await;
    });
}

#[test]
fn messages_that_no_queue_gets_are_errors_when_that_is_asked_for() {
    with_broker(|url| async move {
        let (world, queue) = (world(), unique("mandatory"));
        let input = world.connected(&input_of(&url, &queue, "")).await;
        let key = "'${! content() }'";
        let lenient = world.output(&output_to(&url, key, "")).await;
        lenient.write(batch(&["nobody-has-this"])).await.unwrap();
        let strict = world.output(&output_to(&url, key, "mandatory: true")).await;
        let contents = [queue.as_str(), "nobody-has-this", queue.as_str()];
        let error = strict.write(batch(&contents)).await.unwrap_err();
        let members = error.members().unwrap();
        assert_eq!(members.len(), 1);
        assert_eq!(&*members[0].error, "failed to receive acknowledgement");
        lenient.close().await;
        strict.close().await;
        input.end().await;
    });
}

#[test]
fn a_message_that_cannot_be_laid_out_fails_alone() {
    with_broker(|url| async move {
        let (world, queue) = (world(), unique("layout"));
        let mut input = world.connected(&input_of(&url, &queue, "")).await;
        let output = world.output(&output_to(&url, &queue, "priority: '${! content() }'")).await;
        let error = output.write(batch(&["3", "12", "x"])).await.unwrap_err();
        let members: Vec<&str> = error.members().unwrap().iter().map(|it| &*it.error).collect();
        assert_eq!(
            members[0],
            "invalid priority parsed from expression, must be <= 9 and >= 0, got 12"
        );
        assert!(members[1].starts_with("failed to parse valid integer from priority expression: "));
        assert_eq!(texts(&input.take(1).await), ["3"]);
        output.close().await;
        input.end().await;
    });
}

#[test]
fn large_messages_and_many_at_once_arrive_whole() {
    with_broker(|url| async move {
        let (world, queue) = (world(), unique("large"));
        let mut input = world.connected(&input_of(&url, &queue, "prefetch_count: 500")).await;
        let output = world.output(&output_to(&url, &queue, "")).await;
        let large = "x".repeat(1 << 20);
        output.write(batch(&[&large])).await.unwrap();
        assert_eq!(input.take(1).await[0].bytes().len(), large.len());
        let numbers: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
        let contents: Vec<&str> = numbers.iter().map(String::as_str).collect();
        output.write(batch(&contents)).await.unwrap();
        assert_eq!(texts(&input.take(2000).await), numbers);
        output.close().await;
        input.end().await;
    });
}

#[test]
fn connections_are_encrypted_and_the_certificate_is_checked() {
    with_broker(|url| async move {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let proxy = Proxy::start(&url, Some(TlsAcceptor::from(Arc::new(server)))).await;
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), made.cert.pem()).unwrap();
        let url = proxy.url().replace("amqp:", "amqps:");
        let tls = format!("tls: {{enabled: true, root_cas_file: '{}'}}", ca.path().display());
        let (world, queue) = (world(), unique("tls"));
        let mut input = world.connected(&input_of(&url, &queue, &tls)).await;
        let output = world.output(&output_to(&url, &queue, &tls)).await;
        output.write(batch(&["secret"])).await.unwrap();
        assert_eq!(texts(&input.take(1).await), ["secret"]);
        output.close().await;
        input.end().await;
        // Nobody vouches for this certificate without the file.
        let stranger = world.try_output(&output_to(&url, &queue, "")).unwrap();
        let opening = tokio::time::timeout(Duration::from_secs(1), stranger.open()).await;
        assert!(opening.is_err(), "it connects without trust");
    });
}
