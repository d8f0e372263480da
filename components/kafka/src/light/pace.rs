//! The pace of catching up: work in the background, of which those who keep up notice little.
//!
//! What is caught up with goes out in *portions*. Whoever has the turn reads one, offers it, and
//! waits until clients have it, so that little is on its way at any time, however many catch up:
//! what has just been written does not queue behind it. Then comes a pause, as long as the share
//! of the time demands that catching up may have. The share shrinks as soon as those who keep up
//! are served late, and grows again while they are not. While nothing is written for them there
//! are no pauses.
//!
//! Holds always: the share never falls to nothing, and nobody is waited for longer than
//! [`PATIENCE`], so that catching up goes on whatever else happens.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluice_engine::Scope;
use sluice_telemetry::{Gauge, Labels, Metrics};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::{Instant, sleep, timeout};

/// The share of the time when nothing else is configured.
const USUAL: f64 = 0.5;
/// The smallest share, unless less is configured.
const LEAST: f64 = 0.2;
/// A reader that keeps up and had nothing to do should have a record after this time.
const LATE: Duration = Duration::from_millis(10);
/// What the share is multiplied by when one was late, and what is added to it otherwise.
const SHRINK: f64 = 0.9;
const GROW: f64 = 0.01;
/// After this time without a record those who keep up have nothing to lose.
const QUIET: Duration = Duration::from_secs(10);
/// Longest wait for a portion. Who has not taken theirs until then is slow.
const PATIENCE: Duration = Duration::from_millis(50);
/// Shorter pauses are gathered, as timers are no finer than a millisecond; longer ones are cut off.
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Portions on their way at once while nothing else is.
const MOST_PORTIONS: usize = 8;

/// One for all light readers of a process.
pub(crate) struct Pace {
    turns: Semaphore,
    most: f64,
    began: Instant,
    /// When somebody who keeps up was last offered something, in milliseconds from the beginning;
    /// zero: never.
    stirred: AtomicU64,
    /// The longest that one of them waited since the last look, in microseconds.
    waited: AtomicU64,
    state: Mutex<State>,
    /// The share in hundredths.
    shown: Gauge,
}

struct State {
    share: f64,
    /// Pauses that are due and were not made yet.
    owed: Duration,
}

impl Pace {
    /// The pace of the process that a component is part of.
    pub(super) fn of(scope: &Scope) -> Arc<Self> {
        let environment = scope.environment();
        let most = scope.catch_up_percent().map_or(USUAL, |percent| f64::from(percent) / 100.0);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let make = || Ok::<_, Infallible>(Self::new(most, cores, &environment.metrics));
        let Ok(pace) = environment.shared.get_or_try_init("", make);
        pace
    }

    /// `most`: the largest share of the time that catching up may have while others keep up.
    pub(super) fn new(most: f64, cores: usize, metrics: &Metrics) -> Self {
        let most = most.clamp(0.01, 1.0);
        let shown = metrics.gauge("kafka_light_catch_up_percent", &Labels::default());
        shown.set(100);
        Self {
            turns: Semaphore::new((cores / 2).max(1)),
            most,
            began: Instant::now(),
            stirred: AtomicU64::new(0),
            waited: AtomicU64::new(0),
            state: Mutex::new(State { share: most, owed: Duration::ZERO }),
            shown,
        }
    }

    /// Somebody who keeps up was offered a record.
    pub(super) fn stir(&self) {
        let now = self.began.elapsed().as_millis() as u64;
        self.stirred.store(now.max(1), Ordering::Relaxed);
    }

    /// Somebody who keeps up and had nothing to do took a record after this time.
    pub(super) fn heard(&self, waited: Duration) {
        self.waited.fetch_max(waited.as_micros() as u64, Ordering::Relaxed);
    }

    /// Waits for a turn; who has waited longest is next.
    pub(super) async fn turn(&self) -> Turn<'_> {
        let permit = self.turns.acquire().await.ok(); // never closed
        Turn { pace: self, permit, began: Instant::now() }
    }

    /// Portions that may be on their way at once.
    pub(super) fn portions(&self) -> usize {
        if self.is_quiet() { MOST_PORTIONS } else { 1 }
    }

    fn is_quiet(&self) -> bool {
        let stirred = self.stirred.load(Ordering::Relaxed);
        stirred == 0 || self.began.elapsed() > Duration::from_millis(stirred) + QUIET
    }

    /// The pause due after so much work.
    fn pause(&self, worked: Duration) -> Duration {
        let waited = Duration::from_micros(self.waited.swap(0, Ordering::Relaxed));
        let mut state = self.state();
        if self.is_quiet() {
            *state = State { share: self.most, owed: Duration::ZERO };
            self.shown.set(100);
            return Duration::ZERO;
        }
        let share = if waited > LATE { state.share * SHRINK } else { state.share + GROW };
        state.share = share.clamp(LEAST.min(self.most), self.most);
        self.shown.set((state.share * 100.0) as i64);
        state.owed = (state.owed + worked.mul_f64(1.0 / state.share - 1.0)).min(LONGEST_PAUSE);
        if state.owed < SHORTEST_PAUSE { Duration::ZERO } else { state.owed }
    }

    /// Somebody paused for this time.
    fn paused(&self, time: Duration) {
        let mut state = self.state();
        state.owed = state.owed.saturating_sub(time);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to work at catching up.
pub(super) struct Turn<'p> {
    pace: &'p Pace,
    permit: Option<SemaphorePermit<'p>>,
    began: Instant,
}

impl Turn<'_> {
    /// What follows is waiting for somebody slow: others may work.
    pub(super) fn give_up(&mut self) {
        self.permit = None;
    }

    /// Pauses as long as is due after what was done.
    pub(super) async fn end(self) {
        if self.permit.is_none() {
            return;
        }
        let pause = self.pace.pause(self.began.elapsed());
        if !pause.is_zero() {
            let began = Instant::now();
            sleep(pause).await;
            self.pace.paused(began.elapsed());
        }
    }
}

/// Records that went out together.
pub(super) struct Portion {
    errand: Option<Errand>,
    done: mpsc::Receiver<Infallible>,
}

/// Goes with each record of a portion; dropped when its client has it.
#[derive(Clone)]
pub(super) struct Errand {
    _open: mpsc::Sender<Infallible>,
}

impl Portion {
    pub(super) fn new() -> Self {
        let (open, done) = mpsc::channel(1);
        Self { errand: Some(Errand { _open: open }), done }
    }

    /// What goes with its records.
    pub(super) fn errand(&self) -> Option<&Errand> {
        self.errand.as_ref()
    }

    /// Waits until all of it was delivered; false when somebody takes too long.
    pub(super) async fn is_delivered(mut self) -> bool {
        self.errand = None;
        timeout(PATIENCE, self.done.recv()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use sluice_engine::Registry;
    use sluice_engine::tenancy::Tenancy;

    use super::*;

    fn pace() -> Pace {
        Pace::new(0.5, 2, &Metrics::default())
    }

    /// The pace of an input in an instance that was told a share.
    fn pace_of(percent: Option<u8>) -> Arc<Pace> {
        let environment = sluice_testkit::environment(Registry::default());
        let tenancy = Tenancy { catch_up_percent: percent, ..Tenancy::default() };
        Pace::of(&Scope::root(environment).with_tenancy(tenancy))
    }

    /// How long a turn with ten milliseconds of work lasts.
    async fn turn_takes(pace: &Pace) -> Duration {
        let began = Instant::now();
        let turn = pace.turn().await;
        sleep(Duration::from_millis(10)).await;
        turn.end().await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_else_means_no_pauses() {
        assert_eq!(turn_takes(&pace()).await, Duration::from_millis(10));
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_the_time_is_for_those_who_keep_up() {
        let pace = pace();
        pace.stir();
        assert_eq!(turn_takes(&pace).await, Duration::from_millis(20));
        assert_eq!(pace.portions(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_says_how_much_of_the_time_there_is() {
        for (percent, expected) in [(None, 20), (Some(10), 100), (Some(20), 50), (Some(100), 10)] {
            let pace = pace_of(percent);
            pace.stir();
            assert_eq!(turn_takes(&pace).await, Duration::from_millis(expected), "{percent:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_end_when_nothing_is_written_any_more() {
        let pace = pace();
        pace.stir();
        pace.heard(LATE * 2);
        assert!(turn_takes(&pace).await > Duration::from_millis(20));
        sleep(QUIET).await;
        assert_eq!(turn_takes(&pace).await, Duration::from_millis(10));
        assert_eq!(pace.portions(), MOST_PORTIONS);
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_when_those_who_keep_up_are_always_late() {
        let pace = pace();
        for _ in 0..1000 {
            pace.stir();
            pace.heard(Duration::from_secs(9));
            assert!(turn_takes(&pace).await <= Duration::from_millis(51));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_share_grows_again_when_nobody_is_late() {
        let pace = pace();
        for late in [true, false] {
            for _ in 0..100 {
                pace.stir();
                pace.heard(if late { LATE * 2 } else { LATE });
                turn_takes(&pace).await;
            }
        }
        pace.stir();
        assert_eq!(turn_takes(&pace).await, Duration::from_millis(20));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_somebody_slow_lets_others_work() {
        let pace = pace();
        let mut slow = pace.turn().await;
        assert!(timeout(Duration::from_secs(1), pace.turn()).await.is_err());
        slow.give_up();
        assert_eq!(turn_takes(&pace).await, Duration::from_millis(10));
        slow.end().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_portion_is_waited_for_until_the_last_record_is_there() {
        let portion = Portion::new();
        let last = portion.errand().cloned();
        let giving = async {
            sleep(Duration::from_millis(7)).await;
            drop(last);
        };
        let began = Instant::now();
        let (delivered, ()) = tokio::join!(portion.is_delivered(), giving);
        assert_eq!((delivered, began.elapsed()), (true, Duration::from_millis(7)));

        let portion = Portion::new();
        let _never = portion.errand().cloned();
        assert!(!portion.is_delivered().await);
        assert!(Portion::new().is_delivered().await, "one that concerned nobody");
    }
}
