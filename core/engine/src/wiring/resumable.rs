//! Waiting for a source and for something else at the same time.

use futures_util::future::BoxFuture;

use crate::component::LinkState;
use crate::{Burst, Source};

type Answer = (Box<dyn Source>, Option<Burst>);

/// A source whose `next` may be dropped and called again: the call to the source goes on.
pub struct Resumable {
    state: State,
    links: Vec<LinkState>,
}

enum State {
    Idle(Box<dyn Source>),
    Asked(BoxFuture<'static, Answer>),
    Ended,
}

impl Resumable {
    pub fn new(source: Box<dyn Source>) -> Self {
        Self { links: source.links(), state: State::Idle(source) }
    }

    /// As [`Source::next`]; still `None` when called after the end.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Burst> {
        self.state = match std::mem::replace(&mut self.state, State::Ended) {
            State::Idle(source) => State::Asked(Box::pin(ask(source))),
            state => state,
        };
        let State::Asked(asked) = &mut self.state else { return None };
        let (source, burst) = asked.await;
        self.state = if burst.is_some() { State::Idle(source) } else { State::Ended };
        burst
    }

    pub fn links(&self) -> Vec<LinkState> {
        self.links.clone()
    }
}

async fn ask(mut source: Box<dyn Source>) -> Answer {
    let burst = source.next().await;
    (source, burst)
}
