//! Listeners and the connections they accept.

mod accept;
mod again;
mod connection;
mod drain;
mod io;
mod tls;

pub use accept::{ListenError, ListenerSettings, listen};
pub use connection::{Connection, Serve, TlsInfo};
pub use drain::Drain;
pub use tls::{Certificate, TlsError, TlsSettings};

pub(crate) use connection::ActiveRequest;
