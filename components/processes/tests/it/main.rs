mod command;
mod sockets;
mod subprocess;
mod support;
