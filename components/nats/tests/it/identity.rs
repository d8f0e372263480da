//! Who the client is: users, tokens, NKeys; and settings that are refused.

use nkeys::KeyPair;
use sluice_testkit::{batch, texts};

use crate::support::*;

/// An input with this identity hears, and one without does not connect.
async fn check(place: &str, url: &str, auth: &str) {
    let world = world();
    let who = format!("urls: ['{url}'], auth: {{{auth}}}, subject: s");
    let mut known = world.input(&format!("nats: {{{who}}}"));
    known.connected().await;
    let output = world.output(&format!("nats: {{{who}}}")).await;
    output.write(batch(&["hello"])).await.unwrap();
    assert_eq!(texts(&known.take(1).await), ["hello"]);
    let stranger = world.input(&format!("nats: {{urls: ['nats://{place}'], subject: s}}"));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!stranger.is_connected());
}

#[test]
fn users_have_passwords() {
    with_own_server("--user ann --pass se:cret", |server| async move {
        let place = server.address.strip_prefix("nats://").unwrap().to_owned();
        check(&place, &format!("nats://ann:se%3Acret@{place}"), "").await;
    });
}

#[test]
fn tokens_stand_in_the_address() {
    with_own_server("--auth tok", |server| async move {
        let place = server.address.strip_prefix("nats://").unwrap().to_owned();
        check(&place, &format!("nats://tok@{place}"), "").await;
    });
}

#[test]
fn nkeys_come_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let (config, seed) = (directory.path().join("server.conf"), directory.path().join("seed.nk"));
    let pair = KeyPair::new_user();
    std::fs::write(&seed, format!("# a user\n{}\n", pair.seed().unwrap())).unwrap();
    let users = format!("authorization: {{users: [{{nkey: {}}}]}}\n", pair.public_key());
    std::fs::write(&config, users).unwrap();
    with_own_server(&format!("--config {}", config.display()), |server| async move {
        let place = server.address.strip_prefix("nats://").unwrap().to_owned();
        check(&place, &server.address, &format!("nkey_file: '{}'", seed.display())).await;
    });
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    for (config, expected) in [
        ("nats: {urls: ['http://x'], subject: s}", "nats: invalid URL scheme: http"),
        ("nats: {urls: [], subject: s}", "field urls: at least one address is required"),
        (
            "nats: {urls: ['nats://x'], subject: s, auth: {user_jwt: a}}",
            "missing auth.user_nkey_seed config field",
        ),
        (
            "nats: {urls: ['nats://x'], subject: s, auth: {user_nkey_seed: a}}",
            "missing auth.user_jwt config field",
        ),
        (
            "nats: {urls: ['nats://x'], subject: s, auth: {nkey_file: /no/such}}",
            "field auth.nkey_file: /no/such: ",
        ),
        (
            "nats: {urls: ['nats://x'], subject: s, auth: {user_jwt: a, user_nkey_seed: b}}",
            "field auth.user_nkey_seed: ",
        ),
        ("nats: {urls: ['nats://x'], subject: s, prefetch_count: -1}", "prefetch count must be"),
        ("nats_jetstream: {urls: ['nats://x']}", "subject is empty"),
        (
            "nats_jetstream: {urls: ['nats://x'], bind: true, subject: s}",
            "stream or durable is required, when bind is true",
        ),
    ] {
        let refused = world().refusal("input", config);
        assert!(refused.contains(expected), "{config}: {refused}");
    }
}
