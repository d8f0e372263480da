//! What the phases need to know about a request: its path, its client, its variables.

mod client_ip;
mod context;
mod escape;
mod path;
mod variables;

pub use context::RequestContext;
pub(crate) use context::host;
pub use escape::{path_escape, query_escape, query_pairs};

pub(crate) use client_ip::client_ip;
pub(crate) use path::{PathRefusal, RequestPath};
pub use variables::RequestHead;
pub(crate) use variables::VariableSource;
