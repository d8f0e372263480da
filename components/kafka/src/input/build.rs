//! From the fields of either input to settings.

use std::sync::Mutex;
use std::time::Duration;

use regex::Regex;
use sluice_engine::carrier::ExtractTrace;
use sluice_engine::wiring::batching::BatchPolicy;
use sluice_engine::{BuildError, Scope};
use tracing::info;

use super::settings::{Settings, Wanted};
use crate::cluster::{Cluster, Parts, Sasl, check_version, split_list};
use crate::fields::{FranzInput, KafkaInput};
use crate::light;
use crate::topics::{NEWEST, OLDEST, Topics, check_name};

/// How long a broker may wait for new messages before it answers a fetch. It answers at once when
/// there are some, so this bounds how often an idle consumer asks, and how long a partition that was
/// just assigned waits for the answer to an earlier fetch.
const FETCH_WAIT: Duration = Duration::from_millis(100);
/// Partitions that are fetched ahead are looked at again after this time. The client library's
/// default of a second would let a fast reader starve.
const FETCH_PAUSE: Duration = Duration::from_millis(1);
/// Messages of a partition that are fetched ahead where no field says how many, within the bytes
/// that a consumer keeps: with no more than may be on their way, a fast reader waits for each fetch.
const FETCH_AHEAD: usize = 10_000;
/// Most messages on their way may delay giving a partition away.
const REVOKE_PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn from_kafka(config: &KafkaInput, scope: &Scope) -> Result<Settings, BuildError> {
    check_version(config.target_version.as_deref())?;
    let topics = Topics::parse(&config.topics, false, NEWEST)?;
    let wanted = match (topics.names.is_empty(), topics.partitions.is_empty()) {
        (true, true) => {
            return Err(BuildError::new("must specify at least one topic in the topics field"));
        }
        (false, false) => {
            return Err(BuildError::new(
                "it is not currently possible to include balanced and explicit partition topics in the same kafka input",
            ));
        }
        (false, true) if config.consumer_group.is_empty() => {
            return Err(BuildError::new(
                "a consumer group must be specified when consuming balanced topics",
            ));
        }
        _ => Wanted { names: topics.names, partitions: topics.partitions, ..Wanted::default() },
    };
    wanted.names.iter().try_for_each(|name| check_name(name))?;
    let mut cluster = Cluster::new(Parts {
        brokers: &config.addresses,
        client_id: &config.client_id,
        rack_id: &config.rack_id,
        tls: &config.tls,
        sasl: Sasl::from_kafka(config.sasl.as_ref(), scope)?,
    })?;
    let group = &config.group;
    cluster.set_millis("session.timeout.ms", group.session_timeout);
    cluster.set_millis("heartbeat.interval.ms", group.heartbeat_interval);
    cluster.set_millis("max.poll.interval.ms", group.rebalance_timeout.max(group.session_timeout));
    cluster.set("partition.assignment.strategy", "range");
    // What a fetch brings beyond this is kept, too: the setting only says when to fetch again.
    cluster.set("queued.min.messages", config.fetch_buffer_cap.max(1).to_string());
    cluster.set("allow.auto.create.topics", "true");
    if config.debug {
        cluster.verbose();
    }
    let group_id = Some(config.consumer_group.clone()).filter(|group| !group.is_empty());
    set_reading(
        &mut cluster,
        group_id.as_deref(),
        if config.start_from_oldest { "earliest" } else { "latest" },
        &config.transaction_isolation_level,
        FETCH_WAIT,
    );
    let batching = batching(&config.batching);
    let extract = config.extract_tracing_map.as_ref();
    let identity = light::obstacle(cluster.config());
    let obstacle = obstacle(&[
        ("an empty consumer_group", group_id.is_none()),
        ("batching", batching.is_some()),
        ("extract_tracing_map", extract.is_some()),
        (identity.unwrap_or_default(), identity.is_some()),
    ]);
    Ok(Settings {
        is_light: is_light(&config.group_mode, obstacle, scope)?,
        cluster,
        wanted,
        group: group_id,
        from_oldest: config.start_from_oldest,
        checkpoint_limit: config.checkpoint_limit,
        commit_period: config.commit_period,
        revoke_patience: (group.rebalance_timeout / 2).min(REVOKE_PATIENCE),
        refresh: Duration::from_mins(5),
        reconnect_on_missing: false,
        multi_header: config.multi_header,
        with_lag: true,
        batching,
        rate_limit: None,
        tracing: ExtractTrace::new(extract, config.new_root_span_with_link, scope)?,
        remembered: Mutex::default(),
    })
}

pub(super) fn from_franz(config: &FranzInput, scope: &Scope) -> Result<Settings, BuildError> {
    if config.preferring_lag.is_some_and(|lag| lag != 0) {
        return Err(BuildError::new(
            "preferring_lag is not supported: the client library orders fetches itself",
        ));
    }
    let oldest = if config.start_from_oldest { "earliest" } else { "latest" };
    let reset = config.auto_offset_reset.as_deref().unwrap_or(oldest).to_ascii_lowercase();
    let from_oldest = reset == "earliest";
    let group = config.consumer_group.clone().filter(|group| !group.is_empty());
    let wanted = franz_wanted(config, group.is_some(), from_oldest)?;
    let mut cluster = Cluster::new(Parts {
        brokers: &config.seed_brokers,
        client_id: &config.client_id,
        rack_id: &config.rack_id,
        tls: &config.tls,
        sasl: Sasl::from_franz(config.sasl.as_deref())?,
    })?;
    cluster.set("partition.assignment.strategy", strategies(&config.group_balancers)?);
    let refresh = config.metadata_max_age.clamp(Duration::from_secs(1), Duration::from_hours(1));
    cluster.set_millis("topic.metadata.refresh.interval.ms", refresh);
    // An answer may exceed what was asked for by one batch.
    let fetch = config.fetch_max_bytes.0.clamp(1000, 1 << 30);
    let partition = config.fetch_max_partition_bytes.0.clamp(1, 1 << 30);
    cluster.set("fetch.max.bytes", fetch.to_string());
    cluster.set("max.partition.fetch.bytes", partition.to_string());
    cluster.set("message.max.bytes", fetch.min(1_000_000).to_string());
    cluster.set("receive.message.max.bytes", (fetch + 50_000_000).to_string());
    cluster.set("queued.min.messages", FETCH_AHEAD.to_string());
    set_reading(
        &mut cluster,
        group.as_deref(),
        if reset == "none" { "error" } else { &reset },
        &config.transaction_isolation_level,
        config.fetch_max_wait.min(FETCH_WAIT),
    );
    let limit = Some(&config.rate_limit).filter(|label| !label.is_empty());
    let batching = batching(&config.batching);
    let extract = config.extract_tracing_map.as_ref();
    let identity = light::obstacle(cluster.config());
    let obstacle = obstacle(&[
        ("an empty consumer_group", group.is_none()),
        ("batching", batching.is_some()),
        ("rate_limit", limit.is_some()),
        ("extract_tracing_map", extract.is_some()),
        ("auto_offset_reset: none", reset == "none"),
        (identity.unwrap_or_default(), identity.is_some()),
    ]);
    Ok(Settings {
        is_light: is_light(&config.group_mode, obstacle, scope)?,
        cluster,
        wanted,
        group,
        from_oldest,
        checkpoint_limit: config.checkpoint_limit,
        commit_period: config.commit_period,
        revoke_patience: REVOKE_PATIENCE,
        refresh,
        reconnect_on_missing: config.reconnect_on_unknown_topic_or_partition,
        multi_header: config.multi_header,
        with_lag: false,
        batching,
        rate_limit: limit.map(|label| scope.resources().rate_limit(label)).transpose()?,
        tracing: ExtractTrace::new(extract, config.new_root_span_with_link, scope)?,
        remembered: Mutex::default(),
    })
}

fn franz_wanted(config: &FranzInput, group: bool, from_oldest: bool) -> Result<Wanted, BuildError> {
    let unspecified = if from_oldest { OLDEST } else { NEWEST };
    if config.regexp_topics {
        // A pattern may contain commas and colons; only `topic:partition` is not one.
        let patterns = split_list(&config.topics);
        if Topics::parse(&config.topics, true, unspecified)
            .is_ok_and(|it| !it.partitions.is_empty())
        {
            return Err(BuildError::new(
                "this input does not support both regular expression topics and explicit topic partitions",
            ));
        }
        let patterns = patterns.iter().map(|text| {
            Regex::new(text).map_err(|error| BuildError::new(format!("topics: '{text}': {error}")))
        });
        let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
        return non_empty(Wanted { patterns, ..Wanted::default() });
    }
    let topics = Topics::parse(&config.topics, true, unspecified)?;
    topics.names.iter().try_for_each(|name| check_name(name))?;
    if topics.partitions.is_empty() {
        return non_empty(Wanted {
            names: topics.names,
            all_partitions: !group,
            ..Wanted::default()
        });
    }
    if group {
        return Err(BuildError::new(
            "this input does not support both a consumer group and explicit topic partitions",
        ));
    }
    non_empty(Wanted {
        all_partitions: !topics.names.is_empty(),
        names: topics.names,
        partitions: topics.partitions,
        patterns: Vec::new(),
    })
}

fn non_empty(wanted: Wanted) -> Result<Wanted, BuildError> {
    if wanted.names.is_empty() && wanted.patterns.is_empty() && wanted.partitions.is_empty() {
        return Err(BuildError::new("must specify at least one topic in the topics field"));
    }
    Ok(wanted)
}

/// The client library's names of ways to share partitions out.
fn strategies(balancers: &[String]) -> Result<String, BuildError> {
    let mut names: Vec<&str> = Vec::new();
    for balancer in balancers {
        let name = match balancer.as_str() {
            "range" => "range",
            "round_robin" => "roundrobin",
            "cooperative_sticky" => "cooperative-sticky",
            "sticky" => {
                return Err(BuildError::new(
                    "group_balancers: sticky is not supported, cooperative_sticky is",
                ));
            }
            other => {
                return Err(BuildError::new(format!("undefined group_balancer option: [{other}]")));
            }
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.as_slice() {
        [] => Ok("cooperative-sticky".into()),
        [_, _, ..] if names.contains(&"cooperative-sticky") => Err(BuildError::new(
            "group_balancers: cooperative_sticky cannot be combined with others",
        )),
        names => Ok(names.join(",")),
    }
}

fn set_reading(
    cluster: &mut Cluster,
    group: Option<&str>,
    reset: &str,
    isolation: &str,
    fetch_wait: Duration,
) {
    // The client library wants a group even to read without one; nothing is stored under this name.
    cluster.set("group.id", group.unwrap_or("sluice-without-group"));
    cluster.set("auto.offset.reset", reset);
    cluster.set("isolation.level", isolation.to_ascii_lowercase());
    // Positions are stored by us, and only after delivery.
    cluster.set("enable.auto.commit", "false");
    cluster.set("enable.auto.offset.store", "false");
    cluster.set_millis("fetch.wait.max.ms", fetch_wait);
    cluster.set_millis("fetch.queue.backoff.ms", FETCH_PAUSE);
    cluster.set("fetch.error.backoff.ms", "200");
    // Bounds what one consumer keeps of messages not yet read.
    cluster.set("queued.max.messages.kbytes", "16384");
}

/// The first thing that keeps a group from being light.
fn obstacle(things: &[(&'static str, bool)]) -> Option<&'static str> {
    things.iter().find(|(_, is_there)| *is_there).map(|(name, _)| *name)
}

/// Whether the group's reading is shared with others.
fn is_light(mode: &str, obstacle: Option<&'static str>, scope: &Scope) -> Result<bool, BuildError> {
    match (mode.to_ascii_lowercase().as_str(), obstacle) {
        ("full", _) => Ok(false),
        ("light", Some(obstacle)) => {
            Err(BuildError::new(format!("group_mode: light cannot be combined with {obstacle}")))
        }
        ("light", None) => Ok(true),
        (_, None) => Ok(scope.is_filled("consumer_group")),
        (_, Some(obstacle)) => {
            if scope.is_filled("consumer_group") {
                info!(label = %scope.label(), path = %scope.path(), "each user joins the consumer group as a member of its own, because of {obstacle}");
            }
            Ok(false)
        }
    }
}

fn batching(policy: &BatchPolicy) -> Option<BatchPolicy> {
    let single = policy.count <= 1
        && policy.byte_size == 0
        && policy.period.is_zero()
        && policy.check.text.is_empty();
    let processed = policy.processors.as_ref().is_some_and(|list| !list.is_empty());
    (processed || !single).then(|| policy.clone())
}
