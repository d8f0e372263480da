//! Who has what, among several nodes, kept in Redis.
//!
//! A node shows that it is alive by a key of its own, which it renews every two seconds and which
//! goes away when it does not. What a node has are keys with the node's name and a number that grows
//! with every change of hands; they count for as long as their node is alive. So ten thousand leases
//! cost a node one renewal, and a node that dies frees all of them at once.
//!
//! Holds always: a lease changes hands only when its node gave it back or is not alive; a node whose
//! sign of life was missed asks for each lease anew before it believes to have it; without Redis
//! nobody waits, and nobody is kept apart.
//! Lives elsewhere: what a lease means (`components/kafka`: who reads for a consumer group).

mod book;
mod link;
mod scripts;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sluice_engine::tenancy::{Lease, Leases, Lost};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use settings::{RedisSettings, SettingsError, Tls};

use book::Book;
use link::Link;

/// How long a node counts as alive without a sign of life, and how often it gives one.
const ALIVE: Duration = Duration::from_secs(6);
const BEAT: Duration = Duration::from_secs(2);
/// After this long a living node has given a new sign of life.
const LOOK_AGAIN: Duration = Duration::from_millis(2500);
/// How often leases are written anew, long before they would be forgotten.
const REFRESH: Duration = Duration::from_hours(6);

/// Leases of this node. Dropping it gives all of them back when their node's key runs out.
pub struct RedisLeases {
    shared: Arc<Shared>,
    stop: CancellationToken,
}

struct Shared {
    link: Link,
    book: Book,
    /// A name that no other node and no earlier life of this one has.
    node: String,
}

impl RedisLeases {
    /// Starts to give signs of life; connects in the background and again whenever needed.
    ///
    /// # Errors
    /// The settings make no sense. Redis need not be there.
    pub fn start(settings: &RedisSettings) -> Result<Self, SettingsError> {
        let shared = Arc::new(Shared {
            link: Link::new(settings)?,
            book: Book::default(),
            node: uuid::Uuid::new_v4().to_string(),
        });
        let stop = CancellationToken::new();
        let (alive, stopped) = (shared.clone(), stop.clone());
        tokio::spawn(async move { stopped.run_until_cancelled(live(alive)).await });
        Ok(Self { shared, stop })
    }

    /// The name of this node.
    pub fn node(&self) -> &str {
        &self.shared.node
    }
}

impl Drop for RedisLeases {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[async_trait]
impl Leases for RedisLeases {
    async fn take(&self, name: &str, lost: Lost) -> Result<Lease, String> {
        let shared = self.shared.clone();
        let mut seen: Option<(String, Duration)> = None;
        loop {
            match shared.link.take(&shared.node, name).await {
                Ok(scripts::Taken::Ours(_)) => break,
                Ok(scripts::Taken::Theirs { node, left }) => {
                    // A node that renewed its key since the last look is alive; so is a new one.
                    if seen.is_some_and(|(other, before)| other != node || left >= before) {
                        return Err(node);
                    }
                    seen = Some((node, left));
                    sleep(LOOK_AGAIN.min(left + Duration::from_millis(50))).await;
                }
                Err(problem) => {
                    shared.link.complain(&problem);
                    break;
                }
            }
        }
        let ticket = shared.book.add(name, lost);
        let name = name.to_owned();
        Ok(Lease::new(move || {
            if !shared.book.remove(&name, ticket) {
                return; // somebody else here has it, too
            }
            let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
            runtime.spawn(async move {
                if let Err(problem) = shared.link.give_back(&shared.node, &name).await {
                    shared.link.complain(&problem);
                }
            });
        }))
    }
}

/// Gives signs of life, for as long as the node lives.
async fn live(shared: Arc<Shared>) {
    let mut was_alive = false;
    let mut beats: u32 = 0;
    loop {
        match shared.link.beat(&shared.node).await {
            Ok(is_alive) => {
                shared.link.cheer();
                let refresh = beats.is_multiple_of((REFRESH.as_secs() / BEAT.as_secs()) as u32);
                if (was_alive && !is_alive) || refresh {
                    look_after(&shared).await;
                }
                was_alive = true;
                beats = beats.wrapping_add(1);
            }
            Err(problem) => shared.link.complain(&problem),
        }
        sleep(BEAT).await;
    }
}

/// Takes all leases again; who lost one is told.
async fn look_after(shared: &Shared) {
    for name in shared.book.names() {
        match shared.link.take(&shared.node, &name).await {
            Ok(scripts::Taken::Ours(_)) => {}
            Ok(scripts::Taken::Theirs { node, .. }) => {
                info!(%name, %node, "another node has taken over");
                shared.book.lose(&name);
            }
            Err(problem) => {
                warn!(%problem, "leases are not known to be held");
                return;
            }
        }
    }
}
