//! Stopping in two steps: refuse what is new and finish what runs, then give up.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

/// The stop of a set of listeners, with all their connections and tasks.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    draining: CancellationToken,
    aborting: CancellationToken,
    tasks: TaskTracker,
}

impl Drain {
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when nothing new is accepted any more and long-lived responses should end.
    pub fn draining(&self) -> &CancellationToken {
        &self.draining
    }

    /// Runs `task` as part of what a stop waits for; it is dropped at the deadline.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let aborting = self.aborting.clone();
        self.tasks.spawn(async move {
            aborting.run_until_cancelled(task).await;
        });
    }

    /// Stops: waits until everything has ended, at most `patience`, then drops the rest.
    ///
    /// Returns whether everything ended by itself.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.draining.cancel();
        self.tasks.close();
        let clean = timeout(patience, self.tasks.wait()).await.is_ok();
        if !clean {
            warn!(tasks = self.tasks.len(), "connections did not end in time and are cut");
            self.aborting.cancel();
            self.tasks.wait().await;
        }
        clean
    }
}
