//! References to secrets in place of values: `env://NAME`, `secrets://NAME`.

use serde_json::Value;
use sluice_config::{Position, Problem};
use sluice_model::{SecretStore, Secrets};

/// Stores the reference knows and this program does not.
const UNAVAILABLE: &[&str] = &["vault://", "consul://", "kv://"];

/// What `text` refers to, if it is a reference.
///
/// # Errors
/// The reference leads nowhere; the value it should have is not guessed.
pub(crate) fn resolve(text: &str, secrets: &Secrets) -> Result<Option<String>, String> {
    if let Some(prefix) = UNAVAILABLE.iter().find(|prefix| text.starts_with(**prefix)) {
        return Err(format!("secrets by `{prefix}` are not available here"));
    }
    let (store, name) = match text.split_once("://") {
        Some(("env", name)) => (SecretStore::Environment, name),
        Some(("secrets", name)) => (SecretStore::Configuration, name),
        _ => return Ok(None),
    };
    match secrets.lookup(store, name) {
        Some(secret) => Ok(Some(secret.to_owned())),
        None => Err(format!("`{text}` names no secret")),
    }
}

/// Replaces every text of `document` that is a reference.
pub(crate) fn resolve_all(document: &mut Value, secrets: &Secrets) -> Vec<Problem> {
    let mut problems = Vec::new();
    walk(document, secrets, &mut String::new(), &mut problems);
    problems
}

fn walk(value: &mut Value, secrets: &Secrets, path: &mut String, problems: &mut Vec<Problem>) {
    let length = path.len();
    let mut step = |name: &str, value: &mut Value, path: &mut String| {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        walk(value, secrets, path, problems);
        path.truncate(length);
    };
    match value {
        Value::String(text) => match resolve(text, secrets) {
            Ok(Some(secret)) => *text = secret,
            Ok(None) => {}
            Err(message) => problems.push(Problem {
                at: Position::default(),
                path: path.clone(),
                message,
                hint: None,
            }),
        },
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                step(&index.to_string(), item, path);
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                step(name, member, path);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_replaced_and_dead_ones_named_by_path() {
        let environment = [("TYK_SECRET_DB".to_owned(), "from env".to_owned())];
        let secrets = Secrets::new(environment, HashMap::from([("k".into(), "from conf".into())]));
        let mut document = json!({
            "a": ["env://db", "plain", "http://x"], "b": {"c": "secrets://k", "d": "env://gone"},
            "e": "vault://x"
        });
        let problems: Vec<_> =
            resolve_all(&mut document, &secrets).iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "b.d: `env://gone` names no secret",
                "e: secrets by `vault://` are not available here"
            ]
        );
        assert_eq!(document["a"], json!(["from env", "plain", "http://x"]));
        assert_eq!(document["b"]["c"], "from conf");
    }
}
