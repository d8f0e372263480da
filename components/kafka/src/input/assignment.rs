//! The partitions a session reads, as they come and go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::topic_partition_list::Offset;
use tokio::sync::Notify;

use super::checkpoint::Checkpoint;
use super::events::{KafkaConsumer, with_offsets};
use super::partition::Partition;

/// Changed by the keeper of a session, followed by its reader.
pub(crate) struct Assignment {
    partitions: Mutex<Vec<Arc<Partition>>>,
    /// Changes with the list.
    generation: AtomicU64,
    checkpoint_limit: usize,
    /// Woken when there is something to read.
    pub(crate) reader: Arc<Notify>,
    /// Woken when a partition that is being given away has all its answers.
    pub(crate) settled: Arc<Notify>,
}

impl Assignment {
    pub(crate) fn new(checkpoint_limit: usize) -> Self {
        Self {
            partitions: Mutex::default(),
            generation: AtomicU64::new(1),
            checkpoint_limit,
            reader: Arc::default(),
            settled: Arc::default(),
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        self.lock().clone()
    }

    /// Adds partitions that are about to be assigned.
    pub(crate) fn add(&self, consumer: &Arc<KafkaConsumer>, added: &[(String, i32)]) {
        let opened: Vec<_> = added
            .iter()
            .filter_map(|(topic, id)| {
                let (reader, settled) = (self.reader.clone(), self.settled.clone());
                let checkpoint = Checkpoint::new(self.checkpoint_limit, reader, settled);
                Partition::open(consumer, topic, *id, checkpoint, self.reader.clone())
            })
            .map(Arc::new)
            .collect();
        self.lock().extend(opened);
        self.changed();
    }

    /// Takes partitions out. They hand out nothing more, but still take answers.
    pub(crate) fn remove(&self, removed: &[(String, i32)]) -> Vec<Arc<Partition>> {
        let is_removed = |it: &Arc<Partition>| removed.iter().any(|(topic, id)| it.is(topic, *id));
        let mut partitions = self.lock();
        let taken: Vec<_> = partitions.iter().filter(|it| is_removed(it)).cloned().collect();
        partitions.retain(|it| !is_removed(it));
        drop(partitions);
        for partition in &taken {
            partition.checkpoint.close();
            partition.shut();
        }
        self.changed();
        taken
    }

    /// Takes out all partitions.
    pub(crate) fn clear(&self) -> Vec<Arc<Partition>> {
        let all: Vec<_> = self.lock().iter().map(|it| (it.topic.to_string(), it.id)).collect();
        self.remove(&all)
    }

    fn changed(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.reader.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Partition>>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the group to store the positions that changed. The answer comes as an event.
pub(crate) fn store_positions(consumer: &KafkaConsumer, partitions: &[Arc<Partition>]) {
    let changed: Vec<_> = partitions
        .iter()
        .filter_map(|it| Some((&*it.topic, it.id, it.checkpoint.take_position()?)))
        .collect();
    if changed.is_empty() {
        return;
    }
    let list =
        with_offsets(changed.into_iter().map(|(topic, id, at)| (topic, id, Offset::Offset(at))));
    let asked = list.and_then(|list| consumer.commit(&list, CommitMode::Async));
    if let Err(error) = asked {
        tracing::warn!(%error, "failed to store positions in Kafka");
        for partition in partitions {
            partition.checkpoint.forget_stored();
        }
    }
}
