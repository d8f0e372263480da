//! The task that makes every change, one after the other.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use serde_json::Value;
use sluice_config::{Position, Problem, Problems};
use sluice_model::Api;
use sluice_store::{Definition as Record, Store};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tracing::info;

use crate::{
    Catalogue, Change, Created, Definition, Dialect, Draft, Effect, Library, Origin, Report,
    ServiceError, Serving, Settings, random_hex,
};

pub(crate) enum Command {
    Create(Draft, Effect, oneshot::Sender<Result<Created, ServiceError>>),
    Replace(Change, Effect, oneshot::Sender<Result<(), ServiceError>>),
    Delete(String, Effect, oneshot::Sender<Result<(), ServiceError>>),
}

pub(crate) struct Owner {
    pub(crate) store: Arc<dyn Store>,
    dialects: HashMap<&'static str, Arc<dyn Dialect>>,
    pub(crate) files: Box<dyn Library>,
    pub(crate) serving: Box<dyn Serving>,
    reload_interval: Duration,
    pub(crate) catalogue: Arc<ArcSwap<Catalogue>>,
}

type Reloads = mpsc::Receiver<Option<oneshot::Sender<Report>>>;

impl Owner {
    pub(crate) fn new(settings: Settings, catalogue: Arc<ArcSwap<Catalogue>>) -> Self {
        let Settings { store, dialects, library, serving, reload_interval } = settings;
        let dialects = dialects.into_iter().map(|dialect| (dialect.name(), dialect)).collect();
        Self { store, dialects, files: library, serving, reload_interval, catalogue }
    }

    /// Works until all handles are gone, then stops serving.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut reloads: Reloads) {
        let mut next_reload = Instant::now();
        loop {
            // The wait comes first: what is dropped for a command must not hold a request.
            let due = async {
                sleep_until(next_reload).await;
                reloads.recv().await
            };
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => break,
                },
                request = due => if let Some(first) = request {
                    next_reload = Instant::now() + self.reload_interval;
                    self.answer_reloads(first, &mut reloads).await;
                },
            }
        }
        self.serving.finish().await;
        self.store.close().await;
    }

    /// One reload for everyone who asked meanwhile.
    async fn answer_reloads(
        &mut self,
        first: Option<oneshot::Sender<Report>>,
        reloads: &mut Reloads,
    ) {
        let mut waiting = vec![first];
        while let Ok(more) = reloads.try_recv() {
            waiting.push(more);
        }
        let report = self.reload().await;
        for reply in waiting.into_iter().flatten() {
            let _ = reply.send(report.clone());
        }
    }

    async fn obey(&mut self, command: Command) {
        // A caller that went away loses the answer, not the change.
        match command {
            Command::Create(draft, effect, reply) => {
                let _ = reply.send(self.create(draft, effect).await);
            }
            Command::Replace(change, effect, reply) => {
                let _ = reply.send(self.replace(change, effect).await);
            }
            Command::Delete(id, effect, reply) => {
                let _ = reply.send(self.delete(&id, effect).await);
            }
        }
    }
}

/// The use cases.
impl Owner {
    async fn create(&mut self, draft: Draft, effect: Effect) -> Result<Created, ServiceError> {
        let Draft { dialect, id, storage_id, document } = draft;
        let catalogue = self.catalogue.load_full();
        if let Some(other) = catalogue.get(&id) {
            let (name, origin) = (other.api.name.to_string(), other.origin.to_string());
            return Err(ServiceError::IdTaken { id, name, origin });
        }
        let origin = Origin::Store { replaces: None };
        let definition = self.define(dialect, &id, &storage_id, document, origin)?;
        check_address(&catalogue, &definition.api)?;
        self.store.put_definition(&record(&definition, false)).await?;
        self.publish(catalogue.with(definition.clone()));
        if effect == Effect::AtOnce
            && let Some(trouble) = self.reload().await.about(&id)
        {
            let reason = trouble.reason.clone();
            self.store.delete_definition(&id).await?;
            self.reload().await;
            return Err(ServiceError::NotServed(reason));
        }
        info!(api = %definition.api.name, %id, "API created");
        Ok(Created { id: definition.id.clone(), storage_id: definition.storage_id.clone() })
    }

    async fn replace(&mut self, change: Change, effect: Effect) -> Result<(), ServiceError> {
        let Change { dialect, id, document } = change;
        let catalogue = self.catalogue.load_full();
        let old = catalogue.get(&id).ok_or_else(|| ServiceError::Unknown(id.clone()))?.clone();
        let (storage_id, replaces) = match &old.origin {
            Origin::File(_) => (random_hex(12), Some(old.api.revision)),
            Origin::Store { replaces } => (old.storage_id.to_string(), *replaces),
        };
        let origin = Origin::Store { replaces };
        let definition = self.define(dialect, &old.id, &storage_id, document, origin)?;
        check_address(&catalogue, &definition.api)?;
        self.store.put_definition(&record(&definition, false)).await?;
        self.publish(catalogue.with(definition.clone()));
        if effect == Effect::AtOnce
            && let Some(trouble) = self.reload().await.about(&old.id)
        {
            let reason = trouble.reason.clone();
            match &old.origin {
                Origin::File(_) => _ = self.store.delete_definition(&old.id).await?,
                Origin::Store { .. } => self.store.put_definition(&record(&old, false)).await?,
            }
            self.reload().await;
            return Err(ServiceError::NotServed(reason));
        }
        info!(api = %definition.api.name, id = %old.id, "API replaced");
        Ok(())
    }

    async fn delete(&mut self, id: &str, effect: Effect) -> Result<(), ServiceError> {
        let catalogue = self.catalogue.load_full();
        let old = catalogue.get(id).ok_or_else(|| ServiceError::Unknown(id.to_owned()))?.clone();
        let replaces = match &old.origin {
            Origin::File(_) => Some(old.api.revision),
            Origin::Store { replaces } => *replaces,
        };
        if replaces.is_some() {
            let hidden =
                Definition { origin: Origin::Store { replaces }, ..Definition::clone(&old) };
            self.store.put_definition(&record(&hidden, true)).await?;
        } else {
            self.store.delete_definition(&old.id).await?;
        }
        self.publish(catalogue.without(&old.id));
        if effect == Effect::AtOnce {
            self.reload().await;
        }
        info!(api = %old.api.name, id = %old.id, "API deleted");
        Ok(())
    }

    pub(crate) fn define(
        &self,
        dialect: &str,
        id: &str,
        storage_id: &str,
        document: Value,
        origin: Origin,
    ) -> Result<Arc<Definition>, ServiceError> {
        let translated = match self.dialects.get(dialect) {
            Some(dialect) => dialect.translate(&document, id, &origin.to_string()),
            None => Err(unknown_dialect(dialect)),
        };
        Ok(Arc::new(Definition {
            id: id.into(),
            storage_id: storage_id.into(),
            dialect: dialect.into(),
            document: Arc::new(document),
            origin,
            api: Arc::new(translated.map_err(ServiceError::Invalid)?),
        }))
    }

    pub(crate) fn publish(&self, catalogue: Catalogue) {
        self.catalogue.store(Arc::new(catalogue));
    }
}

fn check_address(catalogue: &Catalogue, api: &Api) -> Result<(), ServiceError> {
    match catalogue.at_address(api) {
        Some(other) => Err(ServiceError::AddressTaken {
            address: api.address(),
            name: other.api.name.to_string(),
            origin: other.origin.to_string(),
        }),
        None => Ok(()),
    }
}

fn record(definition: &Definition, hidden: bool) -> Record {
    let replaces = match definition.origin {
        Origin::Store { replaces } => replaces.map(|revision| revision.0.to_vec()),
        Origin::File(_) => None,
    };
    Record {
        id: definition.id.to_string(),
        storage_id: definition.storage_id.to_string(),
        dialect: definition.dialect.to_string(),
        document: definition.document.to_string(),
        replaces,
        hidden,
    }
}

fn unknown_dialect(name: &str) -> Problems {
    let message = format!("nothing here reads documents of the dialect `{name}`");
    Problems(vec![Problem { at: Position::default(), path: String::new(), message, hint: None }])
}
