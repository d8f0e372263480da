//! What waits for one reader, from however many connections.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rumqttc::mqttbytes::v4::Publish;
use tokio::sync::Notify;

use crate::client::Client;

/// From here on a reader counts as slow, ...
const SLOW_MESSAGES: usize = 1024;
const SLOW_BYTES: usize = 4 << 20;
/// ... and it cannot fall further behind than this. What lies between is room for a burst, and for
/// the time that getting a connection of its own takes.
const MOST_MESSAGES: usize = 8 * SLOW_MESSAGES;
const MOST_BYTES: usize = 8 * SLOW_BYTES;
/// What a message takes beside its content and topic.
const OVERHEAD: usize = 128;

/// A message, and what its broker is to hear once it was delivered.
pub(crate) struct Received {
    pub(crate) publish: Publish,
    pub(crate) receipt: Option<Receipt>,
}

/// An acknowledgement that is owed.
pub(crate) struct Receipt {
    pub(crate) client: Arc<Client>,
    pub(crate) publish_id: u16,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    Fine,
    Slow,
    Over,
}

#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    /// Something came, or nothing more will.
    filled: Notify,
    /// Something was taken out.
    emptied: Notify,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Received>,
    bytes: usize,
    end: Option<String>,
}

impl Inbox {
    /// Takes a message in, unless there is no room at all.
    pub(crate) fn push(&self, received: Received) -> Fill {
        let mut state = self.state();
        let size = size(&received);
        if state.queue.len() >= MOST_MESSAGES
            || state.bytes.saturating_add(size) > MOST_BYTES.max(size)
        {
            return Fill::Over;
        }
        state.bytes += size;
        state.queue.push_back(received);
        let fill = state.fill();
        drop(state);
        self.filled.notify_one();
        fill
    }

    /// The next messages, at most so many; those that are there come before the end.
    ///
    /// # Errors
    /// Why there will be no more.
    pub(crate) async fn take(&self, most: usize) -> Result<Vec<Received>, String> {
        loop {
            {
                let mut state = self.state();
                if !state.queue.is_empty() {
                    let count = state.queue.len().min(most);
                    let taken: Vec<Received> = state.queue.drain(..count).collect();
                    state.bytes -= taken.iter().map(size).sum::<usize>();
                    drop(state);
                    self.emptied.notify_waiters();
                    return Ok(taken);
                }
                if let Some(end) = &state.end {
                    return Err(end.clone());
                }
            }
            self.filled.notified().await; // keeps one notice, so nothing is missed
        }
    }

    /// Waits until the reader is not slow any more.
    pub(crate) async fn room(&self) {
        loop {
            let emptied = self.emptied.notified();
            if !self.is_slow() {
                return;
            }
            emptied.await;
        }
    }

    pub(crate) fn is_slow(&self) -> bool {
        self.state().fill() == Fill::Slow
    }

    /// Nothing more will come, for the reason that was given first.
    pub(crate) fn end(&self, reason: &str) {
        self.state().end.get_or_insert_with(|| reason.to_owned());
        self.filled.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fill(&self) -> Fill {
        let is_slow = self.queue.len() >= SLOW_MESSAGES || self.bytes >= SLOW_BYTES;
        if is_slow { Fill::Slow } else { Fill::Fine }
    }
}

fn size(received: &Received) -> usize {
    received.publish.payload.len() + received.publish.topic.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use rumqttc::mqttbytes::QoS;

    use super::*;

    fn message(bytes: usize) -> Received {
        let publish = Publish::new("t", QoS::AtMostOnce, vec![0; bytes]);
        Received { publish, receipt: None }
    }

    #[tokio::test]
    async fn a_reader_gets_slow_and_then_has_no_room() {
        let inbox = Inbox::default();
        for _ in 1..SLOW_MESSAGES {
            assert_eq!(inbox.push(message(1)), Fill::Fine);
        }
        for _ in SLOW_MESSAGES..=MOST_MESSAGES {
            assert_eq!(inbox.push(message(1)), Fill::Slow);
        }
        assert_eq!(inbox.push(message(1)), Fill::Over);
        assert_eq!(inbox.take(usize::MAX).await.unwrap().len(), MOST_MESSAGES);
        inbox.room().await;
    }

    #[tokio::test]
    async fn what_is_there_comes_before_the_end() {
        let inbox = Inbox::default();
        inbox.push(message(MOST_BYTES * 2)); // a single one always has room
        inbox.end("lost");
        inbox.end("later");
        assert_eq!(inbox.take(5).await.unwrap().len(), 1);
        assert_eq!(inbox.take(5).await.err().unwrap(), "lost");
    }
}
