//! What the three endpoints of an output share.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Response, StatusCode};
use sluice_engine::http::{ConsumerGroup, HttpBody, Keepalive};
use sluice_engine::tenancy::{Seat, Visitor};
use sluice_engine::{BuildError, Scope};
use tokio_util::task::TaskTracker;

use super::HttpServerOutput;
use super::framing::Format;
use super::hub::{Hub, Refusal, Subscription};
use super::resume::Cursor;
use crate::reply;
use crate::server::Cors;

pub(super) struct Egress {
    pub(super) hub: Arc<Hub>,
    /// Open WebSockets.
    pub(super) sessions: TaskTracker,
    pub(super) timeout: Duration,
    pub(super) stream_format: Format,
    pub(super) heartbeat: Duration,
    pub(super) frames_are_text: bool,
    pub(super) write_wait: Duration,
    pub(super) pong_wait: Duration,
    pub(super) ping_period: Duration,
    /// Origins that WebSocket clients must have; any when there is none.
    pub(super) cors: Option<Cors>,
    /// Where the output meets the input, in an instance of a template.
    pub(super) seat: Option<Arc<Seat>>,
    verbs: Vec<String>,
    group: String,
}

/// A client that was let in.
pub(super) struct Guest {
    pub(super) subscription: Subscription,
    /// Tells the host that the client is still there.
    pub(super) keepalive: Option<Keepalive>,
    /// Which events it still wants.
    pub(super) cursor: Cursor,
    _visitor: Option<Visitor>,
}

impl Egress {
    pub(super) fn new(
        config: &HttpServerOutput,
        cors: Option<Cors>,
        scope: &Scope,
    ) -> Result<Self, BuildError> {
        if config.allowed_verbs.is_empty() {
            return Err(BuildError::new("must specify at least one allowed verb"));
        }
        for (field, duration) in [
            ("write_wait", config.write_wait),
            ("pong_wait", config.pong_wait),
            ("ping_period", config.ping_period),
        ] {
            if duration.is_zero() {
                return Err(BuildError::new(format!("field {field} must be greater than zero")));
            }
        }
        let clients = scope.environment().metrics.gauge("http_server_clients", &scope.labels());
        Ok(Self {
            hub: Hub::new(clients),
            sessions: TaskTracker::new(),
            timeout: config.timeout,
            stream_format: match config.stream_format.to_ascii_lowercase().as_str() {
                "event_source" => Format::Events,
                _ => Format::Raw,
            },
            heartbeat: config.heartbeat,
            frames_are_text: config.ws_message_type.eq_ignore_ascii_case("text"),
            write_wait: config.write_wait,
            pong_wait: config.pong_wait,
            ping_period: config.ping_period,
            cors,
            seat: scope.seat().cloned(),
            verbs: config.allowed_verbs.clone(),
            group: config.consumer_group.clone(),
        })
    }

    /// # Errors
    /// The answer to a request with the wrong method, or to any while the stream stops.
    pub(super) fn check(&self, parts: &Parts) -> Result<(), Response<HttpBody>> {
        if self.hub.is_closed() {
            return Err(closed());
        }
        if !self.verbs.iter().any(|verb| verb == parts.method.as_str()) {
            return Err(reply::line(StatusCode::METHOD_NOT_ALLOWED, "Incorrect method"));
        }
        Ok(())
    }

    /// Counts a client of an endless stream of events in, which may have been here before.
    pub(super) fn admit_again(&self, parts: &mut Parts) -> Result<Guest, Response<HttpBody>> {
        let seat = self.seat.as_ref();
        let is_shared = seat.is_some_and(|seat| seat.clients() > 0);
        let cursor = Cursor::new(seat, parts, is_shared)?;
        Ok(Guest { cursor, ..self.admit(parts)? })
    }

    /// Counts a client in.
    pub(super) fn admit(&self, parts: &mut Parts) -> Result<Guest, Response<HttpBody>> {
        let group = parts.extensions.get::<ConsumerGroup>();
        let group = group.map_or(self.group.as_str(), |ConsumerGroup(group)| group);
        let subscription = self.hub.subscribe(group).map_err(|refusal| match refusal {
            Refusal::Closed => closed(),
            Refusal::Crowded => reply::line(StatusCode::SERVICE_UNAVAILABLE, "Server busy"),
        })?;
        let visitor = self.seat.as_ref().map(Seat::visit);
        let keepalive = parts.extensions.remove();
        Ok(Guest { subscription, keepalive, cursor: Cursor::anywhere(), _visitor: visitor })
    }
}

pub(super) fn closed() -> Response<HttpBody> {
    reply::line(StatusCode::SERVICE_UNAVAILABLE, "Server closed")
}
