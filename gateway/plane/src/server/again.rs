//! Polling a future again on the spot when it wakes itself.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// How often a future is polled again before others get their turn.
const MOST: usize = 2;

/// A future that is polled again at once when it was woken while it was polled.
///
/// A connection wakes itself for every request that has a body. By way of the runtime's queue it would
/// be polled after all others, when nothing of what it needs is in the processor's caches any more.
pub(super) struct Again<'a, F> {
    future: Pin<&'a mut F>,
    wakes: Arc<Wakes>,
    /// The same, as the future gets it.
    waker: Waker,
}

/// Hears of wakes and passes them on unless the future is being polled anyway.
#[derive(Default)]
struct Wakes {
    state: AtomicU8,
    task: AtomicWaker,
}

const IDLE: u8 = 0;
const POLLING: u8 = 1;
/// Being polled, and woken since.
const WOKEN: u8 = 2;

impl<'a, F> Again<'a, F> {
    pub(super) fn new(future: Pin<&'a mut F>) -> Self {
        let wakes = Arc::new(Wakes::default());
        Self { future, waker: wakes.clone().into(), wakes }
    }

    pub(super) fn inner(&mut self) -> Pin<&mut F> {
        self.future.as_mut()
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let noted =
            self.state.compare_exchange(POLLING, WOKEN, Ordering::AcqRel, Ordering::Acquire);
        if noted == Err(IDLE) {
            self.task.wake();
        }
    }
}

impl<F: Future> Future for Again<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        this.wakes.task.register(context.waker());
        let state = &this.wakes.state;
        for _ in 0..=MOST {
            state.store(POLLING, Ordering::Release);
            let mut inner = Context::from_waker(&this.waker);
            if let Poll::Ready(output) = this.future.as_mut().poll(&mut inner) {
                return Poll::Ready(output);
            }
            let rests = state.compare_exchange(POLLING, IDLE, Ordering::AcqRel, Ordering::Acquire);
            if rests.is_ok() {
                return Poll::Pending;
            }
        }
        state.store(IDLE, Ordering::Release);
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Counts wakes.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn what_wakes_itself_is_polled_again_without_a_wake() {
        let mut polls = 0;
        let future = pin!(poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls == 2 { Poll::Ready(()) } else { Poll::Pending }
        }));
        let task = Arc::new(Count::default());
        let waker = task.clone().into();
        let mut again = pin!(Again::new(future));
        assert!(again.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
        assert_eq!(task.0.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn others_get_their_turn() {
        let mut polls = 0;
        let future = pin!(poll_fn(|context| -> Poll<()> {
            polls += 1;
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        let task = Arc::new(Count::default());
        let waker = task.clone().into();
        assert!(pin!(Again::new(future)).poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(polls, MOST + 1);
        assert_eq!(task.0.load(Ordering::SeqCst), 1, "it comes back");
    }

    #[test]
    fn wakes_between_polls_reach_the_task() {
        let mut kept = None;
        let future = pin!(poll_fn(|context| -> Poll<()> {
            kept = Some(context.waker().clone());
            Poll::Pending
        }));
        let task = Arc::new(Count::default());
        let waker = task.clone().into();
        assert!(pin!(Again::new(future)).poll(&mut Context::from_waker(&waker)).is_pending());
        let kept = kept.expect("polled");
        kept.wake_by_ref();
        assert_eq!(task.0.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_of_another_thread_is_lost() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(16);
        let sending = std::thread::spawn(move || {
            for number in 0..100_000 {
                sender.blocking_send(number).expect("the receiver lives");
            }
        });
        let future = pin!(async {
            let mut expected = 0;
            while let Some(number) = receiver.recv().await {
                assert_eq!(number, expected);
                expected += 1;
            }
            expected
        });
        assert_eq!(Again::new(future).await, 100_000);
        sending.join().expect("sent");
    }
}
