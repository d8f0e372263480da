//! Keys: scans, hashes, commands, scripts, the cache and the rate limit.

use std::time::Duration;

use bytes::Bytes;
use sluice_engine::CacheError;
use sluice_message::Message;
use sluice_testkit::{batch, run, texts, unique};

use crate::support::{Plain, with_own_server, with_server, world};

#[test]
fn a_scan_brings_each_key_with_its_value_and_ends() {
    with_own_server(|server| async move {
        let (world, url) = (world(), server.address.clone());
        let plain = Plain::new(&format!("{url}/3")).await;
        for n in 0..35 {
            let _: String = plain.ask(&format!("SET user:{n} {n}")).await;
        }
        let _: String = plain.ask("SET other x").await;
        let _: i64 = plain.ask("RPUSH user:list x").await;
        let mut input = world.input(&format!("redis_scan: {{url: '{url}/3', match: 'user:*'}}"));
        let mut found = texts(&input.take(35).await);
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 35);
        assert_eq!(found[0], r#"{"key":"user:0","value":"0"}"#);
        input.ends().await;
    });
}

#[test]
fn hashes_are_made_of_metadata_documents_and_fields() {
    with_server(|url| async move {
        let (world, key) = (world(), unique("hash"));
        let output = world
            .output(&format!(
                "redis_hash: {{url: '{url}', key: '{key}-${{! this.id }}', walk_metadata: true, \
                 walk_json_object: true, fields: {{c: '${{! this.a + 1 }}'}}}}"
            ))
            .await;
        let mut message = Message::from(r#"{"id":"x","a":1,"b":true,"c":"document"}"#);
        message.set_metadata("a", "metadata");
        message.set_metadata("m", "metadata");
        output.write(message.into()).await.unwrap();
        let plain = Plain::new(&url).await;
        let mut fields: Vec<(String, String)> = plain.ask(&format!("HGETALL {key}-x")).await;
        fields.sort();
        let expected = [("a", "1"), ("b", "1"), ("c", "2"), ("id", "x"), ("m", "metadata")];
        assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let error = output.write(batch(&["[]"])).await.unwrap_err();
        let expected = "failed to walk JSON object: expected JSON object, found '[]interface {}'";
        assert_eq!(error.to_string(), expected);
        let nested = output.write(batch(&[r#"{"id":"x","a":{}}"#])).await;
        assert!(nested.is_err());
    });
    let refused = world().refusal("output", "redis_hash: {url: 'redis://localhost', key: k}");
    assert!(refused.contains("at least one mechanism for setting fields must be enabled"));
}

#[test]
fn commands_answer_with_documents() {
    with_server(|url| async move {
        let (world, key) = (world(), unique("cmd"));
        let command = |command: &str, arguments: &str| {
            format!(
                "redis: {{url: '{url}', command: {command}, args_mapping: 'root = {arguments}', \
                 retries: 0, retry_period: 1ms}}"
            )
        };
        for (name, arguments, expected) in [
            ("set", format!(r#"["{key}", 7]"#), r#""OK""#),
            ("incrby", format!(r#"["{key}", this.by]"#), "10"),
            ("get", format!(r#"["{key}"]"#), r#""10""#),
            ("hset", format!(r#"["{key}-h", "a", 1.5, "b", "x"]"#), "2"),
            ("hgetall", format!(r#"["{key}-h"]"#), r#"{"a":"1.5","b":"x"}"#),
            ("mget", format!(r#"["{key}", "{key}-no"]"#), r#"["10",null]"#),
        ] {
            let config = command(name, &arguments);
            let made = world.process(&config, batch(&[r#"{"by":3}"#])).await;
            let expected = expected.trim_matches('"').replace("\\\"", "\"");
            assert_eq!(texts(&made), [expected], "{name}");
            assert!(made[0].failure().is_none());
        }
        for (name, arguments, expected) in [
            ("get", format!(r#"["{key}-no"]"#), "redis: nil"),
            ("lpush", format!(r#"["{key}", "x"]"#), "WRONGTYPE Operation against a key holding"),
            (
                "get",
                r#"{"a":1}"#.to_owned(),
                "mapping returned non-array result: map[string]interface {}",
            ),
            ("get", "[[]]".to_owned(), "redis: can't marshal []interface {}"),
            ("get", r#"["k"].index(this.no)"#.to_owned(), "args mapping failed: "),
            ("select", "[1]".to_owned(), "the command select is not allowed"),
        ] {
            let made = world.process(&command(name, &arguments), batch(&["{}"])).await;
            let failure = made[0].failure().unwrap().message.clone();
            assert!(failure.contains(expected), "{name}: {failure}");
            assert_eq!(made[0].bytes(), "{}", "the message stays as it was");
        }
    });
}

#[test]
fn a_command_that_waits_holds_nobody_up() {
    with_server(|url| async move {
        let (world, key) = (world(), unique("wait"));
        let waits = format!(
            "redis: {{url: '{url}', command: blpop, args_mapping: 'root = [\"{key}\", 0]'}}"
        );
        let waiting = {
            let world = world.clone();
            tokio::spawn(async move { world.process(&waits, batch(&["x"])).await })
        };
        tokio::time::sleep(Duration::from_millis(200)).await;
        let push = format!(
            "redis: {{url: '{url}', command: rpush, args_mapping: 'root = [\"{key}\", content()]'}}"
        );
        assert_eq!(texts(&world.process(&push, batch(&["hello"])).await), ["1"]);
        let popped = texts(&waiting.await.unwrap());
        assert_eq!(popped, [format!(r#"["{key}","hello"]"#)]);
    });
}

#[test]
fn operators_of_old_still_work() {
    with_server(|url| async move {
        let (world, key) = (world(), unique("old"));
        let operator =
            |name: &str| format!("redis: {{url: '{url}', operator: {name}, key: '{key}-{name}'}}");
        assert_eq!(texts(&world.process(&operator("incrby"), batch(&["5"])).await), ["5"]);
        let set = operator("sadd");
        assert_eq!(texts(&world.process(&set, batch(&["a", "a", "b"])).await), ["1", "0", "1"]);
        let size = set.replace("operator: sadd", "operator: scard");
        assert_eq!(texts(&world.process(&size, batch(&["?"])).await), ["2"]);
        let keys = operator("keys").replace("-keys", "-s*");
        let expected = format!(r#"["{key}-sadd"]"#);
        assert_eq!(texts(&world.process(&keys, batch(&["?"])).await), [expected]);
        let made = world.process(&operator("incrby"), batch(&["no number"])).await;
        let failure = made[0].failure().unwrap().message.clone();
        assert!(failure.starts_with("redis operator failed: strconv.Atoi: "), "{failure}");
    });
}

#[test]
fn scripts_get_keys_and_arguments() {
    with_server(|url| async move {
        let (world, key) = (world(), unique("script"));
        let script = |text: &str| {
            format!(
                "redis_script: {{url: '{url}', script: \"{text}\", keys_mapping: 'root = [this.k]', \
                 args_mapping: 'root = [this.v, 2]', retries: 0, retry_period: 1ms}}"
            )
        };
        let input = format!(r#"{{"k":"{key}","v":"x"}}"#);
        let config =
            script("redis.call('set', KEYS[1], ARGV[1]); return {KEYS[1], ARGV[1], #ARGV}");
        let made = world.process(&config, batch(&[&input])).await;
        assert_eq!(texts(&made), [format!(r#"["{key}","x",2]"#)]);
        let made =
            world.process(&script("return redis.call('get', KEYS[1])"), batch(&[&input])).await;
        assert_eq!(texts(&made), ["x"]);
        let made = world.process(&script("return nil"), batch(&[&input])).await;
        assert_eq!(made[0].failure().unwrap().message, "redis: nil");
        let made = world.process(&script("return 1"), batch(&["no document"])).await;
        let failure = made[0].failure().unwrap().message.clone();
        assert!(failure.starts_with("args_mapping failed: mapping failed: "), "{failure}");
    });
}

#[test]
fn the_cache_keeps_values_and_lets_them_go() {
    with_server(|url| async move {
        let (world, key) = (world(), unique("cache"));
        let cache =
            world.cache(&format!("redis: {{url: '{url}', prefix: 'p-', default_ttl: 60s}}"));
        assert_eq!(cache.get(&key).await.unwrap(), None);
        cache.add(&key, Bytes::from_static(b"1"), None).await.unwrap();
        let again = cache.add(&key, Bytes::from_static(b"2"), None).await;
        assert!(matches!(again, Err(CacheError::Exists(_))));
        cache.set(&key, Bytes::from_static(b"3"), None).await.unwrap();
        assert_eq!(cache.get(&key).await.unwrap().unwrap(), "3");
        let plain = Plain::new(&url).await;
        let left: i64 = plain.ask(&format!("PTTL p-{key}")).await;
        assert!((50_000..=60_000).contains(&left), "{left}");
        cache.set(&key, Bytes::from_static(b"4"), Some(Duration::from_millis(20))).await.unwrap();
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(cache.get(&key).await.unwrap(), None);
        cache.set(&key, Bytes::from_static(b"5"), None).await.unwrap();
        cache.delete(&key).await.unwrap();
        cache.delete(&key).await.unwrap();
        assert_eq!(cache.get(&key).await.unwrap(), None);
    });
}

#[test]
fn a_cache_without_a_server_gives_up_in_time() {
    run(async {
        let cache = world().cache(
            "redis: {url: 'redis://127.0.0.1:1', retries: {initial_interval: 1ms, max_interval: 5ms, \
             max_elapsed_time: 50ms}}",
        );
        assert!(cache.get("k").await.is_err());
    });
}

#[test]
fn a_rate_limit_is_shared_by_all_who_use_its_key() {
    with_server(|url| async move {
        let key = unique("limit");
        let config = format!("redis: {{url: '{url}', key: '{key}', count: 2, interval: 3s}}");
        // Two programs.
        let limits = [world().rate_limit(&config), world().rate_limit(&config)];
        assert_eq!(limits[0].access(1).await.unwrap(), None);
        assert_eq!(limits[1].access(1).await.unwrap(), None);
        let wait = limits[0].access(1).await.unwrap().unwrap();
        assert!(wait <= Duration::from_secs(3), "{wait:?}");
        tokio::time::sleep(wait + Duration::from_millis(20)).await;
        assert_eq!(limits[1].access(1).await.unwrap(), None);
    });
    let refused =
        world().refusal("rate_limit", "redis: {url: 'redis://localhost', key: k, count: 0}");
    assert!(refused.ends_with("count must be larger than zero"), "{refused}");
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    for (config, expected) in [
        ("redis_scan: {url: 'http://x'}", "redis: invalid URL scheme: http"),
        ("redis_scan: {url: 'redis://x', kind: failover}", "field master is required"),
        ("redis_scan: {url: 'redis://x', kind: cluster}", "redis_scan does not support clusters"),
        (
            "redis_scan: {url: 'redis://x', tls: {enabled: true, root_cas: no}}",
            "field tls.root_cas: no certificate in it",
        ),
        ("redis_pubsub: {url: 'redis://x', channels: []}", "at least one channel"),
    ] {
        let refused = world().refusal("input", config);
        assert!(refused.contains(expected), "{config}: {refused}");
    }
}
