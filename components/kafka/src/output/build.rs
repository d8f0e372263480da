//! From the fields of either output to a layout of records and the settings of a producer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use regex::Regex;
use sluice_config::Interpolated;
use sluice_engine::carrier::InjectTrace;
use sluice_engine::{BuildError, Scope, Text};

use super::KafkaSink;
use super::partitioner::Partitioning;
use super::producer::Shared;
use super::record::{Filter, Key, Layout};
use super::topics::TopicMaker;
use crate::cluster::{Cluster, Parts, Sasl, check_version};
use crate::fields::{Backoff, FranzOutput, KafkaOutput};
use crate::topics::check_name;

/// Records that a producer of the output `kafka` holds at most.
const BUFFERED: usize = 100_000;
/// Bytes that a producer holds at most, in units of 1024.
const BUFFERED_KBYTES: &str = "131072";

pub(super) fn from_kafka(config: &KafkaOutput, scope: &Scope) -> Result<KafkaSink, BuildError> {
    check_version(config.target_version.as_deref())?;
    let partitioning = kafka_partitioning(&config.partitioner)?;
    let has_partition = !config.partition.text.is_empty();
    match (partitioning, has_partition) {
        (Partitioning::Manual, false) => {
            return Err(BuildError::new("partition field required for 'manual' partitioner"));
        }
        (Partitioning::Manual, true) | (_, false) => {}
        (_, true) => {
            return Err(BuildError::new(
                "partition field can only be specified for 'manual' partitioner",
            ));
        }
    }
    let mut cluster = Cluster::new(Parts {
        brokers: &config.addresses,
        client_id: &config.client_id,
        rack_id: &config.rack_id,
        tls: &config.tls,
        sasl: Sasl::from_kafka(config.sasl.as_ref(), scope)?,
    })?;
    let topics = TopicMaker::new(config.custom_topic_creation.as_ref(), &cluster)?;
    let all = config.ack_replicas || config.idempotent_write;
    cluster.set("acks", if all { "all" } else { "1" });
    set_backoff(&mut cluster, &config.backoff, config.max_retries);
    set_writing(
        &mut cluster,
        &Writing {
            partitioning,
            idempotent: config.idempotent_write,
            compression: &config.compression,
            timeout: config.timeout,
            max_bytes: config.max_msg_bytes,
            buffered: BUFFERED,
            linger: linger(scope, config.max_in_flight),
        },
    );
    let has_key = !config.key.text.is_empty();
    let prefixes = config.metadata.exclude_prefixes.clone();
    let layout = Layout {
        topic: topic(&config.topic, scope)?,
        key: has_key
            .then(|| {
                Ok::<_, BuildError>(Key { text: scope.text(&config.key)?, empty_is_none: true })
            })
            .transpose()?,
        partition: has_partition.then(|| scope.text(&config.partition)).transpose()?,
        static_headers: config.static_headers.clone().unwrap_or_default(),
        filter: declared(Filter::AllBut { prefixes }, scope),
        inject: InjectTrace::new(config.inject_tracing_map.as_ref(), scope)?,
        max_bytes: config.max_msg_bytes,
        max_bytes_field: "max_msg_bytes",
    };
    Ok(KafkaSink {
        shared: Shared::of(cluster, partitioning, scope)?,
        layout: Arc::new(layout),
        topics: topics.map(Arc::new),
        all_or_nothing: config.retry_as_batch,
    })
}

pub(super) fn from_franz(config: &FranzOutput, scope: &Scope) -> Result<KafkaSink, BuildError> {
    let partitioning = franz_partitioning(config)?;
    let partition = config.partition.as_ref().filter(|partition| !partition.text.is_empty());
    match (partitioning, partition) {
        (Partitioning::Manual, None) => {
            return Err(BuildError::new(
                "a partition must be specified when the partitioner is set to manual",
            ));
        }
        (Partitioning::Manual, Some(_)) | (_, None) => {}
        (_, Some(_)) => {
            return Err(BuildError::new(
                "a partition cannot be specified unless the partitioner is set to manual",
            ));
        }
    }
    let mut cluster = Cluster::new(Parts {
        brokers: &config.seed_brokers,
        client_id: &config.client_id,
        rack_id: &config.rack_id,
        tls: &config.tls,
        sasl: Sasl::from_franz(config.sasl.as_deref())?,
    })?;
    let max_bytes = i32::try_from(config.max_message_bytes.0).map_err(|_| {
        BuildError::new(format!("invalid max_message_bytes, must not exceed {}", i32::MAX))
    })?;
    let refresh = config.metadata_max_age.clamp(Duration::from_secs(1), Duration::from_hours(1));
    cluster.set_millis("topic.metadata.refresh.interval.ms", refresh);
    cluster.set("acks", "all");
    cluster.set("message.timeout.ms", "0"); // kept until a broker takes or refuses it
    set_writing(
        &mut cluster,
        &Writing {
            partitioning,
            idempotent: config.idempotent_write,
            compression: config.compression.as_deref().unwrap_or("snappy"),
            timeout: config.timeout,
            max_bytes: max_bytes as usize,
            buffered: config.max_buffered_records,
            linger: linger(scope, config.max_in_flight),
        },
    );
    let key = config
        .key
        .as_ref()
        .map(|key| Ok::<_, BuildError>(Key { text: scope.text(key)?, empty_is_none: false }));
    let layout = Layout {
        topic: topic(&config.topic, scope)?,
        key: key.transpose()?,
        partition: partition.map(|partition| scope.text(partition)).transpose()?,
        static_headers: BTreeMap::new(),
        filter: declared(franz_filter(config)?, scope),
        inject: None,
        max_bytes: max_bytes as usize,
        max_bytes_field: "max_message_bytes",
    };
    Ok(KafkaSink {
        shared: Shared::of(cluster, partitioning, scope)?,
        layout: Arc::new(layout),
        topics: None,
        all_or_nothing: false,
    })
}

fn kafka_partitioning(name: &str) -> Result<Partitioning, BuildError> {
    let library = |name| Partitioning::Library { name, sticky: false };
    match name.to_ascii_lowercase().as_str() {
        "fnv1a_hash" => Ok(library("fnv1a_random")),
        "murmur2_hash" => Ok(library("murmur2_random")),
        "random" => Ok(library("random")),
        "round_robin" => Ok(Partitioning::RoundRobin),
        "manual" => Ok(Partitioning::Manual),
        _ => Err(BuildError::new(format!("partitioner not recognised: {name}"))),
    }
}

fn franz_partitioning(config: &FranzOutput) -> Result<Partitioning, BuildError> {
    let Some(name) = &config.partitioner else {
        return Ok(Partitioning::Library { name: "murmur2_random", sticky: true });
    };
    match name.to_ascii_lowercase().as_str() {
        "murmur2_hash" => Ok(Partitioning::Library { name: "murmur2_random", sticky: true }),
        "round_robin" => Ok(Partitioning::RoundRobin),
        "least_backup" => Ok(Partitioning::LeastBackup),
        "manual" => Ok(Partitioning::Manual),
        "uniform_bytes" => {
            let options = config.uniform_bytes_options.as_ref();
            Ok(Partitioning::UniformBytes {
                bytes: options.map_or(1_000_000, |options| options.bytes.0),
                adaptive: options.is_some_and(|options| options.adaptive),
                keys: options.is_some_and(|options| options.keys),
            })
        }
        _ => Err(BuildError::new(format!("unknown partitioner: {name}"))),
    }
}

/// The same filter; the stream knows of it when metadata become headers.
fn declared(filter: Filter, scope: &Scope) -> Filter {
    if !filter.takes_nothing() {
        scope.reads_metadata();
    }
    filter
}

fn franz_filter(config: &FranzOutput) -> Result<Filter, BuildError> {
    let (mut prefixes, mut patterns) = (Vec::new(), Vec::new());
    if let Some(filter) = &config.metadata {
        prefixes.clone_from(&filter.include_prefixes);
        for text in &filter.include_patterns {
            let pattern = Regex::new(text).map_err(|error| {
                BuildError::new(format!("metadata.include_patterns: '{text}': {error}"))
            })?;
            patterns.push(pattern);
        }
    }
    Ok(Filter::Only { prefixes, patterns })
}

fn topic(field: &Interpolated, scope: &Scope) -> Result<Text, BuildError> {
    let text = scope.text(field)?;
    if let Some(fixed) = text.fixed() {
        check_name(fixed)?;
    }
    Ok(text)
}

/// What the client library is told about writing.
struct Writing<'a> {
    partitioning: Partitioning,
    idempotent: bool,
    compression: &'a str,
    timeout: Duration,
    max_bytes: usize,
    buffered: usize,
    linger: &'static str,
}

/// How long a request gathers, in milliseconds. Little waits for company: a fifth of one, for what
/// comes together is handed over together, and what arrives while requests are out makes the next one
/// larger; a request for each message would cost broker and client several times as much. Where nobody
/// waits for single messages, and many are on their way, the client library's usual time: larger
/// requests are more than half of the speed then.
fn linger(scope: &Scope, max_in_flight: usize) -> &'static str {
    if scope.is_relay() && max_in_flight > 1 { "5" } else { "0.2" }
}

fn set_writing(cluster: &mut Cluster, writing: &Writing<'_>) {
    cluster.set("enable.idempotence", writing.idempotent.to_string());
    cluster.set("compression.codec", writing.compression.to_ascii_lowercase());
    let timeout = writing.timeout.max(Duration::from_millis(1));
    cluster.set_millis("request.timeout.ms", timeout);
    // Ours is the exact bound; the library's also covers what it adds around the content.
    let max_bytes = writing.max_bytes.saturating_add(4096).clamp(1000, 1_000_000_000);
    cluster.set("message.max.bytes", max_bytes.to_string());
    cluster.set("queue.buffering.max.messages", writing.buffered.clamp(1, 10_000_000).to_string());
    cluster.set("queue.buffering.max.kbytes", BUFFERED_KBYTES);
    cluster.set("linger.ms", writing.linger);
    // A broker answers the requests of a connection one after the other: a second one on its way keeps
    // it busy, more of them would only be smaller.
    cluster.set("max.in.flight.requests.per.connection", "2");
    let (partitioner, sticky) = match writing.partitioning {
        Partitioning::Library { name, sticky } => (name, if sticky { "10" } else { "0" }),
        _ => ("random", "0"),
    };
    cluster.set("partitioner", partitioner);
    cluster.set("sticky.partitioning.linger.ms", sticky);
}

/// The client library retries by itself, with pauses between these bounds, for so long.
fn set_backoff(cluster: &mut Cluster, backoff: &Backoff, max_retries: u32) {
    let longest = Duration::from_mins(5);
    let pause = |pause: Duration| pause.clamp(Duration::from_millis(1), longest);
    let (first, last) = (pause(backoff.initial_interval), pause(backoff.max_interval));
    cluster.set_millis("retry.backoff.ms", first.min(last));
    cluster.set_millis("retry.backoff.max.ms", last);
    let elapsed = backoff.max_elapsed_time.min(Duration::from_millis(i32::MAX as u64));
    cluster.set_millis("message.timeout.ms", elapsed);
    let retries = if max_retries == 0 { i32::MAX as u32 } else { max_retries.min(i32::MAX as u32) };
    cluster.set("message.send.max.retries", retries.to_string());
}
