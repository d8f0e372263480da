//! `read_until`: an input that ends when something is seen, or nothing any more.

use std::time::Duration;

use async_trait::async_trait;
use sluice_config::{Block, Kinds, Query, config, parse_duration};
use sluice_engine::backoff::Backoff;
use sluice_engine::wiring::resumable::Resumable;
use sluice_engine::{
    BuildError, BuiltInput, Burst, Check, LinkState, Registry, Scope, Source, Stop,
};
use sluice_message::Transaction;
use tracing::{error, info};

use crate::outstanding::Outstanding;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("read_until", build)
        .doc(
            "Reads an input until a check is true of a message, which is the last one, or until \
             no message has come for a while.\n\n\
             The last message has the metadata `bento_read_until` set to `final`. What the input \
             had read beyond it is left to the input to deliver again elsewhere.",
        )
        .categories(&["Utility"]);
}

config! {
    /// Pauses before the input is started again.
    struct Pauses {
        /// The first pause.
        initial_interval: Duration = "1ms",
        /// The longest pause.
        max_interval: Duration = "100ms",
    }
}

config! {
    /// Reads until something is seen.
    struct ReadUntilConfig {
        /// Where messages come from.
        input: Block<Kinds::Input>,
        /// A query; the message for which it is true is the last.
        check: Option<Query>,
        /// Time without messages after which the input ends.
        idle_timeout: Option<String>,
        /// Whether the input is started again when it ends by itself.
        restart_input: bool = false,
        /// Pauses before it is started again, each longer than the one before.
        restart_backoff: Pauses,
    }
}

struct ReadUntil {
    block: Block<Kinds::Input>,
    place: Scope,
    stop: Stop,
    child: Child,
    links: Vec<LinkState>,
    check: Option<Check>,
    idle_timeout: Option<Duration>,
    restart: bool,
    backoff: Backoff,
    outstanding: Outstanding,
    label: String,
    path: String,
}

/// The input that is being read, with a stop of its own.
struct Child {
    source: Resumable,
    stop: Stop,
    state: State,
}

enum State {
    Reading,
    /// Told to end; what it read beyond the last message is held here until everything else is
    /// answered, and then left unanswered.
    Ending {
        surplus: Burst,
    },
}

fn build(config: ReadUntilConfig, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let check = config.check.as_ref().filter(|check| !check.text.is_empty());
    let check = check.map(|check| scope.check(check)).transpose()?;
    let idle_timeout = config.idle_timeout.filter(|text| !text.is_empty());
    let idle_timeout = idle_timeout
        .map(|text| {
            let failed = |error| format!("failed to parse idle_timeout string: {error}");
            parse_duration(&text).map_err(failed)
        })
        .transpose()?;
    if check.is_none() && idle_timeout.is_none() {
        return Err(BuildError::new("it is required to set either check or idle_timeout"));
    }
    let place = scope.below("read_until");
    let child = Child::build(&config.input, &place, scope.stop())?;
    let pauses = config.restart_backoff;
    Ok(BuiltInput::source(ReadUntil {
        block: config.input,
        stop: scope.stop().clone(),
        links: child.source.links(),
        child,
        check,
        idle_timeout,
        restart: config.restart_input,
        backoff: Backoff::new(pauses.initial_interval, pauses.max_interval),
        outstanding: Outstanding::default(),
        label: scope.label().to_owned(),
        path: scope.path().to_owned(),
        place,
    }))
}

impl Child {
    fn build(block: &Block<Kinds::Input>, place: &Scope, stop: &Stop) -> Result<Self, BuildError> {
        let stop = stop.child();
        let source = place.with_stop(stop.clone()).build_input(block, "input")?;
        Ok(Self { source: Resumable::new(source), stop, state: State::Reading })
    }

    /// Stops reading; what was read already is still delivered, except the surplus.
    fn end(&mut self, surplus: Burst) {
        self.stop.drain.cancel();
        self.state = State::Ending { surplus };
    }
}

impl ReadUntil {
    /// Passes on what comes up to the last message.
    fn pass(&mut self, burst: Burst) -> Burst {
        let mut passed = Burst::new();
        let mut rest = burst.into_iter();
        while let Some(mut transaction) = rest.next() {
            let is_last = self.is_last(&transaction);
            if is_last && let Some(first) = transaction.batch.first_mut() {
                first.set_metadata("bento_read_until", "final");
            }
            passed.push(self.outstanding.track(transaction));
            if is_last {
                self.child.end(rest.collect());
                break;
            }
        }
        passed
    }

    fn is_last(&self, transaction: &Transaction) -> bool {
        let Some(check) = &self.check else { return false };
        check.is_true(&transaction.batch, 0).unwrap_or_else(|problem| {
            error!(label = %self.label, path = %self.path, "Failed to execute check query: {problem}");
            false
        })
    }

    /// Starts the input again after a pause; false when that is not to be.
    async fn start_again(&mut self) -> bool {
        if !self.restart || self.stop.drain.is_cancelled() {
            return false;
        }
        let pause = self.backoff.pause();
        let drain = self.stop.drain.clone();
        tokio::select! {
            () = drain.cancelled() => return false,
            () = tokio::time::sleep(pause) => {}
        }
        match Child::build(&self.block, &self.place, &self.stop) {
            Ok(child) => {
                self.child = child;
                true
            }
            Err(problem) => {
                error!(label = %self.label, path = %self.path, "Failed to create input: {problem}");
                false
            }
        }
    }

    /// What comes next while reading.
    async fn read(&mut self) -> Event {
        let idle = async {
            match self.idle_timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            burst = self.child.source.next() => burst.map_or(Event::Ended, Event::Burst),
            () = idle => Event::Idle,
        }
    }

    /// What comes next after the last message: only what failed and comes again.
    async fn drain(&mut self) -> Option<Burst> {
        let settled = async {
            self.outstanding.answered().await;
            if let Some(failure) = self.outstanding.last_failure() {
                tokio::time::sleep_until(failure + REPLAY).await;
            }
        };
        tokio::select! {
            // What comes again goes first: nothing of it counts as outstanding yet.
            biased;
            burst = self.child.source.next() => burst,
            () = settled => {
                // Only the surplus is unanswered now. The child is not asked any more.
                self.child.stop.abort.cancel();
                None
            }
        }
    }
}

/// Within this time, an input that sends failed messages again does so.
const REPLAY: Duration = Duration::from_secs(2);

enum Event {
    Burst(Burst),
    Idle,
    Ended,
}

#[async_trait]
impl Source for ReadUntil {
    async fn next(&mut self) -> Option<Burst> {
        loop {
            if let State::Ending { surplus } = &self.child.state {
                let burst = if surplus.is_empty() {
                    self.child.source.next().await
                } else {
                    self.drain().await
                };
                match burst {
                    Some(burst) if burst.is_empty() => return Some(burst),
                    Some(burst) => {
                        let tracked = burst.into_iter().map(|it| self.outstanding.track(it));
                        return Some(tracked.collect());
                    }
                    None => {
                        // Lets the child close its link, which it does once it was aborted.
                        while self.child.source.next().await.is_some() {}
                        return None;
                    }
                }
            }
            match self.read().await {
                Event::Burst(burst) if burst.is_empty() => return Some(burst),
                Event::Burst(burst) => {
                    self.backoff.reset();
                    return Some(self.pass(burst));
                }
                Event::Idle => {
                    info!(label = %self.label, path = %self.path, "Idle timeout reached");
                    self.child.end(Burst::new());
                }
                Event::Ended => {
                    if !self.start_again().await {
                        return None;
                    }
                }
            }
        }
    }

    fn links(&self) -> Vec<LinkState> {
        self.links.clone()
    }
}
