//! Which messages of a partition are on their way, and up to where its position may be stored.
//!
//! Batches are handed out in the order of their offsets and answered in any order. The position
//! that may be stored is the one below which everything was delivered. Nothing here knows Kafka.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// One assignment of a partition: a partition that comes back later gets a new checkpoint, so that
/// late answers from before cannot reach it.
pub(crate) struct Checkpoint {
    /// Most messages between the first unanswered and the last one handed out.
    limit: usize,
    state: Mutex<State>,
    /// Woken when there is room again, or when a partition that failed may be read anew.
    reader: Arc<Notify>,
    /// Woken when a closed checkpoint has all its answers.
    keeper: Arc<Notify>,
}

/// A batch on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

#[derive(Default)]
struct State {
    /// From the first unanswered batch on; those behind it may be delivered already.
    spans: VecDeque<Span>,
    /// Number of the first span.
    first: u64,
    /// Messages in all spans.
    in_flight: usize,
    /// Batches without an answer.
    unanswered: usize,
    /// Everything below this offset was delivered.
    reached: Option<i64>,
    /// The last offset that was given out to be stored.
    stored: Option<i64>,
    phase: Phase,
    /// A batch was refused: nothing more is handed out until the partition is read anew.
    failed: bool,
    /// The reader found no room.
    reader_waits: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// Hands out nothing more, still takes answers.
    Closed,
    /// Answers come too late.
    Retired,
}

struct Span {
    first: i64,
    /// The offset to store once this batch and everything before it was delivered.
    next: i64,
    messages: usize,
    delivered: bool,
}

impl Checkpoint {
    pub(crate) fn new(limit: usize, reader: Arc<Notify>, keeper: Arc<Notify>) -> Self {
        Self { limit: limit.max(1), state: Mutex::default(), reader, keeper }
    }

    /// How many single messages may be handed out now. After a zero the reader will be woken.
    pub(crate) fn room(&self) -> usize {
        let mut state = self.state();
        let room =
            if state.is_handing_out() { self.limit.saturating_sub(state.in_flight) } else { 0 };
        state.reader_waits = room == 0;
        room
    }

    /// Whether a batch of so many messages may be handed out now; one larger than the limit may go
    /// alone. After a refusal the reader will be woken.
    pub(crate) fn fits(&self, messages: usize) -> bool {
        let mut state = self.state();
        let fits = state.is_handing_out()
            && (state.in_flight == 0 || state.in_flight + messages <= self.limit);
        state.reader_waits = !fits;
        fits
    }

    /// Notes that a batch goes out: its messages, its first offset and the one after its last.
    /// `None` when nothing may go out any more.
    pub(crate) fn admit(&self, messages: usize, first: i64, next: i64) -> Option<Ticket> {
        let mut state = self.state();
        if !state.is_handing_out() {
            return None;
        }
        let ticket = Ticket(state.first + state.spans.len() as u64);
        state.spans.push_back(Span { first, next, messages, delivered: false });
        state.in_flight += messages;
        state.unanswered += 1;
        Some(ticket)
    }

    /// Takes the answer for a batch.
    pub(crate) fn answer(&self, ticket: Ticket, delivered: bool) {
        let mut state = self.state();
        if state.phase == Phase::Retired {
            return;
        }
        state.unanswered -= 1;
        if delivered {
            state.deliver(ticket);
        } else {
            state.failed = true;
        }
        let has_work = if state.failed {
            state.unanswered == 0
        } else {
            state.reader_waits && state.in_flight <= self.limit - self.worth_waking()
        };
        if has_work {
            state.reader_waits = false;
            self.reader.notify_one();
        }
        if state.phase == Phase::Closed && state.unanswered == 0 {
            self.keeper.notify_one();
        }
    }

    /// Whether the reader waits and might not hear of the first room: it should look again soon.
    pub(crate) fn is_patient(&self) -> bool {
        self.worth_waking() > 1 && self.state().reader_waits
    }

    /// Room at which a reader that waits is woken: one that is woken for each message takes them one
    /// by one.
    fn worth_waking(&self) -> usize {
        (self.limit / 8).max(1)
    }

    /// The offset to store, if it changed since the last call.
    pub(crate) fn take_position(&self) -> Option<i64> {
        let mut state = self.state();
        if state.reached == state.stored || state.phase == Phase::Retired {
            return None;
        }
        state.stored = state.reached;
        state.reached
    }

    /// Storing failed: the position is to be stored again.
    pub(crate) fn forget_stored(&self) {
        self.state().stored = None;
    }

    /// Everything below this offset was delivered.
    pub(crate) fn reached(&self) -> Option<i64> {
        self.state().reached
    }

    /// The first offset without an answer, while there is one.
    pub(crate) fn first_open(&self) -> Option<i64> {
        self.state().spans.front().map(|span| span.first)
    }

    /// After a failure, once all other answers are there: the offset to read from again. Starts
    /// anew from it.
    pub(crate) fn rewind(&self) -> Option<i64> {
        let mut state = self.state();
        if !state.failed || state.unanswered > 0 {
            return None;
        }
        let from = state.spans.front().map(|span| span.first);
        state.first += state.spans.len() as u64;
        state.spans.clear();
        state.in_flight = 0;
        state.failed = false;
        from
    }

    /// Hands out nothing more.
    pub(crate) fn close(&self) {
        self.state().phase = Phase::Closed;
    }

    /// Ignores answers from now on: the partition is somebody else's.
    pub(crate) fn retire(&self) {
        self.state().phase = Phase::Retired;
    }

    /// Whether all answers are there.
    pub(crate) fn is_settled(&self) -> bool {
        self.state().unanswered == 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_handing_out(&self) -> bool {
        self.phase == Phase::Open && !self.failed
    }

    fn deliver(&mut self, ticket: Ticket) {
        let at = (ticket.0 - self.first) as usize;
        self.spans[at].delivered = true;
        while self.spans.front().is_some_and(|span| span.delivered) {
            if let Some(span) = self.spans.pop_front() {
                self.first += 1;
                self.in_flight -= span.messages;
                self.reached = Some(span.next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checkpoint(limit: usize) -> Checkpoint {
        Checkpoint::new(limit, Arc::default(), Arc::default())
    }

    #[test]
    fn the_position_waits_for_the_first_unanswered_batch() {
        let checkpoint = checkpoint(10);
        let first = checkpoint.admit(2, 5, 7).unwrap();
        let second = checkpoint.admit(1, 7, 8).unwrap();
        checkpoint.answer(second, true);
        assert_eq!(checkpoint.take_position(), None);
        checkpoint.answer(first, true);
        assert_eq!(checkpoint.take_position(), Some(8));
        assert_eq!(checkpoint.take_position(), None);
        checkpoint.forget_stored();
        assert_eq!(checkpoint.take_position(), Some(8));
    }

    #[test]
    fn the_limit_counts_from_the_first_unanswered_message() {
        let checkpoint = checkpoint(3);
        let first = checkpoint.admit(1, 0, 1).unwrap();
        let second = checkpoint.admit(2, 1, 3).unwrap();
        checkpoint.answer(second, true);
        assert_eq!(checkpoint.room(), 0);
        checkpoint.answer(first, true);
        assert_eq!(checkpoint.room(), 3);
    }

    #[test]
    fn a_batch_larger_than_the_limit_goes_alone() {
        let checkpoint = checkpoint(3);
        assert!(checkpoint.fits(5));
        let large = checkpoint.admit(5, 0, 5).unwrap();
        assert!(!checkpoint.fits(1));
        checkpoint.answer(large, true);
        assert!(checkpoint.fits(1));
    }

    #[tokio::test]
    async fn the_reader_is_woken_when_there_is_room() {
        let reader = Arc::new(Notify::new());
        let checkpoint = Checkpoint::new(1, reader.clone(), Arc::default());
        let ticket = checkpoint.admit(1, 0, 1).unwrap();
        assert_eq!(checkpoint.room(), 0);
        checkpoint.answer(ticket, true);
        reader.notified().await;
    }

    #[test]
    fn a_reader_is_woken_when_there_is_room_for_some() {
        let reader = Arc::new(Notify::new());
        let checkpoint = Checkpoint::new(16, reader.clone(), Arc::default());
        let tickets: Vec<_> = (0..16).map(|at| checkpoint.admit(1, at, at + 1).unwrap()).collect();
        assert_eq!(checkpoint.room(), 0);
        checkpoint.answer(tickets[0], true);
        assert!(futures_util::FutureExt::now_or_never(reader.notified()).is_none());
        checkpoint.answer(tickets[1], true);
        assert!(futures_util::FutureExt::now_or_never(reader.notified()).is_some());
        assert_eq!(checkpoint.room(), 2);
    }

    #[tokio::test]
    async fn a_closed_checkpoint_tells_when_all_answers_are_there() {
        let keeper = Arc::new(Notify::new());
        let checkpoint = Checkpoint::new(9, Arc::default(), keeper.clone());
        let ticket = checkpoint.admit(1, 0, 1).unwrap();
        checkpoint.close();
        assert!(checkpoint.admit(1, 1, 2).is_none());
        assert!(!checkpoint.is_settled());
        checkpoint.answer(ticket, true);
        keeper.notified().await;
        assert_eq!(checkpoint.take_position(), Some(1));
    }

    #[test]
    fn answers_after_the_partition_was_lost_store_nothing() {
        let checkpoint = checkpoint(9);
        let ticket = checkpoint.admit(1, 0, 1).unwrap();
        checkpoint.retire();
        checkpoint.answer(ticket, true);
        assert_eq!(checkpoint.take_position(), None);
    }

    #[test]
    fn a_refused_batch_is_read_again_after_the_others_were_answered() {
        let checkpoint = checkpoint(9);
        let tickets: Vec<Ticket> =
            (0..3).map(|at| checkpoint.admit(1, at, at + 1).unwrap()).collect();
        checkpoint.answer(tickets[0], true);
        checkpoint.answer(tickets[1], false);
        assert!(checkpoint.admit(1, 3, 4).is_none());
        assert_eq!(checkpoint.rewind(), None);
        checkpoint.answer(tickets[2], true);
        assert_eq!(checkpoint.rewind(), Some(1));
        assert_eq!(checkpoint.take_position(), Some(1));
        let again = checkpoint.admit(1, 1, 2).unwrap();
        checkpoint.answer(again, true);
        assert_eq!(checkpoint.take_position(), Some(2));
    }

    proptest! {
        /// Against a plain list of what was handed out and answered.
        #[test]
        fn the_position_is_always_the_first_unanswered_offset(
            steps in prop::collection::vec((0..3_u8, 1..4_usize, 0..64_usize), 1..200),
            limit in 1..20_usize,
        ) {
            let checkpoint = checkpoint(limit);
            let mut offset = 100_i64;
            let mut out: Vec<(Ticket, i64, usize, bool)> = Vec::new();
            let mut stored = None;
            for (step, messages, pick) in steps {
                let unanswered: Vec<usize> =
                    (0..out.len()).filter(|&at| !out[at].3).collect();
                if step > 0 && !unanswered.is_empty() {
                    let at = unanswered[pick % unanswered.len()];
                    checkpoint.answer(out[at].0, true);
                    out[at].3 = true;
                } else if checkpoint.fits(messages) {
                    let next = offset + messages as i64;
                    let ticket = checkpoint.admit(messages, offset, next).unwrap();
                    out.push((ticket, offset, messages, false));
                    offset = next;
                }
                if let Some(position) = checkpoint.take_position() {
                    prop_assert!(stored.is_none_or(|stored| stored < position));
                    stored = Some(position);
                }
                let first_open = out.iter().position(|(.., answered)| !answered);
                let expected = first_open.map_or(offset, |at| out[at].1);
                prop_assert_eq!(stored.unwrap_or(100), expected);
                let span: usize = first_open.map_or(0, |at| out[at..].iter().map(|it| it.2).sum());
                prop_assert!(span <= limit || first_open == Some(out.len() - 1));
                prop_assert_eq!(checkpoint.is_settled(), first_open.is_none());
            }
        }
    }
}
