//! Fields of the input and output `kafka_franz`.

use std::time::Duration;

use sluice_config::{ByteSize, Interpolated, Query, config};
use sluice_engine::wiring::batching::BatchPolicy;

use super::{EMPTY, FranzSasl, Tls};

config! {
    /// Reads topics, as a member of a consumer group, from named partitions or from all of them.
    pub struct FranzInput {
        /// Brokers to start from, as `host:port`. An item may hold several, separated by commas.
        seed_brokers: Vec<String>,
        /// Topics to read; an item may hold several, separated by commas. With a group, partitions
        /// are shared out among its members; without one, all are read. Partitions can be named:
        /// `foo:0` is partition 0 of `foo`, `foo:0-10` are partitions 0 to 10, and `foo:0:10` begins
        /// at offset 10.
        topics: Vec<String>,
        /// Whether topics are regular expressions, matched anywhere in a name. New topics that match
        /// are found within `metadata_max_age`.
        regexp_topics: bool = false,
        /// The consumer group, if any. Not with named partitions.
        consumer_group: Option<String>,
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
        /// Most messages of one partition that may be on their way at once. A position is stored
        /// only when everything before it was delivered.
        checkpoint_limit: usize = 1024 => advanced,
        /// Whether undelivered batches are kept and sent again from here. Otherwise the partition is
        /// read again from the first message that was not delivered.
        auto_replay_nacks: bool = true,
        /// How often positions are stored. They are also stored when partitions are given away and
        /// at the end.
        commit_period: Duration = "5s" => advanced,
        /// Where to begin without a stored position, or when it no longer exists: at the oldest
        /// message, else at the next new one.
        start_from_oldest: bool = true => advanced,
        /// Whether to connect anew when a topic or partition turns out not to exist.
        reconnect_on_unknown_topic_or_partition: bool = false => advanced,
        /// Where to begin without a stored position, in Kafka's own words; takes precedence over
        /// `start_from_oldest`. With `none`, a partition without a stored position is not read and
        /// the error is logged.
        auto_offset_reset: Option<String> => options("earliest", "latest", "none") advanced,
        /// How partitions are shared out: `range`, `round_robin` or `cooperative_sticky`. All members
        /// of a group need one in common. `cooperative_sticky` cannot be mixed with others; `sticky`
        /// is refused, because the client library has it in its cooperative form only.
        group_balancers: Vec<String> = ["cooperative_sticky"] => advanced,
        /// How old the client's knowledge of topics and partitions may get.
        metadata_max_age: Duration = "5m" => advanced,
        /// Most bytes of one fetch from a broker.
        fetch_max_bytes: ByteSize = "50MiB" => advanced,
        /// Most bytes of one partition in a fetch.
        fetch_max_partition_bytes: ByteSize = "1MiB" => advanced,
        /// How long a broker may wait for new messages before it answers a fetch. Brokers answer at
        /// once when there are some; values above 100ms count as 100ms, because a partition that is
        /// assigned meanwhile has to wait, too.
        fetch_max_wait: Duration = "5s" => advanced,
        /// Not supported, because the client library orders fetches itself: only 0 is accepted.
        preferring_lag: Option<i64> => advanced,
        /// Whether messages of transactions that are still open, or were aborted, are read.
        transaction_isolation_level: String = "read_uncommitted"
            => options("read_committed", "read_uncommitted") advanced,
        /// TLS on the connections to the brokers.
        tls: Tls => advanced,
        /// How the client says who it is. One mechanism at most.
        sasl: Option<Vec<FranzSasl>> => advanced,
        /// Whether headers become lists, so that several of one name are kept.
        multi_header: bool = false => advanced,
        /// Forms batches, each of messages of one partition.
        batching: BatchPolicy => advanced,
        /// A rate limit resource that each batch asks first.
        rate_limit: String = "" => advanced,
        /// A mapping that takes tracing information out of a message, as an object that holds a
        /// `traceparent`, such as `root = @`.
        extract_tracing_map: Option<Query> => advanced,
        /// With `extract_tracing_map`: begins a trace of its own, linked to the extracted one.
        new_root_span_with_link: Option<bool> => advanced,
    }
}

config! {
    /// Writes messages to a topic and waits until the brokers have them.
    pub struct FranzOutput {
        /// Brokers to start from, as `host:port`. An item may hold several, separated by commas.
        seed_brokers: Vec<String>,
        /// The topic.
        topic: Interpolated => lint_required,
        /// Key of each message.
        key: Option<Interpolated>,
        /// How a partition is chosen. `murmur2_hash`, also without this field: by the key, as Kafka's
        /// own clients do; messages without one stay on a partition for a moment, then change.
        /// `round_robin`: in turn. `least_backup`: where the fewest messages wait. `uniform_bytes`:
        /// changes after so many bytes. `manual`: as `partition` says.
        partitioner: Option<String> => options(
            "least_backup", "manual", "murmur2_hash", "round_robin", "uniform_bytes",
        ) advanced,
        /// Details of the partitioner `uniform_bytes`.
        uniform_bytes_options: Option<UniformBytes> => advanced,
        /// The partition, a number; only with the partitioner `manual`.
        partition: Option<Interpolated>,
        /// Name of this client in the brokers' logs and quotas.
        client_id: String = "bento" => advanced,
        /// Rack of this client.
        rack_id: String = "" => advanced,
        /// Lets the broker drop duplicates that come from retries, which also keeps the order. Needs
        /// the permission `IDEMPOTENT_WRITE`.
        idempotent_write: bool = true => advanced,
        /// Which metadata become headers; none without this.
        metadata: Option<IncludeFilter>,
        /// Batches on their way at once. Above 1, small ones that wait for their turn go together.
        max_in_flight: usize = 10,
        /// Longest wait for the answer to one request before it is tried again.
        timeout: Duration = "10s" => advanced,
        /// Forms batches in front of this output.
        batching: BatchPolicy,
        /// Largest message, with its key. Larger ones are refused, the others of their batch are
        /// sent.
        max_message_bytes: ByteSize = "1MB" => advanced,
        /// Messages that may wait to be sent or answered; writes wait while there are more. Outputs
        /// with the same cluster and settings share this.
        max_buffered_records: usize = 10_000 => advanced,
        /// How old the client's knowledge of topics and partitions may get.
        metadata_max_age: Duration = "5m" => advanced,
        /// How batches are compressed: `snappy` without this.
        compression: Option<String> => options("lz4", "snappy", "gzip", "none", "zstd") advanced,
        /// TLS on the connections to the brokers.
        tls: Tls => advanced,
        /// How the client says who it is. One mechanism at most.
        sasl: Option<Vec<FranzSasl>> => advanced,
    }
}

config! {
    /// Details of the partitioner `uniform_bytes`.
    pub struct UniformBytes {
        /// Bytes after which the partition changes.
        bytes: ByteSize = "1MB" => advanced,
        /// Prefers partitions where fewer messages wait.
        adaptive: bool = false => advanced,
        /// Chooses by the key for messages that have one.
        keys: bool = false => advanced,
    }
}

config! {
    /// Metadata that are taken; all others are left out.
    pub struct IncludeFilter {
        /// Metadata whose keys begin so are taken.
        include_prefixes: Vec<String> = EMPTY,
        /// Metadata whose keys match one of these regular expressions are taken.
        include_patterns: Vec<String> = EMPTY,
    }
}
