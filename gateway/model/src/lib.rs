//! What the gateway serves, free of any dialect: APIs, listen paths, upstreams, snapshots.
//!
//! A management dialect translates its documents into [`Api`] values; the data plane compiles the
//! [`Snapshot`] they form and never sees a document again. Everything here is plain data.
//!
//! Holds always: no I/O; a value that exists is valid (templates compile, addresses parse); two APIs
//! of one snapshot never share a listen path.
//! Lives elsewhere: documents (`admin/tyk`), persistence (`gateway/store`), serving (`gateway/plane`).

mod api;
mod expiration;
mod listen_path;
mod secrets;
mod snapshot;
mod upstream;

pub use api::{Api, Revision, State};
pub use expiration::{Expiration, ExpirationError};
pub use listen_path::{ListenPath, ListenPathError};
pub use secrets::{SecretStore, Secrets};
pub use snapshot::{Conflict, Snapshot};
pub use upstream::{Scheme, Target, TargetError, TlsProfile, TlsVersion, Upstream};
