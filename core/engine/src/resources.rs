//! Labelled components that others refer to by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sluice_config::ComponentKind;

use crate::wiring::Step;
use crate::{BuildError, Cache, RateLimit, Sink, Source};

/// Resources of a stream (or, in streams mode, of all streams). Built before what uses them;
/// inputs and outputs are built when somebody takes them.
#[derive(Clone, Default)]
pub struct Resources {
    tables: Arc<Mutex<Tables>>,
}

#[derive(Default)]
struct Tables {
    caches: BTreeMap<String, Arc<dyn Cache>>,
    rate_limits: BTreeMap<String, Arc<dyn RateLimit>>,
    processors: BTreeMap<String, Arc<Step>>,
    outputs: BTreeMap<String, Arc<dyn Sink>>,
    /// An input can be read by one component only.
    inputs: BTreeMap<String, Option<Box<dyn Source>>>,
}

impl Resources {
    pub fn add_cache(&self, label: &str, cache: Arc<dyn Cache>) {
        self.with(|tables| tables.caches.insert(label.into(), cache));
    }

    pub fn add_rate_limit(&self, label: &str, rate_limit: Arc<dyn RateLimit>) {
        self.with(|tables| tables.rate_limits.insert(label.into(), rate_limit));
    }

    pub fn add_processor(&self, label: &str, processor: Arc<Step>) {
        self.with(|tables| tables.processors.insert(label.into(), processor));
    }

    pub fn add_output(&self, label: &str, output: Arc<dyn Sink>) {
        self.with(|tables| tables.outputs.insert(label.into(), output));
    }

    pub fn add_input(&self, label: &str, input: Box<dyn Source>) {
        self.with(|tables| tables.inputs.insert(label.into(), Some(input)));
    }

    /// # Errors
    /// No such resource. The same holds for the functions below.
    pub fn cache(&self, label: &str) -> Result<Arc<dyn Cache>, BuildError> {
        self.with(|tables| tables.caches.get(label).cloned())
            .ok_or_else(|| missing(ComponentKind::Cache, label))
    }

    pub fn rate_limit(&self, label: &str) -> Result<Arc<dyn RateLimit>, BuildError> {
        self.with(|tables| tables.rate_limits.get(label).cloned())
            .ok_or_else(|| missing(ComponentKind::RateLimit, label))
    }

    pub fn processor(&self, label: &str) -> Result<Arc<Step>, BuildError> {
        self.with(|tables| tables.processors.get(label).cloned())
            .ok_or_else(|| missing(ComponentKind::Processor, label))
    }

    pub fn output(&self, label: &str) -> Result<Arc<dyn Sink>, BuildError> {
        self.with(|tables| tables.outputs.get(label).cloned())
            .ok_or_else(|| missing(ComponentKind::Output, label))
    }

    /// Takes the input; it is gone for others.
    pub fn take_input(&self, label: &str) -> Result<Box<dyn Source>, BuildError> {
        match self.with(|tables| tables.inputs.get_mut(label).map(Option::take)) {
            None => Err(missing(ComponentKind::Input, label)),
            Some(None) => {
                Err(BuildError::new(format!("input resource '{label}' is already in use")))
            }
            Some(Some(input)) => Ok(input),
        }
    }

    pub fn has(&self, kind: ComponentKind, label: &str) -> bool {
        self.with(|tables| match kind {
            ComponentKind::Cache => tables.caches.contains_key(label),
            ComponentKind::RateLimit => tables.rate_limits.contains_key(label),
            ComponentKind::Processor => tables.processors.contains_key(label),
            ComponentKind::Output => tables.outputs.contains_key(label),
            ComponentKind::Input => tables.inputs.contains_key(label),
            _ => false,
        })
    }

    /// Closes everything, after the streams that used it have ended.
    pub async fn close(&self) {
        let tables = self.with(std::mem::take);
        for output in tables.outputs.into_values() {
            output.close().await;
        }
        for processor in tables.processors.into_values() {
            processor.close().await;
        }
        for cache in tables.caches.into_values() {
            cache.close().await;
        }
        for rate_limit in tables.rate_limits.into_values() {
            rate_limit.close().await;
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Tables) -> T) -> T {
        act(&mut self.tables.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn missing(kind: ComponentKind, label: &str) -> BuildError {
    BuildError::new(format!("{} resource '{label}' was not found", kind.name().replace('_', " ")))
}
