//! The field tables agree with those of the reference, recorded in `fields.json`, and configurations
//! as its pages show them load.

use serde_json::Value as Json;
use sluice_config::{ComponentKind, Field, Shape};
use sluice_engine::Registry;

use crate::support::{run, world};

fn recorded() -> Vec<Json> {
    serde_json::from_str(include_str!("fields.json")).unwrap()
}

/// Fields that the reference does not have.
const OURS: &[&str] = &["group_mode"];

#[test]
fn every_recorded_field_is_there_with_its_type_and_default() {
    let mut registry = Registry::default();
    sluice_kafka::register(&mut registry);
    let mut differences = Vec::new();
    for component in recorded() {
        let (kind, name) =
            (component["kind"].as_str().unwrap(), component["name"].as_str().unwrap());
        let kind = if kind == "input" { ComponentKind::Input } else { ComponentKind::Output };
        let spec = registry.get(kind, name).expect(name);
        assert_eq!(spec.status.name(), component["status"].as_str().unwrap());
        let expected = component["fields"].as_array().unwrap();
        compare(&format!("{kind} {name}"), expected, spec.config.fields, false, &mut differences);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn compare(path: &str, expected: &[Json], fields: &[Field], advanced: bool, out: &mut Vec<String>) {
    for field in fields {
        if !OURS.contains(&field.name) && !expected.iter().any(|it| it["name"] == field.name) {
            out.push(format!("{path}.{}: not recorded", field.name));
        }
    }
    for it in expected {
        let name = it["name"].as_str().unwrap();
        let path = format!("{path}.{name}");
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            out.push(format!("{path}: missing"));
            continue;
        };
        let shape = match field.shape {
            Shape::Scalar => "scalar",
            Shape::Array => "array",
            Shape::Array2d => "2darray",
            Shape::Map => "map",
        };
        let is = |key: &str| it[key].as_bool().unwrap_or(false);
        let mut check = |what: &str, ours: String, recorded: String| {
            if ours != recorded {
                out.push(format!("{path}: {what} is {ours}, recorded {recorded}"));
            }
        };
        check("type", field.ty.name().into(), it["type"].as_str().unwrap().into());
        check("kind", shape.into(), it["kind"].as_str().unwrap().into());
        check(
            "default",
            default_of(field),
            it.get("default").map_or("none".into(), Json::to_string),
        );
        check("required", field.is_required().to_string(), is("required").to_string());
        check("optional", field.optional.to_string(), is("optional").to_string());
        check("secret", field.secret.to_string(), is("secret").to_string());
        check("interpolated", field.interpolated.to_string(), is("interpolated").to_string());
        check("bloblang", field.bloblang.to_string(), is("bloblang").to_string());
        check("lint_required", field.lint_required.to_string(), is("lint_required").to_string());
        check("options_linted", field.options_linted.to_string(), is("options_linted").to_string());
        // The policy's own fields belong to the engine, which knows nothing of our `advanced`.
        let is_advanced = field.advanced || advanced || path.contains(".batching.");
        check(
            "advanced",
            is_advanced.to_string(),
            (is("advanced") || path.contains(".batching.")).to_string(),
        );
        let mut options: Vec<&str> = field.options.to_vec();
        options.sort_unstable();
        let recorded =
            it["options"].as_array().map(|it| it.iter().filter_map(Json::as_str).collect());
        let mut recorded: Vec<&str> = recorded.unwrap_or_default();
        recorded.sort_unstable();
        check("options", options.join(" "), recorded.join(" "));
        assert!(!field.doc.is_empty(), "{path} is documented");
        if let Some(below) = it["fields"].as_array() {
            compare(&path, below, field.fields, is_advanced, out);
        }
    }
}

fn default_of(field: &Field) -> String {
    let Some(node) = &field.default else { return "none".into() };
    let text = String::from_utf8(node.to_value().to_json()).unwrap();
    let json: Json = serde_json::from_str(&text).unwrap();
    // A float's zero is recorded without a point.
    if json == 0.0 { "0".into() } else { json.to_string() }
}

#[test]
fn documented_configurations_build() {
    run(async {
        let world = world();
        for config in [
            "{label: 'Kafka Chat Output', kafka: {addresses: ['localhost:9093'], topic: chat, client_id: x}}",
            "kafka: {addresses: [a:1], topic: 'for-${! json(\"user\") }', key: '${! uuid_v4() }', \
             idempotent_write: true, backoff: {max_elapsed_time: ''}, max_retries: 3, target_version: 3.1.0, \
             inject_tracing_map: 'meta = @.merge(this)'}",
            "kafka: {addresses: [a:1], topic: t, tls: {enabled: true, skip_cert_verify: true}, \
             sasl: {mechanism: SCRAM-SHA-256, user: u, password: p}}",
            "kafka_franz: {seed_brokers: [a:1], topic: t, sasl: [{mechanism: OAUTHBEARER, token: t, \
             extensions: {a: b}}]}",
            "kafka_franz: {seed_brokers: [a:1], topic: t, partitioner: manual, partition: '3'}",
            "kafka_franz: {seed_brokers: [a:1], topic: t, partitioner: uniform_bytes, \
             uniform_bytes_options: {bytes: 10KB, adaptive: true}}",
        ] {
            world.try_output(config).map_or_else(|error| panic!("{config}: {error}"), drop);
        }
        for config in [
            "{label: 'HTTP Chat Input', kafka: {addresses: ['localhost:9093,localhost:9094'], \
             topics: [chat], consumer_group: '$tyk_context.request_id', client_id: x}}",
            "kafka: {addresses: [a:1], topics: ['a:0-3', 'b:1'], rack_id: r, fetch_buffer_cap: 1, \
             transaction_isolation_level: read_committed, max_processing_period: 1s, debug: true, \
             extract_tracing_map: 'root = @', new_root_span_with_link: true}",
            "kafka_franz: {seed_brokers: [a:1], topics: ['^a.*'], regexp_topics: true, \
             group_balancers: [range, round_robin], consumer_group: g, auto_offset_reset: none, \
             fetch_max_wait: 5s, fetch_max_bytes: 10MiB, preferring_lag: 0}",
            "kafka_franz: {seed_brokers: [a:1], topics: ['a:0:10', b], \
             reconnect_on_unknown_topic_or_partition: true}",
        ] {
            let input = world.try_input(config).unwrap_or_else(|error| panic!("{config}: {error}"));
            input.abort().await;
        }
    });
}

#[test]
fn what_cannot_be_done_is_refused_with_its_reason() {
    run(async {
        let world = world();
        let refusal = |kind: &str, config: &str| {
            let error = match kind {
                "input" => world.try_input(config).err(),
                _ => world.try_output(config).err(),
            };
            error.unwrap_or_else(|| panic!("not refused: {config}")).to_string()
        };
        for (kind, config, reason) in [
            (
                "input",
                "kafka: {addresses: [a:1], topics: [t]}",
                "a consumer group must be specified",
            ),
            ("input", "kafka: {addresses: [a:1], topics: []}", "at least one topic"),
            (
                "input",
                "kafka: {addresses: [], topics: [t], consumer_group: g}",
                "at least one address",
            ),
            (
                "input",
                "kafka: {addresses: [a:1], topics: [t, 'u:1'], consumer_group: g}",
                "not currently possible",
            ),
            (
                "input",
                "kafka: {addresses: [a:1], topics: ['^.*'], consumer_group: g}",
                "cannot be the name",
            ),
            (
                "input",
                "kafka: {addresses: [a:1], topics: ['t:0'], target_version: new}",
                "target_version",
            ),
            (
                "input",
                "kafka: {addresses: [a:1], topics: ['t:0'], sasl: {mechanism: AWS_MSK_IAM}}",
                "AWS_MSK_IAM is not supported",
            ),
            (
                "input",
                "kafka: {addresses: [a:1], topics: ['t:0'], sasl: {mechanism: OAUTHBEARER, token_cache: c}}",
                "cache resource 'c' was not found",
            ),
            (
                "input",
                "kafka_franz: {seed_brokers: [a:1], topics: ['t:0'], consumer_group: g}",
                "does not support both a consumer group and explicit topic partitions",
            ),
            (
                "input",
                "kafka_franz: {seed_brokers: [a:1], topics: ['t:0'], regexp_topics: true}",
                "does not support both regular expression topics and explicit topic partitions",
            ),
            (
                "input",
                "kafka_franz: {seed_brokers: [a:1], topics: [t], group_balancers: [sticky]}",
                "sticky",
            ),
            (
                "input",
                "kafka_franz: {seed_brokers: [a:1], topics: [t], preferring_lag: 5}",
                "preferring_lag",
            ),
            (
                "input",
                "kafka_franz: {seed_brokers: [a:1], topics: [t], rate_limit: r}",
                "rate limit resource 'r' was not found",
            ),
            (
                "input",
                "kafka_franz: {seed_brokers: [a:1], topics: [t], batching: {processors: [{noop: {}}]}}",
                "at least one active trigger",
            ),
            (
                "output",
                "kafka: {addresses: [a:1], topic: t, partitioner: manual}",
                "partition field required for 'manual' partitioner",
            ),
            (
                "output",
                "kafka_franz: {seed_brokers: [a:1], topic: t, partition: '1'}",
                "a partition cannot be specified unless the partitioner is set to manual",
            ),
            (
                "output",
                "kafka: {addresses: [a:1], topic: t, custom_topic_creation: {enabled: true, partitions: 1}}",
                "topic_partitions must be greater than one, got 1",
            ),
            ("output", "kafka: {addresses: [a:1], topic: 'no topic'}", "cannot be the name"),
            ("output", "kafka: {addresses: [a:1], topic: t, colour: red}", "colour"),
        ] {
            let told = refusal(kind, config);
            assert!(told.contains(reason), "{config}: {told}");
        }
    });
}
