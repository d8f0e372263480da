#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
mod command;
mod sockets;
mod subprocess;
mod support;
