//! What the parts of one instance tell each other: where its input stands, and where it is to go on.
//!
//! The input of an instance takes the [`Seat`]; outputs that serve clients directly ask it to go on
//! where a client left off, and operators ask it how the instance is doing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;

/// One instance, as its components know it.
#[derive(Default)]
pub struct Seat {
    input: OnceLock<Arc<dyn TenantInput>>,
    clients: AtomicUsize,
}

/// An input that serves one tenant among many.
pub trait TenantInput: Send + Sync {
    /// How it stands.
    fn describe(&self) -> Standing;

    /// From now on messages carry their places ([`sluice_message::Place`]).
    fn follow(&self);

    /// Goes on right behind the message whose place had this id. `shared`: others are reading, too,
    /// so nothing that is still on its way may be passed over.
    ///
    /// # Errors
    /// The id is none of this input's; nothing has changed.
    fn resume(&self, id: &str, shared: bool) -> Result<BoxFuture<'static, Resumed>, String>;
}

/// Where an input goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// Messages of earlier epochs are old news.
    pub epoch: u64,
    /// What is lost for good, as a JSON document.
    pub missed: Option<String>,
}

/// How the input of a tenant stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub group: String,
    /// `light`, `full` or `connecting`.
    pub mode: &'static str,
    /// How messages are picked for the tenant.
    pub filter: String,
    pub positions: Vec<Position>,
    /// Messages that wait to be processed, and about how many bytes they hold.
    pub queued: usize,
    pub queued_bytes: usize,
    /// Reads what others have read long ago.
    pub catching_up: bool,
}

/// Where a tenant stands in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub topic: Arc<str>,
    pub partition: i32,
    /// Everything below was delivered, or is not wanted.
    pub next: i64,
    /// The end of the partition, as far as it was read.
    pub end: i64,
}

/// A client that is served by an instance, for as long as this lives.
pub struct Visitor(Arc<Seat>);

impl Seat {
    /// The instance is served by this input. The first one stays.
    pub fn take(&self, input: Arc<dyn TenantInput>) {
        let _ = self.input.set(input);
    }

    pub fn input(&self) -> Option<&Arc<dyn TenantInput>> {
        self.input.get()
    }

    /// Counts a client in.
    pub fn visit(self: &Arc<Self>) -> Visitor {
        self.clients.fetch_add(1, Ordering::Relaxed);
        Visitor(self.clone())
    }

    pub fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Standing {
    /// Messages between the positions and the ends.
    pub fn lag(&self) -> i64 {
        self.positions.iter().map(|it| (it.end - it.next).max(0)).sum()
    }
}
