//! What happens to a consumer besides messages: partitions come and go, commits are answered.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::Notify;
use tracing::warn;

use crate::client::Journal;

pub(crate) type KafkaConsumer = BaseConsumer<Events>;

/// Collects events for whoever keeps the session. Called while the consumer is polled, so nothing
/// here waits: the group waits for the answer to an order meanwhile.
pub(crate) struct Events {
    pub(crate) journal: Journal,
    /// Orders without an answer, the oldest first.
    orders: Mutex<VecDeque<Order>>,
    commit_failed: AtomicBool,
    /// Why the session cannot go on.
    failure: Mutex<Option<String>>,
    /// Whether a missing topic or partition ends the session.
    strict: bool,
    /// Nobody handles orders any more: they are answered on the spot.
    closing: AtomicBool,
    /// Woken when there is something to poll for.
    pub(crate) wake: Arc<Notify>,
}

/// Partitions given to or taken from this consumer by its group. The group waits for the answer.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) kind: OrderKind,
    pub(crate) partitions: Vec<(String, i32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderKind {
    Assign,
    Revoke,
}

impl Events {
    pub(crate) fn new(journal: Journal, strict: bool, wake: Arc<Notify>) -> Self {
        Self {
            journal,
            failure: Mutex::default(),
            strict,
            orders: Mutex::default(),
            commit_failed: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            wake,
        }
    }

    /// The oldest order without an answer.
    pub(crate) fn order(&self) -> Option<Order> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).front().cloned()
    }

    /// Tells the group that the oldest order was carried out.
    pub(crate) fn answer(&self, consumer: &KafkaConsumer) {
        let order = self.orders.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if let Some(order) = order {
            carry_out(consumer, &order);
        }
    }

    /// From now on orders are answered at once, beginning with those that wait.
    pub(crate) fn begin_closing(&self, consumer: &KafkaConsumer) {
        self.closing.store(true, Ordering::SeqCst);
        while self.order().is_some() {
            self.answer(consumer);
        }
    }

    /// Takes note of an error that came instead of a message.
    pub(crate) fn problem(&self, error: &KafkaError) {
        let text = self.journal.explain(error);
        let code = error.rdkafka_error_code();
        let missing = matches!(
            code,
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                    | RDKafkaErrorCode::UnknownTopic
                    | RDKafkaErrorCode::UnknownPartition
            )
        );
        match (error, code) {
            (KafkaError::MessageConsumptionFatal(_), _) => self.fail(text),
            _ if missing && self.strict => self.fail(text),
            // Connections come back; the client library says when all are gone.
            (
                _,
                Some(
                    RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::Resolve
                    | RDKafkaErrorCode::OperationTimedOut,
                ),
            ) => {}
            _ => self.journal.warn(&format!("Problem while reading from Kafka: {text}")),
        }
    }

    /// The session cannot go on.
    pub(crate) fn fail(&self, text: impl Into<String>) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text.into());
    }

    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a commit failed since the last call.
    pub(crate) fn take_commit_failed(&self) -> bool {
        self.commit_failed.swap(false, Ordering::Relaxed)
    }
}

fn carry_out(consumer: &KafkaConsumer, order: &Order) {
    let mut list = TopicPartitionList::with_capacity(order.partitions.len());
    for (topic, partition) in &order.partitions {
        list.add_partition(topic, *partition);
    }
    let cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
    let result = match (order.kind, cooperative) {
        (OrderKind::Assign, true) => consumer.incremental_assign(&list),
        (OrderKind::Assign, false) => consumer.assign(&list),
        (OrderKind::Revoke, true) => consumer.incremental_unassign(&list),
        (OrderKind::Revoke, false) => consumer.unassign(),
    };
    if let Err(error) = result {
        warn!(%error, kind = ?order.kind, "failed to answer the consumer group");
    }
}

impl ClientContext for Events {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.journal.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.journal.error(&error, reason);
    }
}

impl ConsumerContext for Events {
    fn rebalance(
        &self,
        consumer: &KafkaConsumer,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        self.journal.hear();
        let kind = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => OrderKind::Assign,
            _ => OrderKind::Revoke,
        };
        let elements = list.elements();
        let partitions =
            elements.iter().map(|it| (it.topic().to_owned(), it.partition())).collect();
        let order = Order { kind, partitions };
        if self.closing.load(Ordering::SeqCst) {
            carry_out(consumer, &order);
            return;
        }
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push_back(order);
        self.wake.notify_one();
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        self.journal.hear();
        let Err(error) = result else { return };
        let text = self.journal.explain(&error);
        self.journal.warn(&format!("Failed to store positions in Kafka: {text}"));
        self.commit_failed.store(true, Ordering::Relaxed);
    }
}

/// A list of partitions with offsets.
pub(crate) fn with_offsets<'a>(
    partitions: impl IntoIterator<Item = (&'a str, i32, Offset)>,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (topic, partition, offset) in partitions {
        list.add_partition_offset(topic, partition, offset)?;
    }
    Ok(list)
}
