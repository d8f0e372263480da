//! All definitions at one moment.

use std::sync::Arc;

use sluice_model::Api;

use crate::{Definition, Origin};

/// What is defined: files and stored records, each as it was last good.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    definitions: Vec<Arc<Definition>>,
}

impl Catalogue {
    pub(crate) fn new(definitions: Vec<Arc<Definition>>) -> Self {
        Self { definitions }
    }

    pub fn definitions(&self) -> &[Arc<Definition>] {
        &self.definitions
    }

    /// The definition with this API id, or this id of its record.
    pub fn get(&self, id: &str) -> Option<&Arc<Definition>> {
        let by_id = self.definitions.iter().find(|definition| &*definition.id == id);
        by_id.or_else(|| self.definitions.iter().find(|definition| &*definition.storage_id == id))
    }

    /// The definition that listens where `api` wants to, other than its own.
    pub(crate) fn at_address(&self, api: &Api) -> Option<&Arc<Definition>> {
        let address = api.address();
        self.definitions.iter().find(|other| other.id != api.id && other.api.address() == address)
    }

    pub(crate) fn of_file(&self, path: &str) -> Option<&Arc<Definition>> {
        self.definitions
            .iter()
            .find(|definition| matches!(&definition.origin, Origin::File(own) if **own == *path))
    }

    /// Puts `definition` in the place of the one with its id, or at the end.
    pub(crate) fn with(&self, definition: Arc<Definition>) -> Self {
        let mut definitions = self.definitions.clone();
        match definitions.iter_mut().find(|known| known.id == definition.id) {
            Some(known) => *known = definition,
            None => definitions.push(definition),
        }
        Self { definitions }
    }

    pub(crate) fn without(&self, id: &str) -> Self {
        let keep = |definition: &&Arc<Definition>| &*definition.id != id;
        Self { definitions: self.definitions.iter().filter(keep).cloned().collect() }
    }
}
