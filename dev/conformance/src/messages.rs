//! The batch, files and caches that a case describes.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashMap},
    sync::Mutex,
};

use bytes::Bytes;
use sluice_bloblang::{Cache, Failure, FailureSource, Host, Messages, Resources};
use sluice_value::{
    EcoString, Object, Value,
    json::{self, JsonError},
};

/// A message as a case gives it.
#[derive(Clone, Default)]
pub(crate) struct Document {
    pub(crate) bytes: Bytes,
    pub(crate) metadata: Object,
    pub(crate) parsed: OnceCell<Value>,
}

impl Document {
    pub(crate) fn new(bytes: Bytes, metadata: Object) -> Self {
        Self { bytes, metadata, ..Self::default() }
    }

    pub(crate) fn from_value(value: Value, metadata: Object) -> Self {
        match value {
            Value::String(_) | Value::RawString(_) | Value::Bytes(_) => {
                Self::new(value.to_body(), metadata)
            }
            value => {
                Self { bytes: value.to_json().into(), metadata, parsed: OnceCell::from(value) }
            }
        }
    }
}

/// The batch of a case.
pub(crate) struct Batch {
    pub(crate) documents: Vec<Document>,
    pub(crate) failure: Option<InputFailure>,
}

pub(crate) struct InputFailure {
    pub(crate) message: String,
    pub(crate) component: String,
    pub(crate) label: String,
    pub(crate) path: String,
}

impl Messages for Batch {
    fn len(&self) -> usize {
        self.documents.len()
    }

    fn bytes(&self, at: usize) -> Bytes {
        self.documents[at].bytes.clone()
    }

    fn value(&self, at: usize) -> Result<&Value, JsonError> {
        let document = &self.documents[at];
        if let Some(value) = document.parsed.get() {
            return Ok(value);
        }
        let value = json::parse(&document.bytes)?;
        Ok(document.parsed.get_or_init(|| value))
    }

    fn is_parsed(&self, at: usize) -> bool {
        self.documents[at].parsed.get().is_some()
    }

    fn find(&self, at: usize, keys: &[EcoString]) -> Result<Option<Value>, JsonError> {
        json::find(&self.documents[at].bytes, keys)
    }

    fn metadata(&self, at: usize) -> &Object {
        &self.documents[at].metadata
    }

    fn failure(&self, _at: usize) -> Option<Failure<'_>> {
        self.failure.as_ref().map(|failure| Failure {
            message: &failure.message,
            source: (!failure.component.is_empty()).then_some(FailureSource {
                label: &failure.label,
                component: &failure.component,
                path: &failure.path,
            }),
        })
    }
}

/// Files that imports can read.
pub(crate) struct Files(pub(crate) BTreeMap<String, String>);

impl Host for Files {
    fn read_file(&self, path: &str) -> Result<Bytes, String> {
        match self.0.get(path) {
            Some(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
            None => match std::fs::read(path) {
                Ok(content) if path.starts_with('/') => Ok(content.into()),
                _ => Err(format!("open {path}: no such file or directory")),
            },
        }
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn hostname(&self) -> Result<String, String> {
        std::fs::read_to_string("/proc/sys/kernel/hostname")
            .map(|name| name.trim().to_owned())
            .map_err(|error| error.to_string())
    }
}

/// In-memory caches, empty at first.
pub(crate) struct Caches(HashMap<String, MemoryCache>);

#[derive(Default)]
struct MemoryCache(Mutex<HashMap<String, Bytes>>);

impl Caches {
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| (name, MemoryCache::default())).collect())
    }
}

impl Resources for Caches {
    fn cache(&self, name: &str) -> Option<&dyn Cache> {
        self.0.get(name).map(|cache| cache as &dyn Cache)
    }
}

impl MemoryCache {
    fn entries(&self) -> std::sync::MutexGuard<'_, HashMap<String, Bytes>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Cache for MemoryCache {
    fn get(&self, key: &str) -> Result<Option<Bytes>, String> {
        Ok(self.entries().get(key).cloned())
    }

    fn set(&self, key: &str, value: Bytes) -> Result<(), String> {
        self.entries().insert(key.to_owned(), value);
        Ok(())
    }

    fn add(&self, key: &str, value: Bytes) -> Result<bool, String> {
        let mut entries = self.entries();
        if entries.contains_key(key) {
            return Ok(false);
        }
        entries.insert(key.to_owned(), value);
        Ok(true)
    }

    fn delete(&self, key: &str) -> Result<(), String> {
        self.entries().remove(key);
        Ok(())
    }
}
