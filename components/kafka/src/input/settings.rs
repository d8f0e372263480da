//! What an input was configured to do, whichever family of fields it came from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;
use regex::Regex;
use sluice_engine::RateLimit;
use sluice_engine::carrier::ExtractTrace;
use sluice_engine::wiring::batching::BatchPolicy;

use super::events::KafkaConsumer;
use super::partition::Partition;
use crate::cluster::Cluster;
use crate::topics::{NEWEST, OLDEST};

/// Longest wait for the list of topics.
const DISCOVERY_PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Settings {
    pub(crate) cluster: Cluster,
    pub(crate) wanted: Wanted,
    /// The consumer group whose name positions are stored under.
    pub(crate) group: Option<String>,
    /// Whether the group is one of a single reader, whose reading is shared with others.
    pub(crate) is_light: bool,
    /// Whether to begin at the oldest message without a stored position.
    pub(crate) from_oldest: bool,
    pub(crate) checkpoint_limit: usize,
    pub(crate) commit_period: Duration,
    /// How long messages on their way may delay giving a partition to another member.
    pub(crate) revoke_patience: Duration,
    /// How often topics are looked for, where they are not named.
    pub(crate) refresh: Duration,
    pub(crate) reconnect_on_missing: bool,
    pub(crate) multi_header: bool,
    pub(crate) with_lag: bool,
    pub(crate) batching: Option<BatchPolicy>,
    pub(crate) rate_limit: Option<Arc<dyn RateLimit>>,
    pub(crate) tracing: Option<ExtractTrace>,
    /// Where the next session goes on without a group to ask.
    pub(crate) remembered: Mutex<BTreeMap<(String, i32), i64>>,
}

/// What is to be read. One of the three is not empty.
#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) names: Vec<String>,
    pub(crate) patterns: Vec<Regex>,
    pub(crate) partitions: BTreeMap<(String, i32), Option<i64>>,
    /// Names without a group: all of their partitions are read.
    pub(crate) all_partitions: bool,
}

impl Wanted {
    /// Whether the cluster's list of topics decides what is read.
    pub(crate) fn needs_discovery(&self) -> bool {
        !self.patterns.is_empty() || self.all_partitions
    }

    /// A topic to ask a broker about.
    pub(crate) fn any_topic(&self) -> Option<String> {
        let named = self.partitions.keys().next().map(|(topic, _)| topic);
        self.names.first().or(named).cloned()
    }
}

impl Settings {
    /// Where to begin reading a partition that no group gave us.
    pub(crate) fn begin_at(&self, topic: &str, id: i32) -> Offset {
        let key = (topic.to_owned(), id);
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(offset) = remembered.get(&key) {
            return Offset::Offset(*offset);
        }
        let otherwise = if self.from_oldest { Offset::Beginning } else { Offset::End };
        match self.wanted.partitions.get(&key).copied().flatten() {
            Some(OLDEST) => Offset::Beginning,
            Some(NEWEST) => Offset::End,
            Some(offset) => Offset::Offset(offset),
            None if self.group.is_some() => Offset::Stored,
            None => otherwise,
        }
    }

    /// Notes where the next session goes on.
    pub(crate) fn remember(&self, partitions: &[Arc<Partition>]) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        for partition in partitions {
            if let Some(offset) = partition.checkpoint.reached() {
                remembered.insert((partition.topic.to_string(), partition.id), offset);
            }
        }
    }
}

/// What the cluster has of what is wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Discovery {
    /// Sorted.
    pub(crate) partitions: Vec<(String, i32)>,
    /// Whether each name and pattern found something.
    pub(crate) is_complete: bool,
}

/// Asks the cluster for its topics. Waits.
pub(crate) fn discover(consumer: &KafkaConsumer, wanted: &Wanted) -> Result<Discovery, KafkaError> {
    let all = consumer.fetch_metadata(None, DISCOVERY_PATIENCE)?;
    let topics: Vec<(&str, usize)> = all
        .topics()
        .iter()
        .filter(|topic| topic.error().is_none())
        .map(|topic| (topic.name(), topic.partitions().len()))
        .collect();
    Ok(select(&topics, wanted))
}

fn select(topics: &[(&str, usize)], wanted: &Wanted) -> Discovery {
    // Topics that begin so are the cluster's own; patterns do not mean them.
    let matches = |name: &str| {
        !name.starts_with("__") && wanted.patterns.iter().any(|pattern| pattern.is_match(name))
    };
    let mut partitions: Vec<(String, i32)> = topics
        .iter()
        .filter(|(name, _)| wanted.names.iter().any(|it| it == name) || matches(name))
        .flat_map(|(name, count)| (0..*count as i32).map(|id| ((*name).to_owned(), id)))
        .collect();
    partitions.sort();
    let exists = |found: &dyn Fn(&str) -> bool| topics.iter().any(|(name, _)| found(name));
    let is_complete = wanted.names.iter().all(|name| exists(&|it| it == name))
        && wanted.patterns.iter().all(|pattern| exists(&|it| pattern.is_match(it)));
    Discovery { partitions, is_complete }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPICS: [(&str, usize); 3] =
        [("orders-b", 1), ("__consumer_offsets", 4), ("orders-a", 2)];

    #[test]
    fn patterns_match_anywhere_but_not_the_clusters_own_topics() {
        let wanted = Wanted { patterns: vec![Regex::new("rs").unwrap()], ..Wanted::default() };
        let found = select(&TOPICS, &wanted);
        let expected = [("orders-a", 0), ("orders-a", 1), ("orders-b", 0)];
        assert_eq!(found.partitions, expected.map(|(topic, id)| (topic.to_owned(), id)));
        assert!(found.is_complete);
    }

    #[test]
    fn a_missing_topic_is_noticed() {
        let names = vec!["orders-b".to_owned(), "later".to_owned()];
        let wanted = Wanted { names, all_partitions: true, ..Wanted::default() };
        let found = select(&TOPICS, &wanted);
        assert_eq!(found.partitions, [("orders-b".to_owned(), 0)]);
        assert!(!found.is_complete);
    }
}
