//! Fields of the input and output `kafka`.

use std::collections::BTreeMap;
use std::time::Duration;

use sluice_config::{Interpolated, Query, config};
use sluice_engine::wiring::batching::BatchPolicy;

use super::{EMPTY, KafkaSasl, Tls};

config! {
    /// Reads topics, as a member of a consumer group or from named partitions.
    pub struct KafkaInput {
        /// Brokers to start from, as `host:port`. An item may hold several, separated by commas.
        addresses: Vec<String>,
        /// Topics to read; an item may hold several, separated by commas. Partitions are shared out
        /// among the members of the group, unless they are named: `foo:0` is partition 0 of `foo`,
        /// `foo:0-10` are partitions 0 to 10. Both forms together are refused.
        topics: Vec<String>,
        /// Version of Kafka, such as `3.1.0`. Checked for its form only: the client asks each broker
        /// what it speaks and uses the newest version both know.
        target_version: Option<String>,
        /// TLS on the connections to the brokers.
        tls: Tls => advanced,
        /// How the client says who it is.
        sasl: Option<KafkaSasl> => advanced,
        /// The consumer group. Required for topics without partitions; empty with named partitions
        /// means that no position is stored.
        consumer_group: String = "",
        /// How a position in the group is kept. `full`: as a member of the group, which shares the
        /// partitions with the others. `light`: only the position is stored, under the group's
        /// name, and reading is shared with all other light groups at the same topics; for groups
        /// of one reader each, such as one per user. `auto`: light where the group's name comes
        /// from a request, else full. A light input joins its group as a member when it turns out
        /// to have others.
        group_mode: String = "auto" => options("auto", "light", "full") advanced,
        /// Name of this client in the brokers' logs and quotas.
        client_id: String = "bento" => advanced,
        /// Rack of this client: brokers that know racks let it read from a replica close by.
        rack_id: String = "" => advanced,
        /// Where to begin without a stored position, or when it no longer exists: at the oldest
        /// message, else at the next new one.
        start_from_oldest: bool = true => advanced,
        /// Most messages of one partition that may be on their way at once. A position is stored
        /// only when everything before it was delivered. With 1, messages of a partition are
        /// delivered strictly one after the other.
        checkpoint_limit: usize = 1024,
        /// Whether undelivered batches are kept and sent again from here. Otherwise the partition is
        /// read again from the first message that was not delivered.
        auto_replay_nacks: bool = true,
        /// How often positions are stored. They are also stored when partitions are given away and
        /// at the end.
        commit_period: Duration = "1s" => advanced,
        /// Whether messages of transactions that are still open, or were aborted, are read.
        transaction_isolation_level: String = "read_uncommitted"
            => options("read_committed", "read_uncommitted") advanced,
        /// Accepted for compatibility. Membership in the group does not depend on how long messages
        /// take here: heartbeats go on meanwhile.
        max_processing_period: Duration = "100ms" => advanced,
        /// A mapping that takes tracing information out of a message, as an object that holds a
        /// `traceparent`, such as `root = @`.
        extract_tracing_map: Option<Query> => advanced,
        /// With `extract_tracing_map`: begins a trace of its own, linked to the extracted one.
        new_root_span_with_link: Option<bool> => advanced,
        /// Tuning of the consumer group.
        group: Group => advanced,
        /// Messages of a partition that are fetched ahead. What one fetch brings may exceed it.
        fetch_buffer_cap: usize = 256 => advanced,
        /// Whether headers become lists, so that several of one name are kept.
        multi_header: bool = false => advanced,
        /// Logs what the client does, at level debug.
        debug: bool = false => advanced,
        /// Forms batches, each of messages of one partition.
        batching: BatchPolicy => advanced,
    }
}

config! {
    /// Tuning of the consumer group.
    pub struct Group {
        /// Without a heartbeat for this long, a member is out.
        session_timeout: Duration = "10s" => advanced,
        /// Time between heartbeats.
        heartbeat_interval: Duration = "3s" => advanced,
        /// How long the group waits for a member when partitions are shared out anew.
        rebalance_timeout: Duration = "60s" => advanced,
    }
}

config! {
    /// Writes messages to a topic and waits until the brokers have them.
    pub struct KafkaOutput {
        /// Brokers to start from, as `host:port`. An item may hold several, separated by commas.
        addresses: Vec<String>,
        /// TLS on the connections to the brokers.
        tls: Tls => advanced,
        /// How the client says who it is.
        sasl: Option<KafkaSasl> => advanced,
        /// The topic.
        topic: Interpolated => lint_required,
        /// Name of this client in the brokers' logs and quotas.
        client_id: String = "bento" => advanced,
        /// Version of Kafka, such as `3.1.0`. Checked for its form only: the client asks each broker
        /// what it speaks and uses the newest version both know.
        target_version: Option<String>,
        /// Rack of this client.
        rack_id: String = "" => advanced,
        /// Key of each message; the empty text means none.
        key: Interpolated = "",
        /// How a partition is chosen: by a hash of the key (messages without one go anywhere), at
        /// random, in turn, or as `partition` says.
        partitioner: String = "fnv1a_hash"
            => options("fnv1a_hash", "murmur2_hash", "random", "round_robin", "manual"),
        /// The partition, a number; only with the partitioner `manual`.
        partition: Interpolated = "" => advanced,
        /// Creates topics that do not exist.
        custom_topic_creation: Option<TopicCreation> => advanced,
        /// How batches are compressed.
        compression: String = "none" => options("none", "snappy", "lz4", "gzip", "zstd"),
        /// Headers that every message gets.
        static_headers: Option<BTreeMap<String, String>>,
        /// Which metadata become headers.
        metadata: ExcludeFilter,
        /// A mapping that puts tracing information into a message; `this` is an object that holds
        /// the `traceparent`. Such as `meta = @.merge(this)`.
        inject_tracing_map: Option<Query> => advanced,
        /// Batches on their way at once. Above 1, small ones that wait for their turn go together.
        max_in_flight: usize = 64,
        /// Lets the broker drop duplicates that come from retries, which also keeps the order.
        /// Implies `ack_replicas`. Needs the permission `IDEMPOTENT_WRITE`.
        idempotent_write: bool = false => advanced,
        /// Whether all replicas in sync must have a message, or only the leader.
        ack_replicas: bool = false => advanced,
        /// Largest message, with its key, in bytes. Larger ones are refused, the others of their
        /// batch are sent.
        max_msg_bytes: usize = 1_000_000 => advanced,
        /// Longest wait for the answer to one request before it is tried again.
        timeout: Duration = "5s" => advanced,
        /// When messages of a batch could not be delivered, reports the whole batch as such, so
        /// that all of it is sent again in order.
        retry_as_batch: bool = false => advanced,
        /// Forms batches in front of this output.
        batching: BatchPolicy,
        /// Most retries of a request; 0 for no limit.
        max_retries: u32 = 0 => advanced,
        /// Pauses between retries.
        backoff: Backoff => advanced,
    }
}

config! {
    /// Creation of missing topics.
    pub struct TopicCreation {
        /// Whether missing topics are created.
        enabled: bool = false => advanced,
        /// Partitions of a new topic, at least 2; -1 for the broker's default.
        partitions: i32 = -1 => advanced,
        /// Copies of each partition, an odd number; -1 for the broker's default.
        replication_factor: i32 = -1 => advanced,
    }
}

config! {
    /// Metadata that are left out; all others are taken.
    pub struct ExcludeFilter {
        /// Metadata whose keys begin so are left out.
        exclude_prefixes: Vec<String> = EMPTY,
    }
}

config! {
    /// Pauses between retries: they grow from the first to the longest.
    pub struct Backoff {
        /// The first pause.
        initial_interval: Duration = "3s" => advanced,
        /// The longest pause.
        max_interval: Duration = "10s" => advanced,
        /// A message that was not delivered after this time, retries included, has failed. Empty
        /// or 0 for no limit.
        max_elapsed_time: Duration = "30s" => advanced,
    }
}
