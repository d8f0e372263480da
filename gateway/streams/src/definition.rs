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
/// Returns the blocks that ask for metrics and traces, if there are any.
pub(crate) fn adapt(stream: &mut Node, name: &str) -> Option<Node> {
    for key in ["http", "logger"] {
        stream.remove(key);
    }
    let mut blocks = Node::empty_map();
    for key in ["metrics", "tracer"] {
        let block = stream.remove(key);
        if let Some(block) = block.filter(|it| !it.is_null() && it.get("none").is_none()) {
            blocks.insert(key, block);
        }
    }
    without_listeners(stream, name);
    Some(blocks).filter(|blocks| blocks.as_map().is_some_and(|blocks| !blocks.is_empty()))
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
    fn check(document: serde_json::Value, stream: &str, blocks: Option<&str>) {
        let mut node = node_of(&document, &|_| None);
        let found = adapt(&mut node, "s").map(|blocks| blocks.to_value().to_string());
        assert_eq!(node.to_value().to_string(), stream);
        assert_eq!(found.as_deref(), blocks);
    }

    #[test]
    fn what_has_no_meaning_inside_an_api_is_taken_away() {
        let document = serde_json::json!({
            "http": { "enabled": true }, "logger": {}, "metrics": { "none": {}, "mapping": "" },
            "tracer": { "none": {} }, "output": { "drop": {} },
        });
        check(document, r#"{"output":{"drop":{}}}"#, None);
    }

    #[test]
    fn exporters_are_put_aside() {
        let document = serde_json::json!({
            "metrics": { "statsd": { "address": "x" } }, "tracer": null, "output": { "drop": {} },
        });
        let blocks = r#"{"metrics":{"statsd":{"address":"x"}}}"#;
        check(document, r#"{"output":{"drop":{}}}"#, Some(blocks));
    }
}
