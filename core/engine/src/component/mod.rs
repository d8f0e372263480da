//! What components implement.
//!
//! Two levels: *connectors* ([`Input`]/[`Reader`], [`Output`]/[`Writer`]) know one external system
//! and nothing of retries; the engine wraps them into the *stream* level ([`Source`], [`Sink`]),
//! which composites such as `broker`, `switch` or `fallback` implement and consume directly.

mod input;
mod output;
mod processor;
mod support;

pub use input::{Burst, Delivery, Input, LinkState, ReadError, Reader, Source};
pub use output::{InFlight, Output, Sink, WriteError, Writer};
pub use processor::{Batches, Composite, DirectProcessor, Processor, WaitingProcessor};
pub use support::{Cache, CacheError, RateLimit, Scan, ScanError, Scanner};

/// Whatever a library reports.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a connector could not open its link. The engine tries again, with pauses, until stopped.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The other side cannot be reached or refuses.
    #[error("failed to connect to {target}: {source}")]
    Unreachable { target: String, source: BoxError },
    /// There is nothing to connect to and never will be: the input ends.
    #[error("nothing to read")]
    End,
}

impl ConnectError {
    pub fn new(target: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::Unreachable { target: target.into(), source: source.into() }
    }
}
