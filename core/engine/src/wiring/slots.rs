//! In-flight limits of connectors.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::InFlight;

/// As many sends as may be on their way at once. They are given out in the order of asking.
///
/// Where a connector puts small writes into one request anyway, those that wait when a send ends go
/// together as the next one, up to a number of messages: a stream of single messages is not slower
/// than one of batches then.
pub(crate) struct Slots(Arc<Shared>);

struct Shared {
    /// Messages of waiting writes that may share a send; with 0 each write is a send.
    gather: usize,
    state: Mutex<State>,
}

struct State {
    free: usize,
    is_closed: bool,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    messages: usize,
    place: oneshot::Sender<Slot>,
}

/// A write's part in a send, which ends when the last part is dropped.
pub(crate) struct Slot {
    _flight: Arc<Flight>,
}

struct Flight(Arc<Shared>);

impl Slots {
    pub(crate) fn new(limit: InFlight) -> Self {
        let state = State { free: limit.writes, is_closed: false, waiting: VecDeque::new() };
        Self(Arc::new(Shared { gather: limit.gather(), state: Mutex::new(state) }))
    }

    /// A place for a write of so many messages; `None` once closed.
    ///
    /// # Cancel safety
    /// Whoever stops waiting leaves its place to those behind.
    pub(crate) async fn take(&self, messages: usize) -> Option<Slot> {
        let place = {
            let mut state = self.0.state();
            if state.is_closed {
                return None;
            }
            if state.free > 0 {
                state.free -= 1;
                return Some(Slot { _flight: Arc::new(Flight(self.0.clone())) });
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting.push_back(Waiting { messages, place: sender });
            receiver
        };
        place.await.ok()
    }

    /// Refuses those that wait and those that come.
    pub(crate) fn close(&self) {
        let mut state = self.0.state();
        state.is_closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        drop(waiting);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that go together next. Frees a send when nobody waits.
    fn next(&self) -> Vec<Waiting> {
        let mut state = self.state();
        let mut together = Vec::new();
        let mut messages = 0;
        while let Some(first) = state.waiting.front() {
            if first.place.is_closed() {
                state.waiting.pop_front();
                continue;
            }
            messages += first.messages;
            if !together.is_empty() && messages > self.gather {
                break;
            }
            together.extend(state.waiting.pop_front());
        }
        if together.is_empty() {
            state.free += 1;
        }
        together
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let together = self.0.next();
        if together.is_empty() {
            return;
        }
        let flight = Arc::new(Self(self.0.clone()));
        for waiting in together {
            // One that stopped waiting just now drops its part.
            let _ = waiting.place.send(Slot { _flight: flight.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn now(slots: &Slots) -> Option<Slot> {
        slots.take(1).now_or_never().flatten()
    }

    #[test]
    fn a_place_is_free_again_when_its_holder_is_gone() {
        let slots = Slots::new(InFlight::of(2));
        let (first, second) = (now(&slots), now(&slots));
        assert!(second.is_some() && now(&slots).is_none());
        drop(first);
        assert!(now(&slots).is_some());
    }

    #[tokio::test]
    async fn those_that_wait_come_one_after_the_other() {
        let slots = Slots::new(InFlight::of(1));
        let held = slots.take(1).await;
        let (mut second, mut third) = (Box::pin(slots.take(1)), Box::pin(slots.take(1)));
        assert!(futures_util::poll!(&mut second).is_pending());
        assert!(futures_util::poll!(&mut third).is_pending());
        drop(held);
        assert!(futures_util::poll!(&mut third).is_pending(), "not before the second");
        let held = second.await;
        assert!(futures_util::poll!(&mut third).is_pending());
        drop(held);
        assert!(third.await.is_some());
    }

    #[tokio::test]
    async fn small_writes_that_wait_share_a_send() {
        let slots = Slots::new(InFlight { writes: 1, messages: 5 });
        let held = slots.take(1).await;
        let mut waiting: Vec<_> = [2, 3, 1, 9, 1].map(|size| Box::pin(slots.take(size))).into();
        for place in &mut waiting {
            assert!(futures_util::poll!(place).is_pending());
        }
        drop(held);
        for together in [2, 1, 1, 1] {
            let now: Vec<_> = waiting.drain(..together).map(FutureExt::now_or_never).collect();
            assert!(now.iter().all(|slot| matches!(slot, Some(Some(_)))), "{together}");
            for place in &mut waiting {
                assert!(futures_util::poll!(place).is_pending());
            }
        }
    }

    #[tokio::test]
    async fn who_stops_waiting_holds_nobody_up() {
        let slots = Slots::new(InFlight::of(1));
        let held = slots.take(1).await;
        let mut gone = Box::pin(slots.take(1));
        let mut told = Box::pin(slots.take(1));
        let mut last = Box::pin(slots.take(1));
        assert!(futures_util::poll!(&mut gone).is_pending());
        assert!(futures_util::poll!(&mut told).is_pending());
        assert!(futures_util::poll!(&mut last).is_pending());
        drop(gone);
        drop(held); // it is the turn of `told`, which is dropped before it hears of it
        drop(told);
        assert!(last.await.is_some());
    }

    #[tokio::test]
    async fn closing_refuses_everybody() {
        let slots = Slots::new(InFlight::of(1));
        let held = slots.take(1).await;
        let mut waiting = Box::pin(slots.take(1));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        slots.close();
        assert!(waiting.await.is_none());
        assert!(slots.take(1).await.is_none());
        drop(held);
        assert!(slots.take(1).await.is_none());
    }
}
