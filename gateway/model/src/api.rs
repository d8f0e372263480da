//! One API as the data plane sees it.

use std::{fmt, sync::Arc};

use serde_json::Value;

use crate::{Expiration, ListenPath, Upstream};

/// A fingerprint of the document an API was translated from.
///
/// Two APIs with equal revisions are interchangeable, so a reload leaves the running one alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revision(pub [u8; 32]);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Revision({self})")
    }
}

/// Whether and how an API may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Kept for the record: an inactive API is served all the same, as operators of the reference
    /// know it (only a central dashboard acts on the flag there).
    pub active: bool,
    /// Reachable only from other APIs, never from a listener.
    pub internal: bool,
}

impl Default for State {
    fn default() -> Self {
        Self { active: true, internal: false }
    }
}

/// One API: where it listens, what guards it and who answers.
#[derive(Clone, Debug)]
pub struct Api {
    pub id: Arc<str>,
    pub name: Arc<str>,
    /// Scope of keys and policies; empty for the default organisation.
    pub organisation: Arc<str>,
    /// Fingerprint of the document this was translated from.
    pub revision: Revision,
    /// Where that document came from, for people: a file, or the store.
    pub origin: Arc<str>,
    /// Lower-case host name the API is limited to; `None` answers on every host.
    pub domain: Option<Arc<str>>,
    pub listen_path: ListenPath,
    pub state: State,
    pub expiration: Option<Expiration>,
    pub upstream: Upstream,
    /// Whether `$tyk_context.*` names have values in this API; all are empty otherwise.
    pub context_variables: bool,
    /// Largest request body of this API in bytes; also demands a `Content-Length`.
    pub request_size_limit: Option<u64>,
    /// The part of the document that an extension of the data plane serves (streams), untouched.
    pub extension: Option<Arc<Value>>,
}

impl Api {
    /// Where the API listens, for messages: domain (if limited to one) and path.
    pub fn address(&self) -> String {
        match &self.domain {
            Some(domain) => format!("{domain}{}", self.listen_path.value()),
            None => self.listen_path.value().to_owned(),
        }
    }
}
