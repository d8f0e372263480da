//! Ids of APIs and fingerprints of documents.

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, map::Entry};
use sluice_model::Revision;

use super::{EXTENSION, pointer};

/// The id of an API whose document states none: the same for the same name and listen path, so that it
/// survives restarts and reloads.
pub(crate) fn stable_id(name: &str, listen_path: &str) -> String {
    let text = format!("{name}\0{listen_path}");
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// The id that a Tyk OAS document states.
pub(crate) fn stated_id(document: &Value) -> Option<&str> {
    let id = pointer(document, &[EXTENSION, "info", "id"]).and_then(Value::as_str);
    id.filter(|id| !id.is_empty())
}

/// The id of a Tyk OAS document, stated or derived.
pub(crate) fn id_of(document: &Value) -> String {
    let text = |path: &[&str]| pointer(document, path).and_then(Value::as_str).unwrap_or_default();
    match stated_id(document) {
        Some(id) => id.to_owned(),
        None => stable_id(
            text(&[EXTENSION, "info", "name"]),
            text(&[EXTENSION, "server", "listenPath", "value"]),
        ),
    }
}

/// Sets a member of the extension's `info`.
pub(crate) fn set_info(document: &mut Value, name: &str, value: &str) {
    let info = document
        .as_object_mut()
        .and_then(|root| member(root, EXTENSION))
        .and_then(|extension| member(extension, "info"));
    if let Some(info) = info {
        info.insert(name.to_owned(), value.into());
    }
}

/// The object `name` of `parent`, made if it is missing.
fn member<'a>(
    parent: &'a mut Map<String, Value>,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    match parent.entry(name) {
        Entry::Vacant(vacant) => vacant.insert(Value::Object(Map::new())).as_object_mut(),
        Entry::Occupied(occupied) => occupied.into_mut().as_object_mut(),
    }
}

/// Changes whenever anything in the document or its id does.
pub(crate) fn revision(document: &Value, id: &str) -> Revision {
    let text = format!("{id}\0{document}");
    let mut revision = [0; 32];
    revision.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    Revision(revision)
}
