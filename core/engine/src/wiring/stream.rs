//! A running stream: source, pipeline threads, sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::feed::Feed;
use super::thread::Thread;
use crate::component::LinkState;
use crate::wiring::Chain;
use crate::{Sink, Source, Stop};

/// What happens to messages that failed processing when they leave the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorStrategy {
    /// They go on to the output, flagged.
    #[default]
    None,
    /// Their batch is refused, so that the source hears of it.
    Reject,
    /// They run through the pipeline again until they pass.
    Retry,
}

/// The parts of a stream, built but not started.
pub struct Parts {
    pub source: Box<dyn Source>,
    /// One chain for each pipeline thread; stateful processors are shared between them.
    pub chains: Vec<Chain>,
    pub sink: Arc<dyn Sink>,
    pub stop: Stop,
    /// Where threads beyond the first run, if not here.
    pub crew: Option<Handle>,
    pub error_strategy: ErrorStrategy,
}

/// A started stream. Dropping it aborts.
pub struct Stream {
    tasks: JoinSet<()>,
    status: Arc<StreamStatus>,
    stop: Stop,
}

/// What `/ready` asks.
pub struct StreamStatus {
    links: Vec<LinkState>,
    sink: Arc<dyn Sink>,
    ended: AtomicBool,
}

impl StreamStatus {
    pub fn input_connected(&self) -> bool {
        self.links.iter().all(|link| link.load(Ordering::Relaxed))
    }

    pub fn output_connected(&self) -> bool {
        self.sink.is_connected()
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

impl Stream {
    /// Starts the stream's tasks.
    pub fn start(parts: Parts) -> Self {
        let Parts { source, chains, sink, stop, crew, error_strategy } = parts;
        let status = Arc::new(StreamStatus {
            links: source.links(),
            sink: sink.clone(),
            ended: AtomicBool::new(false),
        });
        let mut tasks = JoinSet::new();
        let limit = sink.in_flight();
        let thread = |chain| Thread { chain, sink: sink.clone(), limit, error_strategy };
        let threads = chains.into_iter().map(thread).collect();
        tasks.spawn(run(source, threads, sink, stop.clone(), crew, status.clone()));
        Self { tasks, status, stop }
    }

    pub fn status(&self) -> &Arc<StreamStatus> {
        &self.status
    }

    /// Waits for the stream to end on its own.
    ///
    /// # Cancel safety
    /// May be dropped and called again.
    pub async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// Two-step stop: drains, and after three quarters of `patience` aborts. False when something
    /// still hung at the end of `patience`.
    pub async fn stop(mut self, patience: Duration) -> bool {
        self.stop.drain.cancel();
        if tokio::time::timeout(patience.mul_f64(0.75), self.ended()).await.is_ok() {
            return true;
        }
        self.stop.abort.cancel();
        tokio::time::timeout(patience.mul_f64(0.25), self.ended()).await.is_ok()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stop.drain.cancel();
        self.stop.abort.cancel();
    }
}

async fn run(
    source: Box<dyn Source>,
    threads: Vec<Thread>,
    sink: Arc<dyn Sink>,
    stop: Stop,
    crew: Option<Handle>,
    status: Arc<StreamStatus>,
) {
    let opening = tokio::spawn({
        let (sink, stop) = (sink.clone(), stop.clone());
        async move {
            tokio::select! {
                () = stop.drain.cancelled() => {}
                () = sink.open() => {}
            }
        }
    });
    let feed = Arc::new(Mutex::new(Feed::new(source, sink.clone())));
    let chains: Vec<Chain> = threads.iter().map(|thread| thread.chain.clone()).collect();
    let mut working = JoinSet::new();
    let work = async {
        let mut threads = threads.into_iter();
        let first = threads.next();
        for thread in threads {
            let feed = feed.clone();
            let run = async move { thread.run(&feed).await };
            match &crew {
                Some(crew) => working.spawn_on(run, crew),
                None => working.spawn(run),
            };
        }
        if let Some(first) = first {
            first.run(&feed).await;
        }
        while working.join_next().await.is_some() {}
    };
    stop.abort.run_until_cancelled(work).await;
    opening.abort();
    working.shutdown().await;
    drop(feed);
    sink.close().await;
    for (at, chain) in chains.iter().enumerate() {
        if !chains[..at].iter().any(|earlier| chain.is_shared_with(earlier)) {
            chain.close().await;
        }
    }
    status.ended.store(true, Ordering::Relaxed);
}
