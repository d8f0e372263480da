//! What became of a workflow's branches, as messages carry it.

use std::collections::{BTreeMap, BTreeSet};

use sluice_value::{EcoString, Object, Value};

/// What became of the branches for one message.
#[derive(Default)]
pub(super) struct Record {
    succeeded: BTreeSet<String>,
    skipped: BTreeSet<String>,
    failed: BTreeMap<String, String>,
}

impl Record {
    pub(super) fn succeeded(&mut self, name: &str) {
        self.succeeded.insert(name.into());
    }

    pub(super) fn skipped(&mut self, name: &str) {
        self.skipped.insert(name.into());
    }

    pub(super) fn failed(&mut self, name: &str, error: String) {
        self.failed.insert(name.into(), error);
    }

    /// The failed branches, if there are any.
    pub(super) fn failed_names(&self) -> Option<String> {
        let names: Vec<&str> = self.failed.keys().map(String::as_str).collect();
        (!names.is_empty()).then(|| names.join(" "))
    }

    fn into_object(self) -> Object {
        let mut object = Object::new();
        let names = |names: BTreeSet<String>| -> Value {
            names.into_iter().map(Value::from).collect::<Vec<_>>().into()
        };
        if !self.succeeded.is_empty() {
            object.insert("succeeded", names(self.succeeded));
        }
        if !self.skipped.is_empty() {
            object.insert("skipped", names(self.skipped));
        }
        if !self.failed.is_empty() {
            let failed = self.failed.into_iter();
            let failed = failed.map(|(name, error)| (EcoString::from(name), Value::from(error)));
            object.insert("failed", Value::Object(failed.collect()));
        }
        object
    }
}

/// Writes a record into a document; an earlier one becomes its `previous`.
///
/// # Errors
/// There is no room at the path.
pub(super) fn write(
    record: Record,
    document: &mut Value,
    path: &[EcoString],
) -> Result<(), String> {
    let mut object = record.into_object();
    if let Some(previous) = document.search(path) {
        object.insert("previous", previous);
    }
    document
        .set(path, Value::Object(object))
        .map_err(|key| format!("a workflow record cannot be written: path stops at {key}"))
}

/// Branches that an earlier record says are done, or not asked for.
pub(super) fn unneeded<'a>(
    document: &Value,
    path: &[EcoString],
    branches: impl Iterator<Item = &'a str>,
) -> BTreeSet<String> {
    let Some(record) = document.search(path) else { return BTreeSet::new() };
    let list = |key: &str| -> Vec<EcoString> {
        let Some(Value::Array(names)) = record.as_object().and_then(|record| record.get(key))
        else {
            return Vec::new();
        };
        names.iter().filter_map(|name| name.as_str().map(EcoString::from)).collect()
    };
    let (apply, succeeded, skipped) = (list("apply"), list("succeeded"), list("skipped"));
    branches
        .filter(|name| {
            let named = |names: &[EcoString]| names.iter().any(|known| known == *name);
            (!apply.is_empty() && !named(&apply)) || named(&succeeded) || named(&skipped)
        })
        .map(str::to_owned)
        .collect()
}
