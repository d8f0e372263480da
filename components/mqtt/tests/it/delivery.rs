//! What goes in comes out.

use sluice_message::Verdict;
use sluice_value::Value;

use crate::support::*;

#[test]
fn a_message_of_each_quality_arrives_with_its_metadata() {
    with_broker(|url| async move {
        for qos in 0..=2 {
            let (world, topic) = (world(), unique("round"));
            let config = format!("mqtt: {{urls: ['{url}'], topics: ['{topic}/+'], qos: {qos}}}");
            let mut input = world.connected(&config).await;
            let config = format!(
                "mqtt: {{urls: ['{url}'], topic: '{topic}/${{! json(\"to\") }}', qos: {qos}}}"
            );
            let output = world.output(&config).await;
            output.write(batch(&[r#"{"to":"a"}"#, r#"{"to":"b"}"#])).await.unwrap();
            let messages = input.take(2).await;
            assert_eq!(texts(&messages), [r#"{"to":"a"}"#, r#"{"to":"b"}"#]);
            let metadata = |name: &str| messages[1].metadata().get(name).cloned();
            assert_eq!(metadata("mqtt_topic"), Some(format!("{topic}/b").as_str().into()));
            assert_eq!(metadata("mqtt_qos"), Some(Value::from(i64::from(qos))));
            assert_eq!(metadata("mqtt_retained"), Some(false.into()));
            assert_eq!(metadata("mqtt_duplicate"), Some(false.into()));
            let id = metadata("mqtt_message_id");
            assert_eq!(id == Some(Value::from(0_i64)), qos == 0, "{id:?}");
            output.close().await;
            input.end().await;
        }
    });
}

#[test]
fn retained_messages_reach_each_late_reader_once() {
    with_broker(|url| async move {
        let (world, topic) = (world(), unique("retained"));
        let config = format!(
            "mqtt: {{urls: ['{url}'], topic: '{topic}', retained_interpolated: '${{! content() != \"now\" }}'}}"
        );
        let output = world.output(&config).await;
        output.write(batch(&["kept"])).await.unwrap();
        let config = format!("mqtt: {{urls: ['{url}'], topics: ['{topic}']}}");
        let mut first = world.input(&config);
        let kept = first.take(1).await;
        assert_eq!(texts(&kept), ["kept"]);
        assert_eq!(kept[0].metadata().get("mqtt_retained"), Some(&true.into()));
        let mut second = world.input(&config);
        assert_eq!(texts(&second.take(1).await), ["kept"]);
        first.nothing().await; // it has it
        output.write(batch(&["now"])).await.unwrap();
        assert_eq!(texts(&first.take(1).await), ["now"]);
        assert_eq!(texts(&second.take(1).await), ["now"]);
        first.end().await;
        second.end().await;
        output.close().await;
    });
}

#[test]
fn a_session_that_stays_keeps_messages_until_they_are_delivered() {
    with_own("persistence false\n", |broker| async move {
        let url = broker.url();
        let (world, other) = (world(), world());
        let config =
            format!("mqtt: {{urls: ['{url}'], topics: [t], client_id: me, clean_session: false}}");
        world.connected(&config).await.end().await;
        let output = other.output(&format!("mqtt: {{urls: ['{url}'], topic: t}}")).await;
        output.write(batch(&["away"])).await.unwrap();
        // Taken, but not delivered before the end: the broker still has it.
        let mut input = world.connected(&config).await;
        let next = input.next_within(crate::support::PATIENCE).await.expect("a message");
        let (taken, duty) = next.take_batch();
        assert_eq!(texts(&taken)[0], "away");
        input.abort().await;
        drop(duty);
        let mut input = world.connected(&config).await;
        let again = input.take(1).await;
        assert_eq!(texts(&again), ["away"]);
        assert_eq!(again[0].metadata().get("mqtt_duplicate"), Some(&true.into()));
        input.end().await;
        let mut input = world.connected(&config).await;
        input.nothing().await;
        input.end().await;
        output.close().await;
    });
}

#[test]
fn what_failed_is_sent_through_the_stream_again() {
    with_broker(|url| async move {
        let (world, topic) = (world(), unique("failed"));
        let mut input =
            world.connected(&format!("mqtt: {{urls: ['{url}'], topics: ['{topic}']}}")).await;
        let output = world.output(&format!("mqtt: {{urls: ['{url}'], topic: '{topic}'}}")).await;
        output.write(batch(&["x"])).await.unwrap();
        let next = input.next_within(crate::support::PATIENCE).await.expect("a message");
        next.resolve(Verdict::Failed(sluice_message::DeliveryError::new("no")));
        assert_eq!(texts(&input.take(1).await), ["x"]);
        input.end().await;
        output.close().await;
    });
}

#[test]
fn messages_without_a_usable_topic_fail_alone() {
    with_broker(|url| async move {
        let world = world();
        let config = format!("mqtt: {{urls: ['{url}'], topic: '${{! json(\"to\") }}'}}");
        let output = world.output(&config).await;
        let batch = batch(&[r#"{"to":"a/#"}"#, r#"{"to":"ok"}"#, "nothing"]);
        let error = output.write(batch).await.unwrap_err();
        let members: Vec<String> =
            error.members().unwrap().iter().map(|member| member.error.to_string()).collect();
        assert_eq!(members.len(), 2, "{members:?}");
        assert_eq!(members[0], "'a/#' is no topic to publish to");
        assert!(members[1].starts_with("topic interpolation error: "), "{members:?}");
        output.close().await;
    });
}

/// A certificate for 127.0.0.1, in the files that the settings of [`Mosquitto`] name.
fn certificate(broker: &std::path::Path) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(broker.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(broker.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

#[test]
fn connections_are_encrypted_and_the_certificate_is_checked() {
    if crate::support::broker().is_none() {
        return;
    }
    let files = tempfile::TempDir::new().unwrap();
    certificate(files.path());
    let path = files.path().to_str().unwrap();
    let settings =
        format!("certfile {path}/cert.pem\nkeyfile {path}/key.pem\ncafile {path}/cert.pem\n");
    let broker = Mosquitto::start(&settings);
    run(async move {
        let url = broker.address("ssl");
        let world = world();
        let tls = format!("tls: {{enabled: true, root_cas_file: '{path}/cert.pem'}}");
        let mut input =
            world.connected(&format!("mqtt: {{urls: ['{url}'], topics: [t], {tls}}}")).await;
        let output = world.output(&format!("mqtt: {{urls: ['{url}'], topic: t, {tls}}}")).await;
        output.write(batch(&["secret"])).await.unwrap();
        assert_eq!(texts(&input.take(1).await), ["secret"]);
        input.end().await;
        output.close().await;
        // Nobody vouches for this certificate without the file.
        let stranger = world.try_output(&format!("mqtt: {{urls: ['{url}'], topic: t}}")).unwrap();
        let opening =
            tokio::time::timeout(std::time::Duration::from_secs(1), stranger.open()).await;
        assert!(opening.is_err(), "it connects without trust");
        stranger.close().await;
    });
}
