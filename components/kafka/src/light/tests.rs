//! Everyone gets what is theirs: shared reading against a plain list of what was written.

use std::sync::Arc;

use proptest::prelude::*;
use sluice_engine::tenancy::{Field, Reading, Selection};
use sluice_message::Message;
use sluice_value::EcoString;

use super::index::Index;
use super::ring::{Entry, Ring};
use super::subscriber::{Handed, Joined, Offered, Source, Start, Subscriber};

const USERS: [&str; 3] = ["a", "b", "c"];

/// What is written: an event of a user, one without a user, or something that is no document.
#[derive(Clone, Debug)]
enum Written {
    Of(usize),
    OfNobody,
    NoDocument,
}

impl Written {
    fn content(&self) -> String {
        match self {
            Self::Of(user) => format!("{{\"user\":\"{}\"}}", USERS[*user]),
            Self::OfNobody => "{\"user\":7}".into(),
            Self::NoDocument => "no document".into(),
        }
    }

    /// Whether a program that keeps a user's events would have anything to do with it.
    fn concerns(&self, user: Option<usize>) -> bool {
        match (self, user) {
            (Self::NoDocument, _) | (_, None) => true,
            (Self::Of(own), Some(user)) => *own == user,
            (Self::OfNobody, Some(_)) => false,
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write(Written),
    /// A tenant takes what it may, so many at most.
    Take(usize, usize),
    /// The oldest or newest of what a tenant was handed is answered.
    Answer(usize, bool, bool),
    /// A tenant's lanes that are adrift go on.
    Place(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let written = prop_oneof![
        6 => (0..USERS.len()).prop_map(Written::Of),
        1 => Just(Written::OfNobody),
        1 => Just(Written::NoDocument),
    ];
    prop_oneof![
        5 => written.prop_map(Step::Write),
        2 => (0..5_usize, 1..40_usize).prop_map(|(who, most)| Step::Take(who, most)),
        4 => (0..5_usize, any::<bool>(), prop::bool::weighted(0.95))
            .prop_map(|(who, oldest, taken)| Step::Answer(who, oldest, taken)),
        2 => (0..5_usize).prop_map(Step::Place),
    ]
}

/// A tenant and what a client of it would have seen.
struct Tenant {
    subscriber: Arc<Subscriber>,
    user: Option<usize>,
    start: i64,
    handed: Vec<Handed>,
    delivered: Vec<i64>,
}

struct World {
    log: Vec<Arc<Entry>>,
    written: Vec<Written>,
    ring: Ring,
    source: Arc<Source>,
    index: Index,
    tenants: Vec<Tenant>,
}

impl World {
    /// Three tenants with a user each, one that wants everything, one that begins at the end.
    fn new(before: usize) -> Self {
        let written: Vec<Written> = (0..before).map(|at| Written::Of(at % USERS.len())).collect();
        let log = written.iter().enumerate().map(|(at, it)| entry(at as i64, it)).collect();
        let mut world = Self {
            log,
            written,
            ring: Ring::new(before as i64, 20 * 1100),
            source: Source::new(before as i64),
            index: Index::default(),
            tenants: Vec::new(),
        };
        for (id, user) in [Some(0), Some(1), Some(2), None, Some(0)].into_iter().enumerate() {
            let start = if id == 4 { Start::Newest } else { Start::At(0) };
            let selection = user.map(|user| {
                let path: Arc<[EcoString]> = ["user".into()].into();
                Selection::new(Field::of_document(path, Reading::Text), USERS[user])
            });
            let names: Arc<[_]> = [(Arc::from("t"), 0)].into();
            let starts = [(start, None)].into_iter();
            let id = id as u64;
            let subscriber = Subscriber::new(id, "g".into(), selection, 8, names, starts);
            let subscriber = Arc::new(subscriber);
            world.index.insert(subscriber.clone());
            let start = if start == Start::Newest { before as i64 } else { 0 };
            let tenant = Tenant { subscriber, user, start, handed: vec![], delivered: vec![] };
            world.tenants.push(tenant);
            world.place(id as usize);
        }
        world
    }

    fn write(&mut self, written: Written) {
        let entry = entry(self.log.len() as i64, &written);
        self.log.push(entry.clone());
        self.written.push(written);
        self.ring.push(entry.clone());
        self.index.concerned(&entry.message, &mut |subscriber| {
            subscriber.offer(0, &self.source, &entry, None, true);
        });
        self.source.advance(entry.offset + 1);
    }

    /// As a tail and its catch-up workers would.
    fn place(&self, who: usize) {
        let subscriber = &self.tenants[who].subscriber;
        let Joined::Behind(from) = subscriber.join(0, &self.ring, &self.source) else { return };
        let worker = Source::new(from);
        assert!(subscriber.board(0, &worker));
        let mut aboard = Index::default();
        aboard.insert(subscriber.clone());
        for entry in &self.log[from as usize..] {
            let mut left = false;
            aboard.concerned(&entry.message, &mut |subscriber| {
                if subscriber.offer(0, &worker, entry, None, false) == Offered::Full {
                    left = subscriber.offer(0, &worker, entry, None, true) == Offered::Full;
                }
            });
            if left {
                return;
            }
            worker.advance(entry.offset + 1);
            if worker.position() >= self.ring.start() {
                break;
            }
        }
        assert!(subscriber.alight(0, &worker));
        self.place(who);
    }

    fn take(&mut self, who: usize, most: usize) {
        let taken = self.tenants[who].subscriber.take(most, false);
        if !taken.adrift.is_empty() || !taken.refused.is_empty() {
            self.place(who);
        }
        self.tenants[who].handed.extend(taken.handed);
    }

    fn answer(&mut self, who: usize, oldest: bool, delivered: bool) {
        let tenant = &mut self.tenants[who];
        if tenant.handed.is_empty() {
            return;
        }
        let at = if oldest { 0 } else { tenant.handed.len() - 1 };
        let handed = tenant.handed.remove(at);
        handed.checkpoint.answer(handed.ticket, delivered);
        if delivered {
            tenant.delivered.push(handed.entry.offset);
        }
    }

    /// What is stored never passes over something that is still to be delivered.
    fn check_positions(&self) {
        for tenant in &self.tenants {
            for (_, position) in tenant.subscriber.unsaved() {
                for offset in self.concerning(tenant).filter(|offset| *offset < position) {
                    assert!(tenant.delivered.contains(&offset), "{offset} was passed over");
                }
            }
        }
    }

    fn concerning<'w>(&'w self, tenant: &'w Tenant) -> impl Iterator<Item = i64> + 'w {
        (tenant.start..self.log.len() as i64)
            .filter(|offset| self.written[*offset as usize].concerns(tenant.user))
    }

    fn finish(&mut self) {
        for who in 0..self.tenants.len() {
            let mut idle = 0; // a look may find a refusal only, and the next one what was refused
            while idle < 3 {
                self.place(who);
                self.take(who, 16);
                idle = if self.tenants[who].handed.is_empty() { idle + 1 } else { 0 };
                while !self.tenants[who].handed.is_empty() {
                    self.answer(who, true, true);
                }
            }
        }
    }
}

fn entry(offset: i64, written: &Written) -> Arc<Entry> {
    Arc::new(Entry::new(offset, Message::from_bytes(written.content())))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn everyone_gets_all_that_is_theirs_and_nothing_else(
        before in 0..60_usize,
        steps in prop::collection::vec(step(), 1..400),
    ) {
        let mut world = World::new(before);
        for step in steps {
            match step {
                Step::Write(written) => world.write(written),
                Step::Take(who, most) => world.take(who, most),
                Step::Answer(who, oldest, delivered) => world.answer(who, oldest, delivered),
                Step::Place(who) => world.place(who),
            }
            world.check_positions();
        }
        world.finish();
        world.check_positions();
        let end = world.log.len() as i64;
        for tenant in &world.tenants {
            let mut delivered = tenant.delivered.clone();
            delivered.sort_unstable();
            delivered.dedup(); // refused ones come again, and others with them
            prop_assert_eq!(delivered, world.concerning(tenant).collect::<Vec<_>>());
            let unsaved = tenant.subscriber.unsaved();
            prop_assert_eq!(unsaved, vec![(0, end)], "everything was delivered");
        }
    }
}

#[test]
fn a_tenant_that_reads_nothing_holds_nobody_and_loses_nothing() {
    let mut world = World::new(0);
    for _ in 0..1000 {
        world.write(Written::Of(0));
        world.take(0, 16);
        world.answer(0, true, true);
    }
    assert_eq!(world.tenants[0].delivered, (0..1000).collect::<Vec<_>>());
    world.finish();
    assert_eq!(world.tenants[3].delivered, (0..1000).collect::<Vec<_>>());
}
