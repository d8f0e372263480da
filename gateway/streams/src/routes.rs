//! Which paths a stream serves: found in its document, before anything is built.

use sluice_config::{Node, NodeValue};

use crate::mounts::key;

/// Paths and what kind of stream they make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Routes {
    /// Comparable paths (see [`key`]), in document order.
    pub(crate) paths: Vec<String>,
    /// Requests bring messages in.
    pub(crate) has_input: bool,
}

#[derive(Clone, Copy)]
enum Direction {
    Input,
    Output,
}

impl Direction {
    /// The endpoints of an `http_server` and where they are when the document does not say.
    fn endpoints(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Input => &[("path", "/post"), ("ws_path", "/post/ws")],
            Self::Output => {
                &[("path", "/get"), ("stream_path", "/get/stream"), ("ws_path", "/get/ws")]
            }
        }
    }
}

impl Routes {
    /// Looks through the whole stream: brokers, switches, fallbacks and resources included.
    pub(crate) fn of(stream: &Node) -> Self {
        let mut routes = Self::default();
        for (key, direction) in [
            ("input", Direction::Input),
            ("input_resources", Direction::Input),
            ("output", Direction::Output),
            ("output_resources", Direction::Output),
        ] {
            if let Some(node) = stream.get(key) {
                routes.walk(node, direction);
            }
        }
        routes
    }

    fn walk(&mut self, node: &Node, direction: Direction) {
        match &node.value {
            NodeValue::Scalar(_) => {}
            NodeValue::List(items) => items.iter().for_each(|item| self.walk(item, direction)),
            NodeValue::Map(fields) => {
                for (name, field) in fields {
                    match name.name.as_str() {
                        "http_server" => self.server(field, direction),
                        // What a processor holds is no endpoint of this stream.
                        "processors" => {}
                        _ => self.walk(field, direction),
                    }
                }
            }
        }
    }

    fn server(&mut self, server: &Node, direction: Direction) {
        self.has_input |= matches!(direction, Direction::Input);
        for (field, default) in direction.endpoints() {
            let path = server.get(field).and_then(Node::as_text).unwrap_or(default);
            if !path.is_empty() && !self.paths.iter().any(|other| other == key(path)) {
                self.paths.push(key(path).to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_found_wherever_they_are_nested() {
        let stream = "
            input: { broker: { inputs: [ { http_server: { path: /in, ws_path: \"\" } } ] } }
            output: { switch: { cases: [ { output: { fallback: [ { http_server: {} } ] } } ] } }
            pipeline: { processors: [ { branch: { processors: [ { http: {} } ] } } ] }";
        let routes = Routes::of(&sluice_config::parse(stream).unwrap());
        assert_eq!(routes.paths, ["in", "get", "get/stream", "get/ws"]);
        assert!(routes.has_input);
        let background =
            sluice_config::parse("input: { kafka: {} }\noutput: { drop: {} }").unwrap();
        assert_eq!(Routes::of(&background), Routes::default());
    }
}
