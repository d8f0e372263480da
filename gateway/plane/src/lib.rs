//! The data plane: listeners, routing, request phases and proxying.
//!
//! A [`Plane`] serves the APIs of the [`Snapshot`](sluice_model::Snapshot) that its one
//! [`Applier`] gave it last. A request passes the phases of `plane::Plane::serve`: size, route,
//! expiry, request limits, context variables, the API's own handler, proxy. What answers before the
//! proxy (streams) plugs in as an [`ApiExtension`], which makes one [`ApiHandler`] per API.
//!
//! Holds always: a request finishes on the API it began with, whatever is applied meanwhile; every
//! connection, header block, body and wait has a bound from [`Limits`] or [`PlaneSettings`]; a
//! document that an extension refuses never displaces the version that serves.
//! Lives elsewhere: documents and management (`admin/*`), streams (`gateway/streams`).

mod applier;
mod body;
mod extension;
mod fault;
mod plane;
mod proxy;
mod request;
mod router;
mod runtime;
mod server;
mod settings;

pub use applier::{Applier, Refusal};
pub use body::{Body, BodyError};
pub use extension::{ApiExtension, ApiHandler, ExtensionError, Outcome, Tenant};
pub use fault::{Fault, plain_text};
pub use plane::{Plane, PlaneCounts, Unready};
pub use request::{RequestContext, RequestHead, path_escape, query_escape, query_pairs};
pub use server::{
    Certificate, Connection, Drain, ListenError, ListenerSettings, Serve, TlsError, TlsInfo,
    TlsSettings, listen,
};
pub use settings::{Limits, PlaneSettings, UpstreamSettings};

/// The end of every error chain here.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
