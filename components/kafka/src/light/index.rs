//! Who is concerned by a record, without asking each.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sluice_engine::tenancy::{Concern, Field};
use sluice_message::Message;

use super::subscriber::Subscriber;

/// Subscribers by what they select. A record is looked at once for each field that somebody
/// selects by, however many do.
#[derive(Default)]
pub(super) struct Index {
    /// Those that want everything.
    everyone: BTreeMap<u64, Arc<Subscriber>>,
    selecting: Vec<ByField>,
    len: usize,
}

struct ByField {
    field: Field,
    by_text: HashMap<Arc<str>, Vec<Arc<Subscriber>>>,
}

impl Index {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many want everything.
    pub(super) fn unfiltered(&self) -> usize {
        self.everyone.len()
    }

    pub(super) fn insert(&mut self, subscriber: Arc<Subscriber>) {
        self.len += 1;
        let Some(selection) = &subscriber.selection else {
            self.everyone.insert(subscriber.id, subscriber);
            return;
        };
        let at = self.selecting.iter().position(|it| it.field == *selection.field());
        let at = at.unwrap_or_else(|| {
            let field = selection.field().clone();
            self.selecting.push(ByField { field, by_text: HashMap::new() });
            self.selecting.len() - 1
        });
        let by_text = &mut self.selecting[at].by_text;
        by_text.entry(selection.value().clone()).or_default().push(subscriber);
    }

    pub(super) fn remove(&mut self, subscriber: &Subscriber) {
        let Some(selection) = &subscriber.selection else {
            self.len -= usize::from(self.everyone.remove(&subscriber.id).is_some());
            return;
        };
        let Some(at) = self.selecting.iter().position(|it| it.field == *selection.field()) else {
            return;
        };
        let by_text = &mut self.selecting[at].by_text;
        if let Some(list) = by_text.get_mut(selection.value()) {
            let before = list.len();
            list.retain(|it| it.id != subscriber.id);
            self.len -= before - list.len();
            if list.is_empty() {
                by_text.remove(selection.value());
            }
        }
        if by_text.is_empty() {
            self.selecting.swap_remove(at);
        }
    }

    /// Calls `visit` for everyone whom a record may concern.
    pub(super) fn concerned<'s>(
        &'s self,
        message: &Message,
        visit: &mut dyn FnMut(&'s Arc<Subscriber>),
    ) {
        self.everyone.values().for_each(&mut *visit);
        for ByField { field, by_text } in &self.selecting {
            match field.concern(message) {
                Concern::Everyone => by_text.values().flatten().for_each(&mut *visit),
                Concern::Only(text) => {
                    by_text.get(&*text).into_iter().flatten().for_each(&mut *visit);
                }
                Concern::Nobody => {}
            }
        }
    }

    pub(super) fn subscribers(&self) -> impl Iterator<Item = &Arc<Subscriber>> {
        let selecting = self.selecting.iter().flat_map(|it| it.by_text.values().flatten());
        self.everyone.values().chain(selecting)
    }
}
