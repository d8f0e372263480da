//! From spans that have ended to those who collect them.
//!
//! Spans wait in a bounded queue; what does not fit is counted and told. Whoever collects them
//! decides nothing about the stream: it goes on when nobody takes its spans.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Uri};
use http_body_util::Full;
use sluice_config::{Block, ComponentKind, Kinds, Node, Reader};
use sluice_engine::{BuildError, Registry};
use sluice_telemetry::{FinishedSpan, SpanSink, Tracer};
use tokio::net::UdpSocket;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::otlp::{self, Collector};
use super::{Jaeger, OpenTelemetry, thrift};
use crate::client::HttpClient;

/// Spans that may wait to be sent.
const WAITING: usize = 4096;
/// Most spans of one message.
const BATCH: usize = 512;
/// How often spans are sent when few come.
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);
/// Attempts to send spans, and the pause after the first; it doubles.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Most bytes of a datagram that agents take.
const MAX_DATAGRAM: usize = 65_000;
/// The port of agents.
const AGENT_PORT: u16 = 6831;

/// Hands out the tracer that a `tracer` block describes, and sends its spans.
pub struct TraceExporter {
    tracer: Tracer,
    target: Target,
    tags: BTreeMap<String, String>,
    interval: Duration,
    queue: Mutex<Option<mpsc::Receiver<FinishedSpan>>>,
    lost: Arc<AtomicU64>,
}

#[expect(clippy::large_enum_variant, reason = "there is one for each stream")]
enum Target {
    Nobody,
    JaegerCollector { client: HttpClient, uri: Uri },
    JaegerAgent { address: String },
    OpenTelemetry(Vec<Collector>),
}

struct Queue {
    sender: mpsc::Sender<FinishedSpan>,
    lost: Arc<AtomicU64>,
}

impl SpanSink for Queue {
    fn take(&self, span: FinishedSpan) {
        if self.sender.try_send(span).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl TraceExporter {
    /// # Errors
    /// A field does not fit.
    pub fn new(block: &Block<Kinds::Tracer>, registry: &Registry) -> Result<Self, BuildError> {
        let wrong = |message| BuildError::new(format!("failed to initialise tracer: {message}"));
        let inferred = registry.infer(ComponentKind::Tracer, &block.node).map_err(wrong)?;
        let config = inferred.config.filter(|config| !config.is_null()).cloned();
        let config = config.unwrap_or_else(Node::empty_map);
        let path = format!("tracer.{}", inferred.spec.name);
        let reader = Reader::new().at_path(&*path);
        match inferred.spec.name {
            "jaeger" => Self::jaeger(reader.read(&config)?).map_err(wrong),
            "open_telemetry_collector" => {
                Self::open_telemetry(reader.read(&config)?).map_err(wrong)
            }
            _ => Ok(Self::of(Target::Nobody, BTreeMap::new(), 0.0, FLUSH_INTERVAL)),
        }
    }

    fn jaeger(config: Jaeger) -> Result<Self, String> {
        let target = if config.collector_url.is_empty() {
            let address = config.agent_address;
            let address = match address.rsplit_once(':') {
                _ if address.is_empty() => format!("localhost:{AGENT_PORT}"),
                Some(_) => address,
                None => format!("{address}:{AGENT_PORT}"),
            };
            Target::JaegerAgent { address }
        } else {
            let url = &config.collector_url;
            let uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
            Target::JaegerCollector { client: HttpClient::new(false)?, uri }
        };
        let interval = config.flush_interval.unwrap_or(FLUSH_INTERVAL);
        Ok(Self::of(target, config.tags, config.sampler_param, interval))
    }

    fn open_telemetry(config: OpenTelemetry) -> Result<Self, String> {
        let ratio = match (config.sampling.enabled, config.sampling.ratio) {
            (false, _) => 1.0,
            (true, Some(ratio)) => ratio,
            (true, None) => return Err("field sampling.ratio is required".into()),
        };
        let mut collectors = Vec::new();
        for collector in config.http {
            let address = collector.address.unwrap_or(collector.url);
            collectors.push(Collector::new(&address, collector.secure, false)?);
        }
        for collector in config.grpc {
            let address = collector.address.unwrap_or(collector.url);
            collectors.push(Collector::new(&address, collector.secure, true)?);
        }
        let mut tags = config.tags;
        tags.entry("service.name".into()).or_insert_with(|| "sluice".into());
        tags.entry("service.version".into()).or_insert_with(|| env!("CARGO_PKG_VERSION").into());
        Ok(Self::of(Target::OpenTelemetry(collectors), tags, ratio, FLUSH_INTERVAL))
    }

    fn of(target: Target, tags: BTreeMap<String, String>, ratio: f64, interval: Duration) -> Self {
        let lost = Arc::new(AtomicU64::new(0));
        let (sender, queue) = mpsc::channel(WAITING);
        let tracer = match target {
            Target::Nobody => Tracer::default(),
            _ => Tracer::new(Queue { sender, lost: lost.clone() }, ratio),
        };
        let interval = interval.max(Duration::from_millis(10));
        Self { tracer, target, tags, interval, queue: Mutex::new(Some(queue)), lost }
    }

    /// The tracer whose spans are sent.
    pub fn tracer(&self) -> Tracer {
        self.tracer.clone()
    }

    /// Sends spans until `stop`, and what is left then.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        if !self.tracer.is_active() {
            return;
        }
        let Some(mut queue) = self.queue.lock().await.take() else { return };
        let mut waiting = Vec::new();
        let first = tokio::time::Instant::now() + self.interval;
        let mut ticks = tokio::time::interval_at(first, self.interval);
        loop {
            let room = BATCH - waiting.len();
            let is_last = tokio::select! {
                () = stop.cancelled() => true,
                _ = ticks.tick() => false,
                received = queue.recv_many(&mut waiting, room) => {
                    if received > 0 && waiting.len() < BATCH {
                        continue; // more may come until the next tick
                    }
                    received == 0
                }
            };
            self.send(&std::mem::take(&mut waiting)).await;
            if is_last {
                while let Ok(span) = queue.try_recv() {
                    waiting.push(span);
                }
                for spans in waiting.chunks(BATCH) {
                    self.send(spans).await;
                }
                return;
            }
        }
    }

    async fn send(&self, spans: &[FinishedSpan]) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            warn!("{lost} spans were not sent, because too many were waiting");
        }
        if spans.is_empty() {
            return;
        }
        match &self.target {
            Target::Nobody => {}
            Target::JaegerCollector { client, uri } => {
                let body = Bytes::from(thrift::binary_batch(&self.tags, spans));
                retried(|| Box::pin(tell_collector(client, uri, &body))).await;
            }
            Target::JaegerAgent { address } => self.tell_agent(address, spans).await,
            Target::OpenTelemetry(collectors) => {
                let message = otlp::request(&self.tags, spans);
                for collector in collectors {
                    retried(|| Box::pin(collector.send(&message))).await;
                }
            }
        }
    }

    /// Datagrams are sent once: there is no answer that could tell of a failure.
    async fn tell_agent(&self, address: &str, spans: &[FinishedSpan]) {
        let datagram = thrift::compact_call(&self.tags, spans);
        if datagram.len() > MAX_DATAGRAM {
            if let (first, second @ [_, ..]) = spans.split_at(spans.len() / 2)
                && !first.is_empty()
            {
                Box::pin(self.tell_agent(address, first)).await;
                Box::pin(self.tell_agent(address, second)).await;
            } else {
                warn!("a span of {} bytes is too large for an agent", datagram.len());
            }
            return;
        }
        let sent = async {
            let socket = UdpSocket::bind("0.0.0.0:0").await?;
            socket.send_to(&datagram, address).await
        };
        if let Err(error) = sent.await {
            error!("Failed to send spans to {address}: {error}");
        }
    }
}

async fn tell_collector(client: &HttpClient, uri: &Uri, body: &Bytes) -> Result<(), String> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(uri.clone())
        .header(CONTENT_TYPE, "application/x-thrift")
        .body(Full::from(body.clone()))
        .map_err(|error| error.to_string())?;
    client.send(request).await?.success(uri)
}

type Attempt<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// Sends, again after pauses if need be; spans that nobody takes are given up.
async fn retried<'a>(send: impl Fn() -> Attempt<'a>) {
    let mut pause = FIRST_PAUSE;
    for attempt in 1..=ATTEMPTS {
        match send().await {
            Ok(()) => return,
            Err(error) if attempt == ATTEMPTS => error!("Failed to send spans: {error}"),
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause *= 2;
    }
}
