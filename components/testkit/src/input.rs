//! An input that a test feeds.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sluice_config::config;
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
};
use sluice_message::{Batch, Verdict};
use tokio::sync::Notify;

type Table = HashMap<String, FakeInput>;

static INPUTS: Mutex<Option<Table>> = Mutex::new(None);

pub(crate) fn register(registry: &mut Registry) {
    registry.input("fake", build);
}

config! {
    /// Which fake it is.
    struct FakeConfig {
        /// Its name.
        name: String,
        /// Whether failed messages are kept and sent again.
        auto_replay_nacks: bool = true,
    }
}

fn build(config: FakeConfig, _: &Scope) -> Result<BuiltInput, BuildError> {
    let inputs = INPUTS.lock().unwrap_or_else(PoisonError::into_inner);
    let input = inputs.as_ref().and_then(|inputs| inputs.get(&config.name));
    let input = input.ok_or_else(|| BuildError::new(format!("no fake input {}", config.name)))?;
    Ok(BuiltInput::connector(input.clone(), config.auto_replay_nacks))
}

/// The handle of a fake input. Clones are the same input.
#[derive(Clone)]
pub struct FakeInput {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    handed_out: usize,
    answers: Vec<Answer>,
    connects: usize,
    closes: usize,
    refusals: usize,
}

enum Event {
    Batches(Vec<Batch>),
    Disconnect,
    End,
}

/// What the input heard of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The contents of the batch, as it was handed in.
    Delivered(Vec<String>),
    Failed(Vec<String>, String),
}

impl FakeInput {
    /// An input under a name that no other test uses.
    pub fn new(name: &str) -> Self {
        let input = Self { state: Arc::default(), changed: Arc::default() };
        let mut inputs = INPUTS.lock().unwrap_or_else(PoisonError::into_inner);
        inputs.get_or_insert_default().insert(name.to_owned(), input.clone());
        input
    }

    /// Hands in a batch.
    pub fn push(&self, contents: &[&str]) {
        self.push_all(vec![crate::batch(contents)]);
    }

    /// Hands in batches that are read at once.
    pub fn push_all(&self, batches: Vec<Batch>) {
        self.event(Event::Batches(batches));
    }

    /// Breaks the link.
    pub fn disconnect(&self) {
        self.event(Event::Disconnect);
    }

    /// Refuses so many attempts to connect.
    pub fn refuse(&self, attempts: usize) {
        self.state().refusals = attempts;
    }

    pub fn end(&self) {
        self.event(Event::End);
    }

    /// What was heard so far, in order.
    pub fn answers(&self) -> Vec<Answer> {
        self.state().answers.clone()
    }

    /// Batches that were read.
    pub fn handed_out(&self) -> usize {
        self.state().handed_out
    }

    /// How often the link was opened.
    pub fn connects(&self) -> usize {
        self.state().connects
    }

    /// How often the link was closed in order.
    pub fn closes(&self) -> usize {
        self.state().closes
    }

    fn event(&self, event: Event) {
        self.state().events.push_back(event);
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn delivery(&self, batch: Batch) -> Delivery {
        let contents = crate::contents(&batch);
        let input = self.clone();
        let answer = move |verdict| {
            input.state().answers.push(match verdict {
                Verdict::Delivered => Answer::Delivered(contents),
                Verdict::Failed(error) => Answer::Failed(contents, error.to_string()),
            });
        };
        Delivery { batch, ack: Some(Box::new(answer)) }
    }
}

#[async_trait]
impl Input for FakeInput {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        tokio::task::yield_now().await; // so that it could be broken off
        let mut state = self.state();
        if state.refusals > 0 {
            state.refusals -= 1;
            return Err(ConnectError::new("fake", "refused"));
        }
        state.connects += 1;
        Ok(Box::new(Open(self.clone())))
    }
}

struct Open(FakeInput);

#[async_trait]
impl Reader for Open {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            let event = self.0.state().events.pop_front();
            match event {
                Some(Event::Batches(batches)) => {
                    self.0.state().handed_out += batches.len();
                    return Ok(batches.into_iter().map(|batch| self.0.delivery(batch)).collect());
                }
                Some(Event::Disconnect) => {
                    return Err(ReadError::Disconnected("fake link broke".into()));
                }
                Some(Event::End) => return Err(ReadError::End),
                None => self.0.changed.notified().await,
            }
        }
    }

    async fn close(&mut self) {
        self.0.state().closes += 1;
    }
}
