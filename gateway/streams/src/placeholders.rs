//! Placeholders in documents, and the values that stand for them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use sluice_config::{Node, NodeValue, Parameters, Scalar};

/// What a placeholder may start with, without its dollar sign.
pub(crate) const PREFIXES: [&str; 7] = [
    "tyk_context.",
    "tyk_meta.",
    "secret_env.",
    "secret_conf.",
    "secret_vault.",
    "secret_consul.",
    "secret_file.",
];

/// A placeholder in a text: its name (such as `tyk_context.user`) and where it stands.
struct Token<'a> {
    name: &'a str,
    start: usize,
    end: usize,
}

/// The next placeholder at or after `from`. A name is the longest run of its characters, a dot at
/// the end of a sentence included.
fn next_token(text: &str, from: usize) -> Option<Token<'_>> {
    let mut at = from;
    while let Some(found) = text[at..].find('$') {
        let start = at + found;
        let inside = &text[start + 1..];
        if let Some(prefix) = PREFIXES.iter().find(|prefix| inside.starts_with(**prefix)) {
            let rest = &inside[prefix.len()..];
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
            let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            if length > 0 {
                let end = start + 1 + prefix.len() + length;
                return Some(Token { name: &text[start + 1..end], start, end });
            }
        }
        at = start + 1;
    }
    None
}

/// The names of all placeholders in a text.
pub(crate) fn names_in(text: &str, names: &mut BTreeSet<String>) {
    let mut at = 0;
    while let Some(token) = next_token(text, at) {
        names.insert(token.name.to_owned());
        at = token.end;
    }
}

/// The names of all placeholders below a node, in keys and scalars.
pub(crate) fn names_below(node: &Node, names: &mut BTreeSet<String>) {
    match &node.value {
        NodeValue::Scalar(scalar) => names_in(&scalar.text, names),
        NodeValue::List(items) => items.iter().for_each(|item| names_below(item, names)),
        NodeValue::Map(fields) => {
            for (key, field) in fields {
                names_in(&key.name, names);
                names_below(field, names);
            }
        }
    }
}

/// Puts values in the place of the placeholders in all scalars below a node.
pub(crate) fn fill_below(node: &mut Node, values: &Values) {
    match &mut node.value {
        NodeValue::Scalar(scalar) => {
            if let Cow::Owned(text) = values.substitute(&scalar.text) {
                *scalar = Scalar::string(text);
            }
        }
        NodeValue::List(items) => items.iter_mut().for_each(|item| fill_below(item, values)),
        NodeValue::Map(fields) => {
            fields.iter_mut().for_each(|(_, field)| fill_below(field, values));
        }
    }
}

/// The document paths of scalars in which one of `names` stands.
pub(crate) fn filled_below(
    node: &Node,
    names: &BTreeSet<String>,
    path: &mut String,
    filled: &mut BTreeSet<String>,
) {
    let mut step = |key: &str, below: &Node| {
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(key);
        filled_below(below, names, path, filled);
        path.truncate(length);
    };
    match &node.value {
        NodeValue::List(items) => {
            items.iter().enumerate().for_each(|(at, item)| step(&at.to_string(), item));
        }
        NodeValue::Map(fields) => fields.iter().for_each(|(key, field)| step(&key.name, field)),
        NodeValue::Scalar(scalar) => {
            let mut found = BTreeSet::new();
            names_in(&scalar.text, &mut found);
            if !found.is_disjoint(names) {
                filled.insert(path.clone());
            }
        }
    }
}

/// The values of a template's placeholders for one instance. What has no value reads as empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Values(BTreeMap<String, String>);

impl Values {
    pub(crate) fn insert(&mut self, name: String, value: String) {
        self.0.insert(name, value);
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.clone());
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn value(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl Parameters for Values {
    fn substitute<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(mut token) = next_token(text, 0) else { return Cow::Borrowed(text) };
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        loop {
            out.push_str(&text[done..token.start]);
            out.push_str(self.value(token.name));
            done = token.end;
            match next_token(text, done) {
                Some(next) => token = next,
                None => break,
            }
        }
        out.push_str(&text[done..]);
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut values = Values::default();
        values.insert("tyk_context.path".into(), "P".into());
        values.insert("tyk_context.path_parts".into(), "PP".into());
        values.insert("tyk_context.q".into(), "$tyk_context.path ${HOME}\n\"".into());
        assert_eq!(values.substitute(text), expected);
    }

    #[test]
    fn whole_names_are_replaced_and_values_are_not_looked_at_again() {
        check("a $tyk_context.path/$tyk_context.path_parts $x $", "a P/PP $x $");
        check("<$tyk_context.q>", "<$tyk_context.path ${HOME}\n\">");
        check("$tyk_context.missing|$tyk_context.", "|$tyk_context.");
        check("plain", "plain");
    }

    #[test]
    fn fields_that_a_request_fills_are_known_by_their_path() {
        let text = "input: { broker: { inputs: [ { kafka: { consumer_group: g-$tyk_context.u, \
                    topics: [$secret_env.t] } } ] } }";
        let node = sluice_config::parse(text).unwrap();
        let names = BTreeSet::from(["tyk_context.u".to_owned()]);
        let mut filled = BTreeSet::new();
        filled_below(&node, &names, &mut String::new(), &mut filled);
        let expected = "input.broker.inputs.0.kafka.consumer_group".to_owned();
        assert_eq!(filled.into_iter().collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn names_are_found_in_keys_and_scalars() {
        let node = sluice_config::parse("$tyk_meta.a: [x, \"-$tyk_context.b-c\"]").unwrap();
        let mut names = BTreeSet::new();
        names_below(&node, &mut names);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["tyk_context.b-c", "tyk_meta.a"]);
    }
}
