//! Other programs on this host, and plain sockets.
//!
//! `command` runs a program for each message, the three `subprocess` components keep one running;
//! `socket` and `socket_server` speak without a protocol over TCP, UDP, Unix sockets and TLS.
//!
//! Holds always: a program is started by name and arguments, never through a shell; it ends with
//! its component, and is waited for; what it prints is bounded; connections are bounded in number
//! and end with their component.
//! Lives elsewhere: scanners and the codecs of outputs (`sluice-files`).

mod child;
mod command;
mod frames;
mod input_socket;
mod input_socket_server;
mod input_subprocess;
mod output_socket;
mod output_subprocess;
mod processor_subprocess;
mod stream;
mod tls;

use sluice_engine::Registry;

/// Registers the components of this crate.
pub fn register(registry: &mut Registry) {
    command::register(registry);
    input_socket::register(registry);
    input_socket_server::register(registry);
    input_subprocess::register(registry);
    output_socket::register(registry);
    output_subprocess::register(registry);
    processor_subprocess::register(registry);
}
