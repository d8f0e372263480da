//! The two-step stop.

use tokio_util::sync::CancellationToken;

/// `drain` ends reading, `abort` also gives up on what is in flight.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    pub drain: CancellationToken,
    pub abort: CancellationToken,
}

impl Stop {
    /// A stop of its own that also follows this one.
    pub fn child(&self) -> Self {
        Self { drain: self.drain.child_token(), abort: self.abort.child_token() }
    }
}
