//! The handle through which dialects ask for changes and read what is defined.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use serde_json::Value;
use sluice_config::Problems;
use sluice_store::{Store, StoreError};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    Catalogue, Definition, Dialect, Library, Report, Serving,
    owner::{Command, Owner},
};

/// Changes that wait for the owner; more than that and callers wait.
const PENDING_CHANGES: usize = 64;

/// Management of one gateway. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    commands: mpsc::Sender<Command>,
    reloads: mpsc::Sender<Option<oneshot::Sender<Report>>>,
    catalogue: Arc<ArcSwap<Catalogue>>,
}

/// What a service works with.
pub struct Settings {
    pub store: Arc<dyn Store>,
    pub dialects: Vec<Arc<dyn Dialect>>,
    pub library: Box<dyn Library>,
    pub serving: Box<dyn Serving>,
    /// Least time between two reloads that were asked for.
    pub reload_interval: Duration,
}

/// A definition to be created.
#[derive(Clone, Debug)]
pub struct Draft {
    pub dialect: &'static str,
    pub id: String,
    pub storage_id: String,
    pub document: Value,
}

/// A definition to take the place of another.
#[derive(Clone, Debug)]
pub struct Change {
    pub dialect: &'static str,
    pub id: String,
    pub document: Value,
}

/// When a change becomes effective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// With the next reload.
    AtReload,
    /// Before the answer; a change that can't be served is undone and refused.
    AtOnce,
}

/// The ids of what was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    pub id: Arc<str>,
    pub storage_id: Arc<str>,
}

/// Why a use case was refused.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("{0}")]
    Invalid(Problems),
    #[error("no API has the id `{0}`")]
    Unknown(String),
    #[error("the id `{id}` belongs to `{name}` ({origin})")]
    IdTaken { id: String, name: String, origin: String },
    #[error("the listen path `{address}` belongs to `{name}` ({origin})")]
    AddressTaken { address: String, name: String, origin: String },
    /// Valid as a document, but it can't be served.
    #[error("{0}")]
    NotServed(String),
    #[error("definitions can't be stored")]
    Store(#[from] StoreError),
    #[error("management is shutting down")]
    Stopped,
}

impl Service {
    /// Starts the task that owns all changes. Nothing is served before the first
    /// [`reload`](Self::reload). The handle of the task ends after every `Service` is dropped; it has
    /// finished serving by then.
    pub fn start(settings: Settings) -> (Self, JoinHandle<()>) {
        let (commands, pending) = mpsc::channel(PENDING_CHANGES);
        let (reloads, pending_reloads) = mpsc::channel(PENDING_CHANGES);
        let catalogue = Arc::new(ArcSwap::default());
        let owner = Owner::new(settings, catalogue.clone());
        let task = tokio::spawn(owner.run(pending, pending_reloads));
        (Self { commands, reloads, catalogue }, task)
    }

    /// Everything that is defined, effective or not yet.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.load_full()
    }

    /// The definition with this id of its API or its record.
    pub fn get(&self, id: &str) -> Result<Arc<Definition>, ServiceError> {
        let catalogue = self.catalogue.load();
        catalogue.get(id).cloned().ok_or_else(|| ServiceError::Unknown(id.to_owned()))
    }

    /// Stores a new definition.
    pub async fn create(&self, draft: Draft, effect: Effect) -> Result<Created, ServiceError> {
        self.ask(|reply| Command::Create(draft, effect, reply)).await
    }

    /// Stores a definition in the place of the one with its id. One from a file stays in its file,
    /// hidden until that file changes.
    pub async fn replace(&self, change: Change, effect: Effect) -> Result<(), ServiceError> {
        self.ask(|reply| Command::Replace(change, effect, reply)).await
    }

    /// Deletes a definition. One from a file stays in its file, hidden until that file changes.
    pub async fn delete(&self, id: &str, effect: Effect) -> Result<(), ServiceError> {
        let id = id.to_owned();
        self.ask(|reply| Command::Delete(id, effect, reply)).await
    }

    /// Makes everything that is defined effective, and says what could not be.
    pub async fn reload(&self) -> Result<Report, ServiceError> {
        let (reply, answer) = oneshot::channel();
        self.reloads.send(Some(reply)).await.map_err(|_| ServiceError::Stopped)?;
        answer.await.map_err(|_| ServiceError::Stopped)
    }

    /// Asks for a reload soon. Requests that come together are answered by one reload.
    pub fn request_reload(&self) {
        // A full queue means that one is due anyway.
        let _ = self.reloads.try_send(None);
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, ServiceError>>) -> Command,
    ) -> Result<T, ServiceError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| ServiceError::Stopped)?;
        answer.await.unwrap_or(Err(ServiceError::Stopped))
    }
}
