//! A running stream for one set of values.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sluice_engine::http::HttpBody;
use sluice_engine::tenancy::Seat;
use sluice_engine::{Resources, Stream, StreamStatus};

use crate::mounts::Mounts;
use crate::observers::Observation;
use crate::settings::Counted;

/// Time that one stream gets to stop. Thousands stop at once and store their positions.
const PATIENCE: Duration = Duration::from_secs(12);

/// The beginning of time for [`Instance::idle_for`].
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(crate) struct Instance {
    pub(crate) mounts: Mounts,
    status: Arc<StreamStatus>,
    stream: Mutex<Option<Stream>>,
    resources: Resources,
    /// Its own observer, unless it shares one or has none.
    observation: Option<Observation>,
    /// Where its components meet.
    pub(crate) seat: Arc<Seat>,
    _counted: Counted,
    /// Milliseconds since [`BEGINNING`].
    last_used: AtomicU64,
}

impl Instance {
    pub(crate) fn new(
        stream: Stream,
        resources: Resources,
        mounts: Mounts,
        observation: Option<Observation>,
        seat: Arc<Seat>,
        counted: Counted,
    ) -> Self {
        let instance = Self {
            mounts,
            status: stream.status().clone(),
            stream: Mutex::new(Some(stream)),
            resources,
            observation,
            seat,
            _counted: counted,
            last_used: AtomicU64::new(0),
        };
        instance.touch();
        instance
    }

    pub(crate) fn status(&self) -> &StreamStatus {
        &self.status
    }

    pub(crate) fn idle_for(&self) -> Duration {
        let last = Duration::from_millis(self.last_used.load(Ordering::Relaxed));
        BEGINNING.elapsed().saturating_sub(last)
    }

    pub(crate) async fn stop(&self) {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(stream) = stream {
            stream.stop(PATIENCE).await;
            self.resources.close().await;
            if let Some(observation) = &self.observation {
                observation.stop().await;
            }
        }
    }

    fn touch(&self) {
        self.last_used.store(BEGINNING.elapsed().as_millis() as u64, Ordering::Relaxed);
    }
}

/// One exchange with an instance: while it lasts the instance stays.
pub(crate) struct Exchange(pub(crate) Arc<Instance>);

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.touch();
    }
}

/// A response body that keeps its exchange until it was sent.
pub(crate) struct HeldBody {
    pub(crate) body: HttpBody,
    pub(crate) _exchange: Arc<Exchange>,
}

impl Body for HeldBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
