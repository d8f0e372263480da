//! WebSocket clients.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response};
use sluice_engine::http::{HttpBody, HttpHandler};
use tokio::io::AsyncWriteExt;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_websockets::{CloseCode, Error, Message};
use tracing::debug;

use super::egress::{Egress, Guest, closed};
use super::hub::Parcel;
use crate::websocket::{self, Session, upgrade};

/// Largest frame that clients may send; they have nothing to say but pongs.
const MAX_FROM_CLIENT: usize = 512;

/// The handler of `ws_path`.
pub(super) struct Frames(pub(super) Arc<Egress>);

#[async_trait]
impl HttpHandler for Frames {
    async fn handle(&self, request: Request<HttpBody>) -> Response<HttpBody> {
        let egress = &self.0;
        if egress.hub.is_closed() {
            return closed();
        }
        let (mut parts, _) = request.into_parts();
        let allows = |origin: &str, _: &http::HeaderMap| {
            egress.cors.as_ref().is_none_or(|cors| cors.allows_origin(origin))
        };
        let (response, upgrade) = match upgrade(&mut parts, MAX_FROM_CLIENT, allows) {
            Ok(upgrade) => upgrade,
            Err(refusal) => return refusal,
        };
        let guest = match egress.admit(&mut parts) {
            Ok(guest) => guest,
            Err(refusal) => return refusal,
        };
        let shared = egress.clone();
        egress.sessions.spawn(async move {
            if let Some(session) = upgrade.session().await {
                Client { egress: shared, session }.run(guest).await;
            }
        });
        response
    }
}

struct Client {
    egress: Arc<Egress>,
    session: Session,
}

/// Why a client is no longer served.
enum End {
    /// It closed, broke off, or fell silent.
    Gone,
    /// There are no more messages.
    NoMore,
}

impl Client {
    async fn run(mut self, mut guest: Guest) {
        let end = self.serve(&mut guest).await;
        // Given back first: the farewell must not hold a message up.
        drop(guest.subscription);
        if matches!(end, End::NoMore) {
            websocket::close(&mut self.session, CloseCode::GOING_AWAY, "").await;
        }
        drop(guest.keepalive);
    }

    async fn serve(&mut self, guest: &mut Guest) -> End {
        let period = self.egress.ping_period;
        let mut ping = interval_at(Instant::now() + period, period);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let silent = sleep_until(heard + self.egress.pong_wait);
        tokio::pin!(silent);
        loop {
            tokio::select! {
                biased;
                received = self.session.next() => match received {
                    Some(Ok(message)) => {
                        heard = Instant::now();
                        // The pong must leave before more is read, or pongs could pile up.
                        if message.is_ping() && self.flush().await.is_err() {
                            return End::Gone;
                        }
                        // No event follows a farewell.
                        if message.is_close() {
                            let _ = self.flush().await; // the client left
                            return End::Gone;
                        }
                    }
                    Some(Err(problem)) => {
                        debug!("WebSocket ended: {problem}");
                        let _ = self.flush().await; // tells the client why, if it still listens
                        return End::Gone;
                    }
                    None => return End::Gone,
                },
                parcel = guest.subscription.next() => match parcel {
                    None => return End::NoMore,
                    Some(parcel) => if !self.hand(parcel).await {
                        return End::Gone;
                    }
                },
                _ = ping.tick() => if self.write(Message::ping(Bytes::new())).await.is_err() {
                    return End::Gone;
                },
                // Moved on only here: a timer for each event would cost more than the look at it.
                () = &mut silent => {
                    let until = heard + self.egress.pong_wait;
                    if until <= Instant::now() {
                        return End::Gone;
                    }
                    silent.as_mut().reset(until);
                }
            }
        }
    }

    /// Writes a batch; false when the client did not take it.
    async fn hand(&mut self, mut parcel: Parcel) -> bool {
        let shipment = parcel.shipment().clone();
        parcel.begin();
        for message in shipment.batch.iter() {
            let frame = websocket::server_frame(message, self.egress.frames_are_text);
            if let Err(problem) = self.write_frame(&frame).await {
                parcel.failed(problem);
                return false;
            }
        }
        parcel.delivered();
        true
    }

    /// Writes a frame that others may get, too, past the session, which would make its own. A frame
    /// that was written in part must be the last one.
    async fn write_frame(&mut self, frame: &[u8]) -> Result<(), String> {
        let session = &mut self.session;
        let writing = async {
            session.flush().await?; // the session's own frames must be whole
            let connection = session.get_mut();
            connection.write_all(frame).await?;
            connection.flush().await?;
            Ok(())
        };
        taken(timeout(self.egress.write_wait, writing).await)
    }

    async fn write(&mut self, message: Message) -> Result<(), String> {
        let sending = self.session.send(message);
        taken(timeout(self.egress.write_wait, sending).await)
    }

    async fn flush(&mut self) -> Result<(), String> {
        let flushing = self.session.flush();
        taken(timeout(self.egress.write_wait, flushing).await)
    }
}

fn taken(result: Result<Result<(), Error>, Elapsed>) -> Result<(), String> {
    match result {
        Ok(written) => written.map_err(|error| error.to_string()),
        Err(_) => Err("the client takes no data".into()),
    }
}
