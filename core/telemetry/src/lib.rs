//! Metric handles: resolved once at start, counted without locks, read by exporters; and spans of
//! traces.
//!
//! A series is a name and a set of labels. Asking for the same series twice gives the same
//! handle, so instances of one template count together and the number of series stays bounded
//! by the configuration.
//!
//! Lives elsewhere: formats and exporters (Prometheus text, statsd, JSON).

mod metrics;
mod timing;
mod trace;

pub use metrics::{Counter, Gauge, Labels, Metrics, Reading, Rename, Series};
pub use timing::{Sampler, Timer, TimingSummary};
pub use trace::{FinishedSpan, Span, SpanContext, SpanSink, Tracer};
