//! What a management API demands of a document before it stores it.
//!
//! Files are read with more patience: what they leave out has a default.

use serde_json::Value;
use sluice_config::{Problem, Problems};

use super::{EXTENSION, problem};

/// Members that must be there, by the object that must hold them.
const REQUIRED: &[(&[&str], &[&str])] = &[
    (&[], &["openapi", "info", "paths"]),
    (&["info"], &["title", "version"]),
    (&[EXTENSION], &["info", "server", "upstream"]),
    (&[EXTENSION, "info"], &["name", "state"]),
    (&[EXTENSION, "info", "state"], &["active"]),
    (&[EXTENSION, "server"], &["listenPath"]),
    (&[EXTENSION, "server", "listenPath"], &["value"]),
];

/// The members that `document` lacks; `upstream` says whether it must name one, be it empty.
pub(crate) fn missing(document: &Value, upstream: bool) -> Problems {
    let mut problems: Vec<Problem> = Vec::new();
    for (path, names) in REQUIRED {
        let Some(holder) = super::pointer(document, path).and_then(Value::as_object) else {
            continue;
        };
        let lacks = |name: &&&str| holder.get(**name).is_none_or(Value::is_null);
        let path = if path.is_empty() { "(root)".to_owned() } else { path.join(".") };
        problems.extend(
            names.iter().filter(lacks).map(|name| problem(&*path, format!("{name} is required"))),
        );
    }
    let target = super::pointer(document, &[EXTENSION, "upstream"]);
    if upstream
        && let Some(target) = target.and_then(Value::as_object)
        && !["url", "loadBalancing"].iter().any(|name| target.contains_key(*name))
    {
        let path = format!("{EXTENSION}.upstream");
        problems.push(problem(&*path, "Must validate at least one schema (anyOf)"));
        problems.push(problem(path, "url is required"));
    }
    Problems(problems)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn missing_members_are_named_by_their_holder() {
        let document = json!({
            "openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {},
            (EXTENSION): {"info": {"name": "n", "state": {}}, "server": {}, "upstream": {}}
        });
        assert_eq!(
            missing(&document, true).to_string(),
            "x-tyk-api-gateway.info.state: active is required\n\
             x-tyk-api-gateway.server: listenPath is required\n\
             x-tyk-api-gateway.upstream: Must validate at least one schema (anyOf)\n\
             x-tyk-api-gateway.upstream: url is required"
        );
    }
}
