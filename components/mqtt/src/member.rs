//! A reader that belongs to a house: its inbox, and the connections that fill it.
//!
//! It begins on a shared connection, unless its session or its filters forbid that. If it does not follow
//! for a while, it moves to a connection of its own, which can wait for it. For a moment it is on both, so
//! that nothing is missed; what is published in that moment comes twice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rumqttc::mqttbytes::QoS;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::client::{Client, Manner, Place, Seat};
use crate::house::House;
use crate::inbox::{Inbox, Received};

/// How long a reader may be slow before it moves, and how long it is on both connections.
const MOVING: Duration = Duration::from_secs(1);

pub(crate) struct Member {
    house: Arc<House>,
    inbox: Arc<Inbox>,
    filters: Vec<String>,
    qos: QoS,
    seats: Mutex<Vec<Seat>>,
    is_moving: AtomicBool,
    /// Set when a reader fell so far behind that its next connection is its own from the beginning.
    overwhelmed: Arc<AtomicBool>,
    stop: CancellationToken,
}

impl Member {
    /// Opens or joins a connection. `alone`: one of its own.
    ///
    /// # Errors
    /// What the broker or the network said.
    pub(crate) async fn join(
        house: Arc<House>,
        filters: Vec<String>,
        qos: QoS,
        alone: bool,
        overwhelmed: Arc<AtomicBool>,
    ) -> Result<Arc<Self>, String> {
        let alone = overwhelmed.swap(false, Ordering::AcqRel) || alone;
        let member = Arc::new(Self {
            house,
            inbox: Arc::default(),
            filters,
            qos,
            seats: Mutex::default(),
            is_moving: AtomicBool::new(alone),
            overwhelmed,
            stop: CancellationToken::new(),
        });
        let manner = if alone { Manner::Own } else { Manner::Shared };
        let seat = member.take_seat(manner).await?;
        member.seats().push(seat);
        Ok(member)
    }

    /// The next messages.
    ///
    /// # Errors
    /// Why there will be no more.
    pub(crate) async fn take(&self, most: usize) -> Result<Vec<Received>, String> {
        self.inbox.take(most).await
    }

    /// Leaves all connections, and closes those that are its own.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        let seats = std::mem::take(&mut *self.seats());
        let own = |client: &Arc<Client>| client.manner == Manner::Own;
        let clients: Vec<Arc<Client>> = seats.iter().map(|seat| seat.client.clone()).collect();
        drop(seats);
        for client in clients.iter().filter(|client| own(client)) {
            client.close().await;
        }
    }

    async fn take_seat(self: &Arc<Self>, manner: Manner) -> Result<Seat, String> {
        let place =
            Place::new(self.inbox.clone(), self.filters.clone(), self.qos, Arc::downgrade(self));
        self.house.seat(Arc::new(place), &self.filters, manner).await
    }

    /// The reader does not follow: if that lasts, it moves.
    pub(crate) fn is_slow(member: &Weak<Self>) {
        let Some(strong) = member.upgrade() else { return };
        if strong.is_moving.swap(true, Ordering::AcqRel) {
            return;
        }
        let (member, stop) = (member.clone(), strong.stop.clone());
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            tokio::time::sleep(MOVING).await;
            if let Some(member) = member.upgrade() {
                member.relocate().await;
            }
        }));
    }

    /// The reader is too far behind for anything but a connection of its own. What it has is delivered;
    /// what is published until it is connected again is lost to it.
    pub(crate) fn is_lost(member: &Weak<Self>, inbox: &Inbox) {
        let Some(member) = member.upgrade() else { return };
        if !member.overwhelmed.swap(true, Ordering::AcqRel) {
            warn!(topics = ?member.filters, "A reader of MQTT is too slow: it loses messages while it connects anew");
        }
        inbox.end("the reader is too slow for a shared connection");
    }

    async fn relocate(self: Arc<Self>) {
        if !self.inbox.is_slow() {
            self.is_moving.store(false, Ordering::Release);
            return;
        }
        info!(topics = ?self.filters, "A slow reader of MQTT gets a connection of its own");
        match self.take_seat(Manner::Own).await {
            Ok(seat) => self.seats().push(seat),
            Err(error) => {
                warn!(topics = ?self.filters, "No connection for a slow reader of MQTT: {error}");
                self.is_moving.store(false, Ordering::Release);
                return;
            }
        }
        // What the broker sent out before may still be on its way on the shared connection.
        tokio::time::sleep(MOVING).await;
        self.seats().retain(|seat| seat.client.manner == Manner::Own);
    }

    fn seats(&self) -> MutexGuard<'_, Vec<Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
