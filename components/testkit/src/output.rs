//! An output that does what a test says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sluice_config::config;
use sluice_engine::wiring::batching::BatchPolicy;
use sluice_engine::{
    BuildError, BuiltOutput, ConnectError, Output, Registry, Scope, WriteError, Writer,
};
use sluice_message::Batch;
use tokio::sync::Notify;

type Table = HashMap<String, FakeOutput>;

static OUTPUTS: Mutex<Option<Table>> = Mutex::new(None);

pub(crate) fn register(registry: &mut Registry) {
    registry.output("fake", build);
}

config! {
    /// Which fake it is.
    struct FakeConfig {
        /// Its name.
        name: String,
        /// Writes that may go on at once.
        max_in_flight: usize = 1,
        /// Whether small writes share a send.
        gathers: bool = false,
        /// Forms batches.
        batching: BatchPolicy,
    }
}

fn build(config: FakeConfig, _: &Scope) -> Result<BuiltOutput, BuildError> {
    let outputs = OUTPUTS.lock().unwrap_or_else(PoisonError::into_inner);
    let output = outputs.as_ref().and_then(|outputs| outputs.get(&config.name));
    let output =
        output.ok_or_else(|| BuildError::new(format!("no fake output {}", config.name)))?;
    let build = if config.gathers { BuiltOutput::gathering } else { BuiltOutput::connector };
    Ok(build(output.clone(), config.max_in_flight).batched(config.batching))
}

/// What to do with a batch.
#[derive(Clone, Debug)]
pub enum Action {
    Take,
    /// Take it after a while.
    TakeLate(Duration),
    /// Hold it until [`FakeOutput::release`].
    Hold,
    Fail(String),
    /// Refuse these members, take the others.
    FailMembers(Vec<usize>),
    Disconnect,
}

type Behaviour = Box<dyn FnMut(&Batch) -> Action + Send>;

/// The handle of a fake output. Clones are the same output.
#[derive(Clone)]
pub struct FakeOutput {
    state: Arc<Mutex<State>>,
    released: Arc<Notify>,
}

struct State {
    taken: Vec<Vec<String>>,
    behaviour: Behaviour,
    writing: usize,
    most_writing: usize,
    connects: usize,
    closes: usize,
    refusals: usize,
}

impl FakeOutput {
    /// An output under a name that no other test uses. It takes everything.
    pub fn new(name: &str) -> Self {
        let state = State {
            taken: Vec::new(),
            behaviour: Box::new(|_| Action::Take),
            writing: 0,
            most_writing: 0,
            connects: 0,
            closes: 0,
            refusals: 0,
        };
        let output = Self { state: Arc::new(Mutex::new(state)), released: Arc::default() };
        let mut outputs = OUTPUTS.lock().unwrap_or_else(PoisonError::into_inner);
        outputs.get_or_insert_default().insert(name.to_owned(), output.clone());
        output
    }

    /// Decides about each batch from now on.
    pub fn behave(&self, behaviour: impl FnMut(&Batch) -> Action + Send + 'static) {
        self.state().behaviour = Box::new(behaviour);
    }

    /// Does these things with the next batches, and takes those after.
    pub fn script(&self, actions: impl IntoIterator<Item = Action>) {
        let mut actions: Vec<Action> = actions.into_iter().collect();
        actions.reverse();
        self.behave(move |_| actions.pop().unwrap_or(Action::Take));
    }

    /// Refuses so many attempts to connect.
    pub fn refuse(&self, attempts: usize) {
        self.state().refusals = attempts;
    }

    /// Takes what is held, and everything after.
    pub fn release(&self) {
        self.behave(|_| Action::Take);
        self.released.notify_waiters();
    }

    /// Contents of the batches that were taken, in order.
    pub fn taken(&self) -> Vec<Vec<String>> {
        self.state().taken.clone()
    }

    /// The same without the borders of batches.
    pub fn messages(&self) -> Vec<String> {
        self.taken().concat()
    }

    /// The most writes that went on at once.
    pub fn most_writing(&self) -> usize {
        self.state().most_writing
    }

    pub fn writing(&self) -> usize {
        self.state().writing
    }

    pub fn connects(&self) -> usize {
        self.state().connects
    }

    pub fn closes(&self) -> usize {
        self.state().closes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Output for FakeOutput {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        let mut state = self.state();
        if state.refusals > 0 {
            state.refusals -= 1;
            return Err(ConnectError::new("fake", "refused"));
        }
        state.connects += 1;
        Ok(Box::new(self.clone()))
    }
}

/// Counts a write while it goes on, also when it is given up.
struct Writing<'a>(&'a FakeOutput);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.state().writing -= 1;
    }
}

#[async_trait]
impl Writer for FakeOutput {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let released = self.released.notified();
        let mut released = std::pin::pin!(released);
        released.as_mut().enable();
        let action = {
            let mut state = self.state();
            state.writing += 1;
            state.most_writing = state.most_writing.max(state.writing);
            (state.behaviour)(batch)
        };
        let _writing = Writing(self);
        let contents = crate::contents(batch);
        match action {
            Action::Take => {}
            Action::TakeLate(delay) => tokio::time::sleep(delay).await,
            Action::Hold => released.await,
            Action::Fail(error) => return Err(WriteError::failed(error)),
            Action::FailMembers(failed) => {
                let taken = contents.iter().enumerate().filter(|(at, _)| !failed.contains(at));
                let taken: Vec<String> = taken.map(|(_, content)| content.clone()).collect();
                self.state().taken.push(taken);
                let failed = failed.into_iter().map(|at| (at, format!("member {at} refused")));
                return Err(WriteError::Members { total: batch.len(), failed: failed.collect() });
            }
            Action::Disconnect => {
                let (target, source) = ("fake".to_owned(), "link broke".into());
                return Err(WriteError::Disconnected { target, source });
            }
        }
        self.state().taken.push(contents);
        Ok(())
    }

    async fn close(&self) {
        self.state().closes += 1;
    }
}
