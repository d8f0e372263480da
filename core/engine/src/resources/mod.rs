//! Labelled components that others refer to by name.

mod slot;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sluice_config::{ComponentKind, Node};

use crate::wiring::Step;
use crate::{BuildError, Cache, RateLimit, Sink, Source};
use slot::{Inner, Slot};

pub use slot::ProcessorResource;

/// Resources of a stream (or, in streams mode, of all streams). Declared first, then built, in
/// whatever order they refer to each other.
#[derive(Clone, Default)]
pub struct Resources {
    tables: Arc<Mutex<Tables>>,
    /// Whether users of a resource follow when another takes its label.
    are_replaceable: bool,
}

/// Builds a declared resource and adds it.
type Build = Box<dyn FnOnce() -> Result<(), BuildError> + Send>;

type Name = (ComponentKind, String);

type Slots<T> = BTreeMap<String, Arc<Slot<T>>>;

/// Puts a component in the place of its label.
fn put<T: ?Sized>(slots: &mut Slots<T>, label: &str, component: Arc<T>) {
    match slots.get(label) {
        Some(slot) => slot.replace(component),
        None => drop(slots.insert(label.into(), Arc::new(Slot::new(component)))),
    }
}

#[derive(Default)]
struct Tables {
    caches: Slots<dyn Cache>,
    rate_limits: Slots<dyn RateLimit>,
    processors: Slots<Step>,
    outputs: Slots<dyn Sink>,
    /// An input can be read by one component only.
    inputs: BTreeMap<String, Option<Box<dyn Source>>>,
    declared: BTreeMap<Name, Declared>,
}

/// What a configuration says of a resource.
struct Declared {
    block: Arc<Node>,
    state: State,
}

enum State {
    Pending(Build),
    /// Being built: who asks now refers to itself.
    Building,
    Built,
}

impl Resources {
    /// Resources that may be replaced while components use them: they see the new one. Costs a
    /// lock at each use.
    pub fn replaceable() -> Self {
        Self { are_replaceable: true, ..Self::default() }
    }

    pub fn add_cache(&self, label: &str, cache: Arc<dyn Cache>) {
        self.with(|tables| put(&mut tables.caches, label, cache));
    }

    pub fn add_rate_limit(&self, label: &str, rate_limit: Arc<dyn RateLimit>) {
        self.with(|tables| put(&mut tables.rate_limits, label, rate_limit));
    }

    pub fn add_processor(&self, label: &str, processor: Arc<Step>) {
        self.with(|tables| put(&mut tables.processors, label, processor));
    }

    pub fn add_output(&self, label: &str, output: Arc<dyn Sink>) {
        self.with(|tables| put(&mut tables.outputs, label, output));
    }

    pub fn add_input(&self, label: &str, input: Box<dyn Source>) {
        self.with(|tables| tables.inputs.insert(label.into(), Some(input)));
    }

    /// Declares a resource. It is built by the first who asks for it, or by
    /// [`Resources::build_all`].
    pub fn declare(
        &self,
        kind: ComponentKind,
        label: &str,
        block: &Node,
        build: impl FnOnce() -> Result<(), BuildError> + Send + 'static,
    ) {
        let declared =
            Declared { block: Arc::new(block.clone()), state: State::Pending(Box::new(build)) };
        self.with(|tables| tables.declared.insert((kind, label.into()), declared));
    }

    /// Notes what a resource that was replaced is made of now.
    pub fn note_declaration(&self, kind: ComponentKind, label: &str, block: &Node) {
        let declared = Declared { block: Arc::new(block.clone()), state: State::Built };
        self.with(|tables| tables.declared.insert((kind, label.into()), declared));
    }

    /// The block that declared a resource.
    pub fn declaration(&self, kind: ComponentKind, label: &str) -> Option<Arc<Node>> {
        let name = (kind, label.to_owned());
        self.with(|tables| tables.declared.get(&name).map(|declared| declared.block.clone()))
    }

    /// Builds what was declared and is not built yet.
    ///
    /// # Errors
    /// The first resource that cannot be built.
    pub fn build_all(&self) -> Result<(), BuildError> {
        let names: Vec<Name> = self.with(|tables| tables.declared.keys().cloned().collect());
        let built = names.into_iter().try_for_each(|(kind, label)| self.build(kind, &label));
        if built.is_err() {
            // What is left would keep its stream's environment alive.
            let left = self.with(|tables| std::mem::take(&mut tables.declared));
            drop(left);
        }
        built
    }

    /// Builds a declared resource unless that was done.
    fn build(&self, kind: ComponentKind, label: &str) -> Result<(), BuildError> {
        let name = (kind, label.to_owned());
        let state = self.with(|tables| {
            let declared = tables.declared.get_mut(&name)?;
            Some(std::mem::replace(&mut declared.state, State::Building))
        });
        let built = match state {
            None => return Ok(()),
            Some(State::Pending(build)) => build(),
            Some(State::Built) => Ok(()),
            Some(State::Building) => {
                let kind = kind.name().replace('_', " ");
                return Err(BuildError::new(format!("{kind} resource '{label}' refers to itself")));
            }
        };
        self.with(|tables| tables.declared.get_mut(&name).map(|it| it.state = State::Built));
        built
    }

    /// # Errors
    /// No such resource, or it cannot be built. The same holds for the functions below.
    pub fn cache(&self, label: &str) -> Result<Arc<dyn Cache>, BuildError> {
        let slot = self.slot(ComponentKind::Cache, label, |tables| &tables.caches)?;
        Ok(if self.are_replaceable { slot } else { slot.get() })
    }

    pub fn rate_limit(&self, label: &str) -> Result<Arc<dyn RateLimit>, BuildError> {
        let slot = self.slot(ComponentKind::RateLimit, label, |tables| &tables.rate_limits)?;
        Ok(if self.are_replaceable { slot } else { slot.get() })
    }

    pub fn processor(&self, label: &str) -> Result<ProcessorResource, BuildError> {
        let slot = self.slot(ComponentKind::Processor, label, |tables| &tables.processors)?;
        let inner = match self.are_replaceable {
            true => Inner::Replaceable(slot),
            false => Inner::Fixed(slot.get()),
        };
        Ok(ProcessorResource(inner))
    }

    pub fn output(&self, label: &str) -> Result<Arc<dyn Sink>, BuildError> {
        let slot = self.slot(ComponentKind::Output, label, |tables| &tables.outputs)?;
        Ok(if self.are_replaceable { slot } else { slot.get() })
    }

    fn slot<T: ?Sized>(
        &self,
        kind: ComponentKind,
        label: &str,
        table: fn(&Tables) -> &Slots<T>,
    ) -> Result<Arc<Slot<T>>, BuildError> {
        self.build(kind, label)?;
        self.with(|tables| table(tables).get(label).cloned()).ok_or_else(|| missing(kind, label))
    }

    /// Takes the input; it is gone for others.
    pub fn take_input(&self, label: &str) -> Result<Box<dyn Source>, BuildError> {
        self.build(ComponentKind::Input, label)?;
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
            _ if tables.declared.contains_key(&(kind, label.to_owned())) => true,
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
            processor.get().close().await;
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
