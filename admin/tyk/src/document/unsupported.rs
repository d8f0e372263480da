//! Members that this program knows but can't act on.
//!
//! Those that keep someone out make a document unusable: served without them, it would be open to
//! everybody. The others are named in the log, once for each version of a document.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;
use sluice_model::Revision;
use tracing::warn;

use super::fields::{Field, Misfits};

/// Versions of documents remembered as told; beyond, they are told again.
const REMEMBERED: usize = 10_000;

/// Members with an `enabled` flag that guard something.
const GUARDS: &[&[&str]] = &[
    &["info", "versioning"],
    &["server", "authentication"],
    &["server", "clientCertificates"],
    &["server", "ipAccessControl"],
    &["upstream", "authentication"],
    &["upstream", "certificatePinning"],
    &["upstream", "loadBalancing"],
    &["upstream", "mutualTLS"],
    &["upstream", "rateLimit"],
    &["upstream", "serviceDiscovery"],
];

/// The same inside each of `middleware.operations`.
const OPERATION_GUARDS: &[&str] =
    &["allow", "block", "internal", "rateLimit", "requestSizeLimit", "validateRequest"];

/// Members whose absence leaves an API usable.
const EXTRAS: &[&[&str]] = &[
    &["server", "batchProcessing"],
    &["server", "detailedActivityLogs"],
    &["server", "detailedTracing"],
    &["upstream", "uptimeTests"],
    &["middleware", "global", "cache"],
    &["middleware", "global", "cors"],
    &["middleware", "global", "transformRequestHeaders"],
    &["middleware", "global", "transformResponseHeaders"],
];

/// Lists of plug-ins: any enabled entry counts.
const PLUGINS: &[&str] =
    &["prePlugins", "postAuthenticationPlugins", "postPlugins", "responsePlugins"];

/// Judges documents, and remembers which were spoken about.
#[derive(Default)]
pub(crate) struct Unsupported {
    told: Mutex<HashSet<Revision>>,
}

impl Unsupported {
    /// Names what is left out, unless this version of the document was spoken about.
    pub(crate) fn note_oas(&self, name: &str, revision: Revision, extension: &Field<'_>) {
        let mut ignored = Misfits::default();
        let mut found: Vec<String> = EXTRAS
            .iter()
            .map(|path| descend(extension, path))
            .filter(|field| field.enabled(&mut Misfits::default()))
            .map(|field| field.path().to_owned())
            .collect();
        let global = extension.get("middleware").get("global");
        for plugins in PLUGINS.iter().map(|name| global.get(name)) {
            let entries = plugins.value().and_then(Value::as_array).into_iter().flatten();
            if entries.into_iter().any(|entry| entry["enabled"] == true) {
                found.push(plugins.path().to_owned());
            }
        }
        let operations = extension.get("middleware").get("operations");
        for name in operations.members(&mut ignored).into_iter().flatten().map(|(name, _)| name) {
            let operation = operations.get(name);
            let members = operation.members(&mut ignored).into_iter().flatten();
            for (member, _) in members.filter(|(_, value)| value["enabled"] == true) {
                found.push(operation.get(member).path().to_owned());
            }
        }
        if !found.is_empty() && self.is_new(revision) {
            warn!(api = %name, members = %found.join(", "), "understood, but without effect here");
        }
    }

    /// The same for a definition of another form, whose members are named by the caller.
    pub(crate) fn note(&self, name: &str, revision: Revision, found: &[&str]) {
        if !found.is_empty() && self.is_new(revision) {
            warn!(api = %name, members = %found.join(", "), "understood, but without effect here");
        }
    }

    fn is_new(&self, revision: Revision) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= REMEMBERED {
            told.clear();
        }
        told.insert(revision)
    }
}

/// Reports what can't be done without.
pub(crate) fn check_guards(extension: &Field<'_>, misfits: &mut Misfits) {
    for path in GUARDS {
        let guard = descend(extension, path);
        if guard.enabled(misfits) {
            misfits.add(&guard, "is not supported, and the API must not be served without it");
        }
    }
    let operations = extension.get("middleware").get("operations");
    for name in operations.members(misfits).into_iter().flatten().map(|(name, _)| name) {
        for guard in OPERATION_GUARDS {
            let guard = operations.get(name).get(guard);
            if guard.enabled(misfits) {
                misfits.add(&guard, "is not supported, and the API must not be served without it");
            }
        }
    }
    let proxy = extension.get("upstream").get("proxy");
    if proxy.enabled(misfits) && proxy.get("url").text(misfits).is_some_and(|url| !url.is_empty()) {
        misfits.add(&proxy, "forward proxies are not supported");
    }
    let port = extension.get("server").get("port");
    if port.integer(misfits).is_some_and(|port| port != 0) {
        misfits.add(&port, "listeners of single APIs are not supported");
    }
}

fn descend<'a>(field: &Field<'a>, path: &[&str]) -> Field<'a> {
    path.iter().fold(field.clone(), |field, name| field.get(name))
}
