//! What is to be sent to a broker, and the task that sends it.
//!
//! Acknowledgements always have room: there are no more of them than messages that came in. Whoever
//! publishes asks for [`room`](Outbox::room) first.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::Packet;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::link::MOST_BYTES;

/// Bytes that wait; a message may make it more.
const ENOUGH: usize = 1 << 20;
/// Longest wait for the broker to take bytes, and to answer a probe.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
const PROBE_PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Outbox {
    state: Mutex<State>,
    filled: Notify,
    emptied: Notify,
    /// Bytes sent so far.
    sent: watch::Sender<u64>,
    keepalive: Duration,
}

#[derive(Default)]
struct State {
    buffer: BytesMut,
    /// Bytes put in so far.
    put: u64,
    is_finished: bool,
    /// When the broker was asked whether it is there, until it answers.
    probed: Option<Instant>,
}

impl Outbox {
    pub(super) fn new(keepalive: u16) -> Self {
        Self {
            state: Mutex::default(),
            filled: Notify::new(),
            emptied: Notify::new(),
            sent: watch::Sender::new(0),
            keepalive: Duration::from_secs(keepalive.into()),
        }
    }

    /// Puts a packet in, and says up to where bytes must be sent until it is.
    pub(super) fn put(&self, packet: &Packet) -> u64 {
        let mut state = self.state();
        let before = state.buffer.len();
        // Lengths were checked where texts came in; a packet that cannot be written is left out whole.
        if packet.write(&mut state.buffer, MOST_BYTES).is_err() {
            state.buffer.truncate(before);
        }
        state.put += (state.buffer.len() - before) as u64;
        let mark = state.put;
        drop(state);
        self.filled.notify_one();
        mark
    }

    /// Waits until another message has room.
    pub(super) async fn room(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.state().buffer.len() < ENOUGH {
                return;
            }
            emptied.await;
        }
    }

    /// Waits until so many bytes were sent.
    pub(super) async fn sent(&self, mark: u64) {
        let mut sent = self.sent.subscribe();
        let _ = sent.wait_for(|sent| *sent >= mark).await; // the sender lives as long as we do
    }

    /// Nothing more will be put in that matters.
    pub(super) fn finish(&self) {
        self.state().is_finished = true;
        self.filled.notify_one();
    }

    /// The broker answered a probe.
    pub(super) fn is_alive(&self) {
        self.state().probed = None;
    }

    /// Reading pauses on purpose: an answer cannot be seen.
    pub(super) fn pardon(&self) {
        if let Some(probed) = &mut self.state().probed {
            *probed = Instant::now();
        }
    }

    /// Sends until the end, or until `down`.
    ///
    /// # Errors
    /// The connection is gone.
    pub(super) async fn serve(
        &self,
        mut writer: impl AsyncWrite + Unpin,
        down: &CancellationToken,
    ) -> Result<(), String> {
        let mut idle_since = Instant::now();
        loop {
            let (chunk, is_finished) = {
                let mut state = self.state();
                (state.buffer.split(), state.is_finished)
            };
            self.emptied.notify_waiters();
            if !chunk.is_empty() {
                idle_since = Instant::now();
                let writing = timeout(WRITE_PATIENCE, writer.write_all(&chunk));
                let written = tokio::select! {
                    biased;
                    () = down.cancelled() => return Ok(()),
                    written = writing => written,
                };
                match written {
                    Ok(Ok(())) => self.sent.send_modify(|sent| *sent += chunk.len() as u64),
                    Ok(Err(error)) => return Err(error.to_string()),
                    Err(_) => return Err("write timed out".to_owned()),
                }
                continue;
            }
            if is_finished {
                let mut goodbye = BytesMut::new();
                if Packet::Disconnect.write(&mut goodbye, MOST_BYTES).is_ok() {
                    let _ = timeout(WRITE_PATIENCE, writer.write_all(&goodbye)).await; // it is over
                    let _ = timeout(WRITE_PATIENCE, writer.shutdown()).await;
                }
                return Ok(());
            }
            let probing = self.state().probed;
            let next = match probing {
                Some(probed) => Some(probed + PROBE_PATIENCE),
                None => (!self.keepalive.is_zero()).then(|| idle_since + self.keepalive),
            };
            tokio::select! {
                biased;
                () = down.cancelled() => return Ok(()),
                () = self.filled.notified() => {}
                () = until(next) => {
                    let probed = self.state().probed; // answered meanwhile, or pardoned
                    match probed {
                        Some(probed) if probed + PROBE_PATIENCE <= Instant::now() => {
                            return Err("pingresp not received, disconnecting".to_owned());
                        }
                        Some(_) => {}
                        None => self.probe(),
                    }
                }
            }
        }
    }

    fn probe(&self) {
        self.put(&Packet::PingReq);
        self.state().probed = Some(Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
