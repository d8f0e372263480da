//! From the JSON of a document to a stream's nodes.

use serde_json::Value as Json;
use sluice_config::{Key, Node, NodeValue, Position, Scalar, ScalarKind, env};
use tracing::warn;

/// A JSON value as a node, `${NAME}` in its texts replaced through `lookup`.
pub(crate) fn node_of(json: &Json, lookup: &dyn Fn(&str) -> Option<String>) -> Node {
    let value = match json {
        Json::Null => NodeValue::Scalar(Scalar::null()),
        Json::Bool(b) => NodeValue::Scalar(Scalar::plain(b.to_string())),
        Json::Number(n) => NodeValue::Scalar(Scalar::plain(n.to_string())),
        Json::String(text) => NodeValue::Scalar(scalar_of(text, lookup)),
        Json::Array(items) => {
            NodeValue::List(items.iter().map(|item| node_of(item, lookup)).collect())
        }
        Json::Object(fields) => NodeValue::Map(
            fields
                .iter()
                .map(|(name, field)| {
                    let name = env::replace(name, lookup).text;
                    (Key { at: Position::default(), name }, node_of(field, lookup))
                })
                .collect(),
        ),
    };
    Node::new(Position::default(), value)
}

/// A text that a variable changed has the kind of what it became, as if written so.
fn scalar_of(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Scalar {
    if !text.contains("${") {
        return Scalar::string(text);
    }
    let replaced = env::replace(text, lookup);
    if !replaced.missing.is_empty() {
        warn!(variables = ?replaced.missing, "a stream names environment variables that are not set");
    }
    let plain = Scalar::plain(&replaced.text);
    match plain.kind {
        ScalarKind::Int | ScalarKind::Float | ScalarKind::Bool => plain,
        _ => Scalar::string(replaced.text),
    }
}

/// Takes away what has no meaning inside an API and says so: listeners and loggers of their own.
///
/// # Errors
/// An exporter of its own: the gateway would not run it.
pub(crate) fn adapt(stream: &mut Node, name: &str) -> Result<(), String> {
    for key in ["http", "logger"] {
        stream.remove(key);
    }
    for key in ["metrics", "tracer"] {
        let Some(block) = stream.remove(key) else { continue };
        let fields = block.as_map().unwrap_or_default();
        let exporter = fields.iter().map(|(key, _)| &*key.name).find(|name| *name != "mapping");
        if let Some(exporter) = exporter.filter(|name| *name != "none") {
            return Err(format!("{key} {exporter} is not supported inside an API"));
        }
    }
    without_listeners(stream, name);
    Ok(())
}

fn without_listeners(node: &mut Node, name: &str) {
    match &mut node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::List(items) => items.iter_mut().for_each(|item| without_listeners(item, name)),
        NodeValue::Map(fields) => {
            for (key, field) in fields {
                if key.name == "http_server" {
                    for own in ["address", "cert_file", "key_file"] {
                        let set = field.remove(own).is_some_and(|node| node.as_text() != Some(""));
                        if set {
                            warn!(
                                stream = name,
                                field = own,
                                "ignored: the gateway listens for its streams"
                            );
                        }
                    }
                }
                without_listeners(field, name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(document: serde_json::Value, expected: Result<&str, &str>) {
        let mut node = node_of(&document, &|_| None);
        let adapted = adapt(&mut node, "s").map(|()| node.to_value().to_string());
        assert_eq!(adapted.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn what_has_no_meaning_inside_an_api_is_taken_away() {
        let document = serde_json::json!({
            "http": { "enabled": true }, "logger": {}, "metrics": { "none": {}, "mapping": "" },
            "tracer": { "none": {} }, "output": { "drop": {} },
        });
        check(document, Ok(r#"{"output":{"drop":{}}}"#));
    }

    #[test]
    fn exporters_of_their_own_are_refused_by_name() {
        let metrics = serde_json::json!({ "metrics": { "statsd": { "address": "x" } } });
        check(metrics, Err("metrics statsd is not supported inside an API"));
        let tracer = serde_json::json!({ "tracer": { "jaeger": {} } });
        check(tracer, Err("tracer jaeger is not supported inside an API"));
    }
}
