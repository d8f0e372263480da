//! Endless responses.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response, Version};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use sluice_engine::http::{HttpBody, HttpHandler};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::egress::{Egress, Guest};
use super::framing::{Format, HEARTBEAT};
use super::hub::Parcel;
use crate::reply::TEXT;
use crate::sniff;

/// The handler of `stream_path`.
pub(super) struct Stream(pub(super) Arc<Egress>);

#[async_trait]
impl HttpHandler for Stream {
    async fn handle(&self, request: Request<HttpBody>) -> Response<HttpBody> {
        let (mut parts, _) = request.into_parts();
        let admitted = self.0.check(&parts).and_then(|()| match self.0.stream_format {
            Format::Events => self.0.admit_again(&mut parts),
            Format::Raw => self.0.admit(&mut parts),
        });
        match admitted {
            Ok(guest) => respond(&self.0, guest, self.0.stream_format, parts.version),
            Err(refusal) => refusal,
        }
    }
}

/// A response that streams until the client leaves or the stream ends.
pub(super) fn respond(
    egress: &Egress,
    mut guest: Guest,
    format: Format,
    version: Version,
) -> Response<HttpBody> {
    let first = match format {
        Format::Raw => guest.subscription.next().now_or_never().flatten(),
        Format::Events => None,
    };
    let heartbeat = (format == Format::Events && !egress.heartbeat.is_zero()).then(|| {
        let mut ticks = interval_at(Instant::now() + egress.heartbeat, egress.heartbeat);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    let content_type = match (format, &first) {
        (Format::Events, _) => HeaderValue::from_static("text/event-stream"),
        // Without content to look at, text is the best guess.
        (Format::Raw, None) => TEXT,
        (Format::Raw, Some(parcel)) => {
            sniff::content_type(&format.encode(&parcel.shipment().batch).concat())
        }
    };
    let streaming = Streaming { handed: Handed::Nothing, first, guest, format, heartbeat };
    let mut response = Response::new(streaming.boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    if format == Format::Events {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let unbuffered = HeaderName::from_static("x-accel-buffering");
        headers.insert(unbuffered, HeaderValue::from_static("no"));
        if version < Version::HTTP_2 {
            headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
        }
    }
    response
}

struct Streaming {
    /// Before `guest`, so that what it holds is given back while the client still counts.
    handed: Handed,
    first: Option<Parcel>,
    guest: Guest,
    format: Format,
    heartbeat: Option<Interval>,
}

/// What the connection was given last.
enum Handed {
    Nothing,
    /// A piece of it; these come next.
    InPart(Parcel, std::vec::IntoIter<Bytes>),
    /// In the connection's buffer: it is given a turn to write before this counts as delivered.
    Buffered(Parcel),
    Written(Parcel),
}

impl Streaming {
    fn poll_content(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match std::mem::replace(&mut self.handed, Handed::Nothing) {
            Handed::Nothing => {}
            Handed::InPart(parcel, pieces) => {
                if let Some(piece) = self.hand(parcel, pieces) {
                    return Poll::Ready(Some(piece));
                }
            }
            Handed::Buffered(parcel) => {
                self.handed = Handed::Written(parcel);
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Handed::Written(parcel) => parcel.delivered(),
        }
        match self.guest.cursor.poll_ready(context) {
            Poll::Ready(None) => {}
            Poll::Ready(Some(missed)) => return Poll::Ready(Some(missed)),
            Poll::Pending => return self.poll_heartbeat(context),
        }
        let next = match self.first.take() {
            Some(parcel) => Poll::Ready(Some(parcel)),
            None => self.guest.subscription.poll_next(context),
        };
        match next {
            Poll::Ready(Some(parcel)) if !self.guest.cursor.wants(&parcel.shipment().batch) => {
                parcel.delivered();
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(Some(mut parcel)) => {
                let pieces = self.format.encode(&parcel.shipment().batch).into_iter();
                parcel.begin();
                match self.hand(parcel, pieces) {
                    Some(piece) => Poll::Ready(Some(piece)),
                    None => self.poll_content(context), // an empty batch has nothing to say
                }
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => self.poll_heartbeat(context),
        }
    }

    /// The next piece of a parcel; none when it had none left, and counts as delivered.
    fn hand(&mut self, parcel: Parcel, mut pieces: std::vec::IntoIter<Bytes>) -> Option<Bytes> {
        let Some(piece) = pieces.next() else {
            parcel.delivered();
            return None;
        };
        self.handed = match pieces.len() {
            0 => Handed::Buffered(parcel),
            _ => Handed::InPart(parcel, pieces),
        };
        Some(piece)
    }

    fn poll_heartbeat(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.heartbeat.as_mut().map(|ticks| ticks.poll_tick(context)) {
            Some(Poll::Ready(_)) => Poll::Ready(Some(HEARTBEAT)),
            _ => Poll::Pending,
        }
    }
}

impl Body for Streaming {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.poll_content(context).map(|content| content.map(|content| Ok(Frame::data(content))))
    }
}
