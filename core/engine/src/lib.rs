//! The stream engine: what components implement, and everything they need not.
//!
//! A stream is `input -> buffer -> pipeline -> output`. Connectors implement little: connect, read
//! or write, close ([`component`]). Reconnecting, replaying, in-flight limits, batching, metrics
//! and the two-step stop live here, once ([`wiring`]).
//!
//! Data is pulled and then called onwards, without a task or channel per component: a pipeline
//! thread asks its [`Source`] for transactions, runs the processors, and calls the [`Sink`], which
//! answers when the batch is delivered. Channels stand only where `threads`, a buffer or a broker
//! of inputs demands one.
//!
//! Holds always: a source is told `Delivered` only after every sink that must take the batch has
//! it; queues are bounded; every task ends with its stream.
//! Lives elsewhere: components (`components/*`), listeners (behind [`http::HttpHost`]).

pub mod backoff;
pub mod carrier;
mod catalogue;
pub mod component;
pub mod http;
pub mod inbox;
mod mapping;
mod misfit;
mod owner;
mod registry;
mod resources;
mod scope;
mod shared;
mod stop;
pub mod tenancy;
pub mod wiring;

pub use component::{
    Batches, Burst, Cache, CacheError, Composite, ConnectError, Delivery, DirectProcessor,
    InFlight, Input, LinkState, Output, Processor, RateLimit, ReadError, Reader, Scan, ScanError,
    Scanner, Sink, Source, WaitingProcessor, WriteError, Writer,
};
pub use mapping::{Check, Mapped, Mapping, Mode, Program, Text};
pub use misfit::{Misfit, Misfits};
pub use owner::Owner;
pub use registry::{
    BuildError, BuiltBuffer, BuiltInput, BuiltOutput, ComponentSpec, Expand, ReadsAhead, Registry,
    RenameOf, Status,
};
pub use resources::{ProcessorResource, Resources};
pub use scope::{Environment, Scope};
pub use shared::Shared;
pub use stop::Stop;
pub use wiring::definition::StreamConfig;
pub use wiring::stream::{Stream, StreamStatus};
