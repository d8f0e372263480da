//! One batch for each request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll as Polled};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use sluice_engine::http::{HttpBody, HttpHandler};
use sluice_message::Batch;

use super::egress::{Egress, Guest, closed};
use super::framing::Format;
use super::hub::Parcel;
use super::stream;
use crate::headers::accepts;
use crate::multipart;
use crate::reply::{self, OCTETS};

/// The handler of `path`.
pub(super) struct Poll(pub(super) Arc<Egress>);

#[async_trait]
impl HttpHandler for Poll {
    async fn handle(&self, request: Request<HttpBody>) -> Response<HttpBody> {
        let egress = &self.0;
        let (mut parts, _) = request.into_parts();
        if let Err(refusal) = egress.check(&parts) {
            return refusal;
        }
        let is_stream = accepts(&parts.headers, &ACCEPT, "text/event-stream");
        let admitted =
            if is_stream { egress.admit_again(&mut parts) } else { egress.admit(&mut parts) };
        let mut guest = match admitted {
            Ok(guest) => guest,
            Err(refusal) => return refusal,
        };
        if is_stream {
            return stream::respond(egress, guest, Format::Events, parts.version);
        }
        match tokio::time::timeout(egress.timeout, guest.subscription.next()).await {
            Err(_) => reply::line(StatusCode::REQUEST_TIMEOUT, "Timed out waiting for message"),
            Ok(None) => closed(),
            Ok(Some(parcel)) => {
                let (content, content_type) = encode(&parcel.shipment().batch);
                let handing =
                    Handing { content: Some(content), parcel: Some(parcel), _guest: guest };
                let mut response = Response::new(handing.boxed_unsync());
                response.headers_mut().insert(CONTENT_TYPE, content_type);
                response
            }
        }
    }
}

fn encode(batch: &Batch) -> (Bytes, HeaderValue) {
    if let [message] = batch.as_slice() {
        return (message.bytes().clone(), OCTETS);
    }
    let mut writer = multipart::Writer::new();
    for message in batch.iter() {
        writer.part([("Content-Type", OCTETS.as_bytes())], message.bytes());
    }
    writer.finish()
}

/// A body that counts as delivered once the connection has taken it.
struct Handing {
    content: Option<Bytes>,
    parcel: Option<Parcel>,
    _guest: Guest,
}

impl Body for Handing {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Polled<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(parcel) = self.parcel.take() {
            parcel.delivered();
        }
        Polled::Ready(self.content.take().map(|content| Ok(Frame::data(content))))
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.as_ref().map_or(0, |content| content.len() as u64))
    }
}
