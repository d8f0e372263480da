//! Defaults and field groups that several components share.

use sluice_config::{Node, config};

pub(crate) const EMPTY: [&str; 0] = [];

/// Methods that cross-origin requests may use unless told otherwise.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// A map of texts as a default.
pub(crate) fn map<const N: usize>(entries: [(&str, &str); N]) -> Node {
    let mut node = Node::empty_map();
    for (key, value) in entries {
        node.insert(key, Node::from(value));
    }
    node
}

config! {
    /// Cross-origin resource sharing.
    pub struct CorsConfig {
        /// Whether cross-origin requests are answered.
        enabled: bool = false => advanced,
        /// Origins that may send requests; `*` for all.
        allowed_origins: Vec<String> = EMPTY => advanced,
        /// Headers that requests may carry beyond the simple ones; `*` for all.
        allowed_headers: Vec<String> = EMPTY => advanced,
        /// Methods that requests may use.
        allowed_methods: Vec<String> = METHODS => advanced,
    }
}
