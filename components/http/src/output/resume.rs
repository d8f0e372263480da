//! Going on where a client of server-sent events left off.
//!
//! Events carry an `id` that says where the stream's input stood. A client that comes back sends the
//! last one it saw, in the header `Last-Event-ID` as browsers do, or in a query parameter of that
//! name, and the input goes on right behind it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderName, Response, StatusCode};
use sluice_engine::http::HttpBody;
use sluice_engine::tenancy::{Resumed, Seat};
use sluice_message::Batch;

use crate::query;
use crate::reply;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The query parameter, without regard to case, dashes and underscores.
const PARAMETER: &str = "lasteventid";

/// Which events a client still wants.
pub(super) struct Cursor {
    /// Events of earlier epochs were on their way before it came back: they come again.
    epoch: u64,
    /// Until the input goes on where the client left off.
    resuming: Option<BoxFuture<'static, Resumed>>,
}

impl Cursor {
    /// The cursor of a client that has just come. `shared`: others read from the same input.
    ///
    /// # Errors
    /// The answer to a client whose last id is none of this stream.
    pub(super) fn new(
        seat: Option<&Arc<Seat>>,
        parts: &Parts,
        shared: bool,
    ) -> Result<Self, Response<HttpBody>> {
        let mut cursor = Self { epoch: 0, resuming: None };
        let Some(input) = seat.and_then(|seat| seat.input()) else { return Ok(cursor) };
        input.follow();
        if let Some(id) = last_event_id(parts) {
            let refuse =
                |problem| reply::line(StatusCode::BAD_REQUEST, format!("Last-Event-ID: {problem}"));
            cursor.resuming = Some(input.resume(&id, shared).map_err(refuse)?);
        }
        Ok(cursor)
    }

    /// A client that takes what comes.
    pub(super) fn anywhere() -> Self {
        Self { epoch: 0, resuming: None }
    }

    /// Waits until the input is where the client wants it; with an event about what is lost.
    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(resuming) = &mut self.resuming else { return Poll::Ready(None) };
        match Pin::new(resuming).poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Resumed { epoch, missed }) => {
                self.resuming = None;
                self.epoch = epoch;
                Poll::Ready(missed.map(|what| format!("event: missed\ndata: {what}\n\n").into()))
            }
        }
    }

    /// Whether a batch is for this client, or comes again.
    pub(super) fn wants(&self, batch: &Batch) -> bool {
        let epoch = |place: &Arc<sluice_message::Place>| place.epoch;
        self.epoch == 0
            || batch.iter().any(|message| {
                message.context().place.as_ref().map(epoch).is_none_or(|epoch| epoch >= self.epoch)
            })
    }
}

fn last_event_id(parts: &Parts) -> Option<String> {
    let header = parts.headers.get(LAST_EVENT_ID);
    let header = header.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let parameter = || {
        let is_it = |name: &str| {
            let letters = name.bytes().filter(|byte| !b"-_".contains(byte));
            letters.map(|byte| byte.to_ascii_lowercase()).eq(PARAMETER.bytes())
        };
        let mut pairs = query::pairs(parts.uri.query().unwrap_or_default());
        pairs.find(|(name, _)| is_it(name)).map(|(_, value)| value.into_owned())
    };
    header.filter(|id| !id.is_empty()).or_else(parameter).filter(|id| !id.is_empty())
}
