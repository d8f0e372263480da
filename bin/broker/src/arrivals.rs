//! Tells waiting fetches that a topic has new records.
//!
//! One counter per topic: it changes after every produce. A fetch notes the counters before it reads,
//! so what arrives between its reading and its waiting is not missed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use futures_util::future::select_all;
use tokio::sync::watch;

/// The counters. Bounded by the number of topics that clients named in a produce or fetch request.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    topics: Mutex<HashMap<String, watch::Sender<u64>>>,
    any: watch::Sender<u64>,
}

/// What a fetch waits for.
#[derive(Debug)]
pub(crate) struct Watch(Vec<watch::Receiver<u64>>);

impl Arrivals {
    /// New records are in these topics.
    pub(crate) fn announce<'a>(&self, topics: impl IntoIterator<Item = &'a str>) {
        {
            let known = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
            for topic in topics {
                if let Some(counter) = known.get(topic) {
                    counter.send_modify(|count| *count += 1);
                }
            }
        }
        self.any.send_modify(|count| *count += 1);
    }

    /// Watches the named topics.
    pub(crate) fn watch<'a>(&self, topics: impl IntoIterator<Item = &'a str>) -> Watch {
        let mut known = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = topics.into_iter().map(|topic| match known.get(topic) {
            Some(counter) => counter.subscribe(),
            None => known.entry(topic.to_owned()).or_default().subscribe(),
        });
        Watch(counters.collect())
    }

    /// Watches every topic: for requests that name topics by identifier only.
    pub(crate) fn watch_any(&self) -> Watch {
        Watch(vec![self.any.subscribe()])
    }
}

impl Watch {
    /// Forgets what has arrived so far.
    pub(crate) fn reset(&mut self) {
        for counter in &mut self.0 {
            counter.mark_unchanged();
        }
    }

    /// Waits for an arrival after the last reset. Cancel safe.
    pub(crate) async fn changed(&mut self) {
        if !self.0.is_empty() {
            let changes = self.0.iter_mut().map(|counter| Box::pin(counter.changed()));
            if select_all(changes).await.0.is_ok() {
                return;
            }
        }
        // No topic, or the counters are gone with the broker: nothing will ever arrive.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn wakes(watch: &mut Watch) -> bool {
        timeout(Duration::from_secs(5), watch.changed()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn an_arrival_wakes_those_who_watch_the_topic_and_nobody_else() {
        let arrivals = Arrivals::default();
        let mut both = arrivals.watch(["a", "b"]);
        let mut other = arrivals.watch(["c"]);
        let mut any = arrivals.watch_any();
        arrivals.announce(["b"]);
        assert!(wakes(&mut both).await);
        assert!(wakes(&mut any).await);
        assert!(!wakes(&mut other).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_arrival_between_reset_and_wait_is_not_missed() {
        let arrivals = Arrivals::default();
        let mut watch = arrivals.watch(["a", "b"]);
        arrivals.announce(["a"]);
        watch.reset();
        assert!(!wakes(&mut watch).await);
        watch.reset();
        arrivals.announce(["a"]);
        assert!(wakes(&mut watch).await);
    }
}
