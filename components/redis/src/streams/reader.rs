//! Reads entries for a group, without ever waiting inside Redis itself.
//!
//! Holds always: an entry that was read is delivered, kept for the next reader, or stays on the
//! group's list of what is not acknowledged; it is acknowledged only after it was delivered.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use redis::{Cmd, RedisError, Value as Answer};
use sluice_engine::{Delivery, ReadError, Reader};
use sluice_message::{Batch, Message, Verdict};
use sluice_value::Value;

use super::clerk::{Clerk, Ledger};
use super::input::Settings;
use super::watch::{EntryId, Present, Watch};
use crate::convert::{bytes, pairs, text};
use crate::link::{Link, is_broken, reason};

/// What a reader leaves to the next one after the connection was lost.
pub(crate) struct Memory {
    /// Streams whose entries that are not acknowledged were not all read yet, and where to go on.
    backlog: HashMap<String, String>,
    /// The last entry read of each stream.
    seen: HashMap<String, EntryId>,
    /// Read and not delivered yet.
    ready: VecDeque<Entry>,
}

impl Memory {
    pub(crate) fn new(streams: &[String]) -> Self {
        Self {
            backlog: streams.iter().map(|stream| (stream.clone(), "0".to_owned())).collect(),
            seen: HashMap::new(),
            ready: VecDeque::new(),
        }
    }
}

/// An entry on its way.
#[derive(Clone)]
struct Entry {
    ledger: Ledger,
    id: Arc<str>,
    message: Message,
}

/// Entries that failed and come again.
type Returned = Arc<Mutex<Vec<Entry>>>;

pub(crate) struct StreamsReader {
    link: Arc<Link>,
    watch: Arc<Watch>,
    clerk: Arc<Clerk>,
    settings: Arc<Settings>,
    memory: Memory,
    /// Where the memory goes at the end.
    legacy: Arc<Mutex<Option<Memory>>>,
    returned: Returned,
    failed: Arc<tokio::sync::Notify>,
    /// A question to the server that must not be forgotten: its answer is entries.
    asked: Option<BoxFuture<'static, Result<Answer, RedisError>>>,
    _present: Present,
}

impl StreamsReader {
    pub(crate) fn new(
        link: Arc<Link>,
        watch: Arc<Watch>,
        clerk: Arc<Clerk>,
        settings: Arc<Settings>,
        memory: Memory,
        legacy: Arc<Mutex<Option<Memory>>>,
    ) -> Self {
        let present = watch.enter();
        Self {
            link,
            watch,
            clerk,
            settings,
            memory,
            legacy,
            returned: Returned::default(),
            failed: Arc::default(),
            asked: None,
            _present: present,
        }
    }

    fn question(&self) -> Cmd {
        let settings = &self.settings;
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(&*settings.group).arg(&settings.client_id);
        command.arg("COUNT").arg(settings.limit).arg("STREAMS");
        for stream in &settings.streams {
            command.arg(stream);
        }
        for stream in &settings.streams {
            command.arg(self.memory.backlog.get(stream).map_or(">", String::as_str));
        }
        command
    }

    /// Takes an answer apart. Returns whether it held anything.
    fn take(&mut self, answer: Answer) -> bool {
        let mut is_news = false;
        for (stream, entries) in pairs(answer) {
            let (stream, entries) = (text(stream), pairs(entries));
            let Some(at) = self.settings.streams.iter().position(|it| *it == stream) else {
                continue;
            };
            let ledger = self.settings.ledgers[at].clone();
            if self.memory.backlog.contains_key(&stream) {
                is_news = true; // at its end the stream itself comes next
                match entries.last() {
                    Some((last, _)) => {
                        self.memory.backlog.insert(stream.clone(), text(last.clone()))
                    }
                    None => self.memory.backlog.remove(&stream),
                };
            }
            for (id, fields) in entries {
                is_news = true;
                let id = text(id);
                if let Some(id) = EntryId::parse(&id) {
                    let seen = self.memory.seen.entry(stream.clone()).or_default();
                    *seen = id.max(*seen);
                }
                if let Some(message) = message(&id, fields, &self.settings.body_key) {
                    let (ledger, id) = (ledger.clone(), id.into());
                    self.memory.ready.push_back(Entry { ledger, id, message });
                }
            }
        }
        is_news
    }

    fn deliveries(&mut self) -> Vec<Delivery> {
        let returned = std::mem::take(&mut *lock(&self.returned));
        self.memory.ready.extend(returned);
        let ready = std::mem::take(&mut self.memory.ready);
        ready.into_iter().map(|entry| self.delivery(entry)).collect()
    }

    fn delivery(&self, entry: Entry) -> Delivery {
        let batch = Batch::from(entry.message.clone());
        let (clerk, period) = (self.clerk.clone(), self.settings.commit_period);
        let (returned, failed) = (self.returned.clone(), self.failed.clone());
        let ack = move |verdict| match verdict {
            Verdict::Delivered => clerk.add(&entry.ledger, entry.id, period),
            Verdict::Failed(_) => {
                lock(&returned).push(entry);
                failed.notify_one();
            }
        };
        Delivery { batch, ack: Some(Box::new(ack)) }
    }

    /// Waits until the server may have something for the group; true when it should have.
    async fn wait(&mut self) -> bool {
        let seen = |stream: &String| {
            (stream.clone(), self.memory.seen.get(stream).copied().unwrap_or_default())
        };
        let after: Vec<(String, EntryId)> = self.settings.streams.iter().map(seen).collect();
        tokio::select! {
            () = self.failed.notified() => false,
            is_woken = self.watch.wait(&after, self.settings.timeout) => is_woken,
        }
    }

    fn knows_ends(&self) -> bool {
        self.settings.streams.iter().all(|stream| self.memory.seen.contains_key(stream))
    }

    async fn ask(&mut self) -> Result<bool, RedisError> {
        if self.asked.is_none() {
            let (link, command) = (self.link.clone(), self.question());
            self.asked = Some(Box::pin(async move { link.call(&command).await }));
        }
        let Some(asked) = &mut self.asked else { return Ok(false) };
        let answer = asked.await;
        self.asked = None;
        Ok(self.take(answer?))
    }

    /// Notes the last entry of each stream.
    async fn look_for_ends(&mut self) {
        for stream in &self.settings.streams {
            let mut command = redis::cmd("XREVRANGE");
            command.arg(stream).arg("+").arg("-").arg("COUNT").arg(1);
            let Ok(answer) = self.link.call(&command).await else { continue };
            let last = pairs(answer).into_iter().next();
            let last = last.and_then(|(id, _)| EntryId::parse(&text(id)));
            let seen = self.memory.seen.entry(stream.clone()).or_default();
            *seen = last.unwrap_or_default().max(*seen);
        }
    }
}

#[async_trait]
impl Reader for StreamsReader {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        // Whether the server should have had something.
        let mut is_woken = false;
        // Whether the ends of the streams were looked up before the last question. An entry that
        // comes after the question is after these ends, so that the wait will not miss it.
        let mut is_sure = false;
        loop {
            let ready = self.deliveries();
            if !ready.is_empty() {
                return Ok(ready);
            }
            match self.ask().await {
                Ok(true) => (is_woken, is_sure) = (false, false),
                Ok(false) if !is_sure && (is_woken || !self.knows_ends()) => {
                    // Others of the group may have taken what came after the last entry seen here.
                    self.look_for_ends().await;
                    is_sure = true;
                }
                Ok(false) => {
                    is_woken = self.wait().await;
                    is_sure = false;
                }
                Err(error) if is_broken(&error) || error.code() == Some("NOGROUP") => {
                    return Err(ReadError::Disconnected(reason(&error).into()));
                }
                Err(error) => return Err(ReadError::Failed(reason(&error).into())),
            }
        }
    }

    async fn close(&mut self) {
        if let Some(asked) = self.asked.take()
            && let Ok(answer) = asked.await
        {
            self.take(answer);
        }
        let memory = Memory {
            backlog: std::mem::take(&mut self.memory.backlog),
            seen: std::mem::take(&mut self.memory.seen),
            ready: std::mem::take(&mut self.memory.ready),
        };
        *lock(&self.legacy) = Some(memory);
        self.clerk.settle(&self.settings.ledgers).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None` for entries without a content, and for those that were deleted from the stream.
fn message(id: &str, fields: Answer, body_key: &str) -> Option<Message> {
    let fields = pairs(fields).into_iter().map(|(key, value)| (text(key), bytes(value)));
    let fields: Vec<(String, Vec<u8>)> = fields.collect();
    let at = fields.iter().rposition(|(key, _)| key == body_key)?;
    let mut body = None;
    let mut rest = Vec::with_capacity(fields.len());
    for (place, (key, value)) in fields.into_iter().enumerate() {
        if place == at {
            body = Some(value);
        } else if key != body_key {
            rest.push((key, value));
        }
    }
    let mut message = Message::from_bytes(body?);
    message.set_metadata("redis_stream", id);
    for (key, value) in rest {
        message.set_metadata(&key, Value::text(value));
    }
    Some(message)
}
