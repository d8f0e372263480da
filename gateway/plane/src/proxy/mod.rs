//! Forwarding to upstreams.

mod client;
mod deadline;
mod forward;
mod headers;
mod tunnel;
mod verify;

pub(crate) use client::{Clients, UpstreamClient};
pub(crate) use forward::Forward;
