//! What this node has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluice_engine::tenancy::Lost;

/// Leases by name, each perhaps with several holders within this node.
#[derive(Default)]
pub(crate) struct Book(Mutex<State>);

#[derive(Default)]
struct State {
    tickets: u64,
    held: HashMap<String, Vec<(u64, Arc<Lost>)>>,
}

impl Book {
    pub(crate) fn add(&self, name: &str, lost: Lost) -> u64 {
        let mut state = self.lock();
        state.tickets += 1;
        let ticket = state.tickets;
        state.held.entry(name.to_owned()).or_default().push((ticket, Arc::new(lost)));
        ticket
    }

    /// True when nobody here has it any more.
    pub(crate) fn remove(&self, name: &str, ticket: u64) -> bool {
        let mut state = self.lock();
        let Some(holders) = state.held.get_mut(name) else { return false };
        holders.retain(|(other, _)| *other != ticket);
        let is_last = holders.is_empty();
        if is_last {
            state.held.remove(name);
        }
        is_last
    }

    /// Somebody else has it: tells the holders.
    pub(crate) fn lose(&self, name: &str) {
        let holders = self.lock().held.remove(name).unwrap_or_default();
        for (_, lost) in holders {
            lost();
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().held.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_last_holder_gives_back_and_all_hear_of_a_loss() {
        let book = Book::default();
        let heard = Arc::new(AtomicUsize::new(0));
        let lost = || -> Lost {
            let heard = heard.clone();
            Box::new(move || {
                heard.fetch_add(1, Ordering::Relaxed);
            })
        };
        let (first, second) = (book.add("a", lost()), book.add("a", lost()));
        assert!(!book.remove("a", first));
        assert!(book.remove("a", second));
        let third = book.add("a", lost());
        book.lose("a");
        assert_eq!(heard.load(Ordering::Relaxed), 1);
        assert!(!book.remove("a", third), "there is nothing to give back");
        assert!(book.names().is_empty());
    }
}
