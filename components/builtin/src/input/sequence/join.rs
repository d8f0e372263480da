//! Messages of several inputs merged by an id.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sluice_engine::Burst;
use sluice_message::{Ack, Batch, Message, Transaction, Verdict};
use sluice_value::{EcoString, EcoVec, Object, Value, path};
use tokio::sync::Notify;
use tracing::error;

use super::ShardedJoin;

/// Gathers documents by their id.
pub(super) struct Joiner {
    id_path: Vec<EcoString>,
    rounds: usize,
    round: usize,
    /// Send a document whenever the last input adds to it, rather than all at the end.
    sends_on_last: bool,
    strategy: Strategy,
    documents: BTreeMap<String, Document>,
}

#[derive(Clone, Copy)]
enum Strategy {
    Array,
    Replace,
    Keep,
}

#[derive(Clone)]
struct Document {
    fields: Object,
    metadata: Object,
}

impl Joiner {
    /// `None` when nothing is to be joined.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub(super) fn new(config: &ShardedJoin) -> Result<Option<Self>, String> {
        let sends_on_last = match config.r#type.to_ascii_lowercase().as_str() {
            "none" => return Ok(None),
            "full-outer" | "full-outter" => false,
            "outer" | "outter" => true,
            other => return Err(format!("join type '{other}' was not recognized")),
        };
        if config.id_path.is_empty() {
            return Err("the id path must not be empty".into());
        }
        if config.iterations == 0 {
            return Err("invalid number of iterations: 0".into());
        }
        let strategy = match config.merge_strategy.to_ascii_lowercase().as_str() {
            "array" => Strategy::Array,
            "replace" => Strategy::Replace,
            "keep" => Strategy::Keep,
            other => return Err(format!("merge strategy '{other}' was not recognised")),
        };
        Ok(Some(Self {
            id_path: path::split(&config.id_path),
            rounds: config.iterations,
            round: 0,
            sends_on_last,
            strategy,
            documents: BTreeMap::new(),
        }))
    }

    /// Takes what an input read. Its source hears at once that it was delivered: the next input
    /// only begins when this one has ended, which it does when everything is answered.
    pub(super) fn add(&mut self, transaction: Transaction, is_last: bool, joined: &mut Joined) {
        let (batch, duty) = transaction.take_batch();
        let sends = self.sends_on_last && is_last;
        for message in batch {
            if let Some(document) = self.merge(&message).filter(|_| sends) {
                joined.send(document.to_message());
            }
        }
        duty.resolve(Verdict::Delivered);
    }

    /// The document that a message became part of; `None` when it is no object, has no id, or
    /// belongs to another round.
    fn merge(&mut self, message: &Message) -> Option<&Document> {
        let value = message.value().ok()?;
        let id = value.search(&self.id_path).filter(|id| !id.is_null())?.to_text();
        if id.is_empty() || shard(&id, self.rounds) != self.round {
            return None;
        }
        let Value::Object(fields) = value else { return None };
        let known = match self.documents.entry(id) {
            Entry::Vacant(place) => {
                let metadata = message.metadata().clone();
                return Some(place.insert(Document { fields: fields.clone(), metadata }));
            }
            Entry::Occupied(known) => known.into_mut(),
        };
        let mut incoming = Value::Object(fields.clone());
        incoming.remove(&self.id_path);
        if let Value::Object(incoming) = incoming {
            merge_into(&mut known.fields, incoming, self.strategy);
        }
        known.metadata.extend(message.metadata().clone());
        Some(known)
    }

    /// Sends what was gathered in this round, and forgets it.
    pub(super) fn flush(&mut self, joined: &mut Joined) {
        for document in std::mem::take(&mut self.documents).into_values() {
            if !self.sends_on_last {
                joined.send(document.to_message());
            }
        }
    }

    /// Whether there is another round, which now begins.
    pub(super) fn next_round(&mut self) -> bool {
        self.round += 1;
        self.round < self.rounds
    }
}

fn shard(id: &str, shards: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    (hasher.finish() % shards as u64) as usize
}

impl Document {
    fn to_message(&self) -> Message {
        let mut message = Message::from_value(Value::Object(self.fields.clone()));
        *message.metadata_mut() = self.metadata.clone();
        message
    }
}

fn merge_into(fields: &mut Object, incoming: Object, strategy: Strategy) {
    for (key, value) in incoming {
        match (fields.get_mut(&key), value) {
            (None, value) => drop(fields.insert(key, value)),
            (Some(Value::Object(known)), Value::Object(value)) => {
                merge_into(known, value, strategy);
            }
            (Some(known), value) => match strategy {
                Strategy::Keep => {}
                Strategy::Replace => *known = value,
                Strategy::Array => *known = joined_array(std::mem::take(known), value),
            },
        }
    }
}

fn joined_array(known: Value, value: Value) -> Value {
    let mut items: EcoVec<Value> = match known {
        Value::Array(items) => items,
        known => [known].into_iter().collect(),
    };
    match value {
        Value::Array(more) => items.extend(more),
        value => items.push(value),
    }
    Value::Array(items)
}

/// Pause before a joined message that was refused is sent again.
const BEFORE_REPLAY: Duration = Duration::from_secs(1);

/// Joined messages on their way. They have no source to be asked again, so they are kept here
/// until they are delivered.
#[derive(Default)]
pub(super) struct Joined {
    ready: Vec<Batch>,
    has_announced: bool,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    unanswered: AtomicUsize,
    failed: Mutex<Vec<Batch>>,
    changed: Notify,
}

impl Joined {
    fn send(&mut self, message: Message) {
        self.ready.push(message.into());
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// What can be sent now.
    pub(super) fn take_ready(&mut self) -> Option<Burst> {
        if self.ready.is_empty() {
            return None;
        }
        self.has_announced = false;
        let ready = std::mem::take(&mut self.ready);
        Some(ready.into_iter().map(|batch| self.transaction(batch)).collect())
    }

    fn transaction(&self, batch: Batch) -> Transaction {
        self.shared.unanswered.fetch_add(1, Ordering::AcqRel);
        let (shared, kept) = (self.shared.clone(), batch.clone());
        let answer: Ack = Box::new(move |verdict| {
            if let Verdict::Failed(problem) = verdict {
                error!("Failed to send joined message: {problem}");
                shared.failed.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
            }
            shared.unanswered.fetch_sub(1, Ordering::AcqRel);
            shared.changed.notify_one();
        });
        Transaction::new(batch, answer)
    }

    /// Whether everything was delivered.
    pub(super) fn is_settled(&self) -> bool {
        self.ready.is_empty()
            && self.shared.unanswered.load(Ordering::Acquire) == 0
            && self.failed().is_empty()
    }

    /// Waits for answers; the next messages to send again, or an empty burst.
    pub(super) async fn wait(&mut self) -> Burst {
        if !std::mem::replace(&mut self.has_announced, true) {
            return Burst::new();
        }
        if !self.is_settled() && self.failed().is_empty() {
            self.shared.changed.notified().await;
        }
        let failed = std::mem::take(&mut *self.failed());
        if !failed.is_empty() {
            tokio::time::sleep(BEFORE_REPLAY).await;
        }
        failed.into_iter().map(|batch| self.transaction(batch)).collect()
    }

    fn failed(&self) -> std::sync::MutexGuard<'_, Vec<Batch>> {
        self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use sluice_value::json;

    use super::*;

    #[track_caller]
    fn check(strategy: Strategy, first: &str, second: &str, expected: &str) {
        let object = |text: &str| match json::parse(text.as_bytes()).unwrap() {
            Value::Object(fields) => fields,
            _ => panic!("no object"),
        };
        let mut fields = object(first);
        merge_into(&mut fields, object(second), strategy);
        assert_eq!(Value::Object(fields).to_string(), expected);
    }

    #[test]
    fn colliding_values_are_merged_by_strategy() {
        let (first, second) =
            (r#"{"a":1,"o":{"x":1},"l":[1]}"#, r#"{"a":2,"o":{"y":2},"l":[2,3]}"#);
        check(Strategy::Array, first, second, r#"{"a":[1,2],"l":[1,2,3],"o":{"x":1,"y":2}}"#);
        check(Strategy::Replace, first, second, r#"{"a":2,"l":[2,3],"o":{"x":1,"y":2}}"#);
        check(Strategy::Keep, first, second, r#"{"a":1,"l":[1],"o":{"x":1,"y":2}}"#);
    }
}
