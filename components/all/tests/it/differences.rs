//! Where we differ from the reference on purpose, and what is not there.

/// A difference (by how its line begins) and the reason for it.
pub(crate) const KNOWN: &[(&str, &str)] = &[
    ("input.http_client.body: ours alone", BODY),
    ("input.http_client.follow_redirects: ours alone", REDIRECTS),
    ("input.kafka.group_mode: ours alone", LIGHT),
    ("input.kafka_franz.group_mode: ours alone", LIGHT),
    ("output.http_client.body: ours alone", BODY),
    ("output.http_client.follow_redirects: ours alone", REDIRECTS),
    ("output.http_server.consumer_group: ours alone", "published documents of gateways have it"),
    ("processor.http.body: ours alone", BODY),
    ("processor.http.follow_redirects: ours alone", REDIRECTS),
    ("processor.parse_log.codec: optional", "a field that does nothing may be left out"),
    ("tracer.open_telemetry_collector.grpc: default", "a list that is not there is empty"),
    ("tracer.open_telemetry_collector.http: default", "a list that is not there is empty"),
];

const BODY: &str = "published examples have it, although the reference's program does not know it";
const LIGHT: &str = "groups of one reader each share their reading, which has to be switchable";
const REDIRECTS: &str = "whether redirects are followed is a question of safety";

/// Not built yet; later issues bring them.
#[cfg_attr(not(feature = "full"), allow(dead_code))]
const LATER: &str = "not built yet";

/// Components of the reference that this build does not have, and why.
#[cfg_attr(not(feature = "full"), allow(dead_code))]
pub(crate) const MISSING: &[(&str, &str)] = &[
    ("cache.memcached", LATER),
    ("cache.nats_kv", LATER),
    ("input.amqp_1", LATER),
    ("input.nats_kv", LATER),
    ("input.nats_object_store", LATER),
    ("input.nats_stream", LATER),
    ("input.nsq", LATER),
    ("output.amqp_1", LATER),
    ("output.nats_kv", LATER),
    ("output.nats_object_store", LATER),
    ("output.nats_stream", LATER),
    ("output.nsq", LATER),
    ("processor.nats_kv", LATER),
    ("processor.nats_object_store", LATER),
];
