//! Small components to stand at the other end of those under test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::{Query, config};
use sluice_engine::{
    BuildError, BuiltBuffer, BuiltInput, BuiltOutput, ConnectError, Delivery, DirectProcessor,
    Input, Mapping, Mode, Output, Owner, Processor, RateLimit, ReadError, Reader, Registry, Scan,
    ScanError, Scanner, Scope, Shared, WriteError, Writer,
};
use sluice_message::{Batch, Message, Verdict};
use tokio::sync::{Semaphore, mpsc, oneshot};

config! {
    /// Nothing to configure.
    pub struct Nothing {}
}

config! {
    /// Refuses everything, or only the first few.
    pub struct RefuseConfig {
        /// What it says.
        error: String = "no way",
        /// How often; always if 0.
        times: usize = 0,
    }
}

config! {
    /// Sleeps before it hands messages on.
    pub struct SleepConfig {
        /// How long.
        duration: Duration,
    }
}

config! {
    /// A rate limit that always says the same.
    pub struct LimitConfig {
        /// How long to wait.
        pause: Duration = "0s",
        /// How often it lets through first.
        free: usize = 0,
        /// Whether it fails.
        broken: bool = false,
    }
}

pub(super) fn register(registry: &mut Registry) {
    registry.input("feed", |_: Nothing, scope| {
        let feed = share_feed(&scope.environment().shared);
        Ok(BuiltInput::connector(FeedInput(feed), false))
    });
    registry.input("replaying_feed", |_: Nothing, scope| {
        let feed = share_feed(&scope.environment().shared);
        Ok(BuiltInput::connector(FeedInput(feed), true))
    });
    registry.buffer("none", |_: Nothing, _| -> Result<BuiltBuffer, BuildError> {
        Ok(Box::new(|source| source))
    });
    registry.processor("map", |query: Query, scope| {
        let mapping = scope.mapping(&query, Mode::Mapping)?;
        Ok(Processor::direct(Map(mapping, scope.owner())))
    });
    registry.processor("sleep", |config: SleepConfig, _| {
        Ok(Processor::waiting(Sleep(config.duration)))
    });
    registry.processor("hold", |_: Nothing, scope| {
        Ok(Processor::waiting(Hold(share_gate(&scope.environment().shared))))
    });
    registry.processor("store_reply", |_: Nothing, _| Ok(Processor::direct(StoreReply)));
    registry.output("reply", |_: Nothing, _| Ok(BuiltOutput::connector(Reply, 64)));
    registry.output("refuse", |config: RefuseConfig, _| {
        Ok(BuiltOutput::connector(Refuse(config, AtomicUsize::new(0)), 1))
    });
    registry.output("collect", |_: Nothing, scope: &Scope| {
        let received = share_received(&scope.environment().shared);
        Ok(BuiltOutput::connector(Collect(received), 64))
    });
    registry.rate_limit("limit", |config: LimitConfig, _| {
        Ok(Arc::new(Limit(config, AtomicUsize::new(0))) as Arc<dyn RateLimit>)
    });
    registry.scanner("lines", |_: Nothing, _| Ok(Arc::new(Lines) as Arc<dyn Scanner>));
}

/// A batch for a stream, and where its fate is told.
type Fed = (Batch, oneshot::Sender<Verdict>);

/// Feeds a stream.
#[derive(Clone)]
pub(crate) struct Feed {
    sender: mpsc::Sender<Fed>,
    receiver: Arc<tokio::sync::Mutex<mpsc::Receiver<Fed>>>,
}

pub(super) fn share_feed(shared: &Shared) -> Arc<Feed> {
    let make = || {
        let (sender, receiver) = mpsc::channel(1000);
        Ok::<_, BuildError>(Feed { sender, receiver: Arc::new(receiver.into()) })
    };
    let feed = shared.get_or_try_init("feed", make).unwrap();
    // Kept for good: tests may ask for it before the stream does, and after it has ended.
    std::mem::forget(feed.clone());
    feed
}

pub(super) fn share_received(shared: &Shared) -> Arc<Received> {
    let received =
        shared.get_or_try_init("received", || Ok::<_, BuildError>(Received::default())).unwrap();
    std::mem::forget(received.clone());
    received
}

/// Where messages wait until a test closes it.
pub(super) fn share_gate(shared: &Shared) -> Arc<Semaphore> {
    let gate = shared.get_or_try_init("gate", || Ok::<_, BuildError>(Semaphore::new(0))).unwrap();
    std::mem::forget(gate.clone());
    gate
}

impl Feed {
    /// Sends a batch of these contents.
    pub(crate) async fn send(&self, contents: &[&str]) -> oneshot::Receiver<Verdict> {
        let batch = contents.iter().map(|content| Message::from(*content)).collect();
        self.send_batch(batch).await
    }

    pub(crate) async fn send_batch(&self, batch: Batch) -> oneshot::Receiver<Verdict> {
        let (answer, answered) = oneshot::channel();
        self.sender.send((batch, answer)).await.unwrap();
        answered
    }
}

struct FeedInput(Arc<Feed>);

#[async_trait]
impl Input for FeedInput {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        Ok(Box::new(FeedReader(self.0.clone())))
    }
}

struct FeedReader(Arc<Feed>);

#[async_trait]
impl Reader for FeedReader {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        let (batch, answer) = self.0.receiver.lock().await.recv().await.ok_or(ReadError::End)?;
        let ack = Box::new(move |verdict| {
            let _ = answer.send(verdict);
        });
        Ok(vec![Delivery { batch, ack: Some(ack) }])
    }
}

struct Map(Mapping, Owner);

impl DirectProcessor for Map {
    fn process(&self, batch: Batch) -> sluice_engine::Batches {
        let mapped = self.0.process(batch, &self.1);
        [mapped].into_iter().collect()
    }
}

struct Sleep(Duration);

#[async_trait]
impl sluice_engine::WaitingProcessor for Sleep {
    async fn process(&self, batch: Batch) -> sluice_engine::Batches {
        tokio::time::sleep(self.0).await;
        [batch].into_iter().collect()
    }
}

struct Hold(Arc<Semaphore>);

#[async_trait]
impl sluice_engine::WaitingProcessor for Hold {
    async fn process(&self, batch: Batch) -> sluice_engine::Batches {
        let _ = self.0.acquire().await; // it is closed
        [batch].into_iter().collect()
    }
}

struct StoreReply;

impl DirectProcessor for StoreReply {
    fn process(&self, batch: Batch) -> sluice_engine::Batches {
        store_reply(&batch);
        [batch].into_iter().collect()
    }
}

fn store_reply(batch: &Batch) {
    if let Some(store) = batch.first().and_then(|message| message.context().reply.clone()) {
        store.add(batch.clone());
    }
}

struct Reply;

#[async_trait]
impl Output for Reply {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl Writer for Reply {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        store_reply(batch);
        Ok(())
    }
}

struct Refuse(RefuseConfig, AtomicUsize);

#[async_trait]
impl Output for Refuse {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        Ok(Box::new(Self(self.0.clone(), AtomicUsize::new(0))))
    }
}

#[async_trait]
impl Writer for Refuse {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        if self.0.times > 0 && self.1.fetch_add(1, Ordering::Relaxed) >= self.0.times {
            store_reply(batch);
            return Ok(());
        }
        Err(WriteError::failed(self.0.error.clone()))
    }
}

/// Batches that arrived at a `collect` output.
#[derive(Default)]
pub(crate) struct Received(Mutex<Vec<Batch>>);

impl Received {
    pub(crate) fn batches(&self) -> Vec<Batch> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn contents(&self) -> Vec<String> {
        let text = |message: Message| String::from_utf8_lossy(message.bytes()).into_owned();
        self.batches().into_iter().flatten().map(text).collect()
    }

    /// Waits for so many messages and gives them.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Message> {
        super::eventually("messages", || self.contents().len() >= count).await;
        self.batches().into_iter().flatten().collect()
    }
}

struct Collect(Arc<Received>);

#[async_trait]
impl Output for Collect {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        Ok(Box::new(Self(self.0.clone())))
    }
}

#[async_trait]
impl Writer for Collect {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        self.0.0.lock().unwrap().push(batch.clone());
        Ok(())
    }
}

struct Limit(LimitConfig, AtomicUsize);

#[async_trait]
impl RateLimit for Limit {
    async fn access(
        &self,
        _: usize,
    ) -> Result<Option<Duration>, Box<dyn std::error::Error + Send + Sync>> {
        if self.0.broken {
            return Err("broken".into());
        }
        let free = self.1.fetch_add(1, Ordering::Relaxed) < self.0.free;
        Ok(Some(self.0.pause).filter(|_| !free))
    }
}

struct Lines;

impl Scanner for Lines {
    fn begin(&self, _: &str) -> Result<Box<dyn Scan>, ScanError> {
        Ok(Box::new(Line(Vec::new())))
    }
}

struct Line(Vec<u8>);

impl Scan for Line {
    fn feed(&mut self, chunk: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError> {
        for byte in chunk {
            if byte == b'\n' {
                out.push(Message::from_bytes(std::mem::take(&mut self.0)));
            } else {
                self.0.push(byte);
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Message>) -> Result<(), ScanError> {
        if !self.0.is_empty() {
            out.push(Message::from_bytes(std::mem::take(&mut self.0)));
        }
        Ok(())
    }
}
