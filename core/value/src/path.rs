//! Dot paths: `a.b.0.c`, where `~1` spells a dot and `~0` a tilde inside a key.

use ecow::{EcoString, EcoVec};

use crate::{Object, Value};

/// Splits a dot path into its keys. The empty path has no keys.
pub fn split(path: &str) -> Vec<EcoString> {
    if path.is_empty() {
        return Vec::new();
    }
    path.split('.').map(unescape).collect()
}

fn unescape(key: &str) -> EcoString {
    if key.contains('~') { key.replace("~1", ".").replace("~0", "~").into() } else { key.into() }
}

/// Joins keys to a dot path that [`split`] takes apart again.
pub fn join<'a>(keys: impl IntoIterator<Item = &'a str>) -> String {
    let escaped: Vec<String> =
        keys.into_iter().map(|key| key.replace('~', "~0").replace('.', "~1")).collect();
    escaped.join(".")
}

impl Value {
    /// What stands at `keys`: object fields by name, array items by index, and `*` for every item
    /// of an array (items without the rest of the path are left out).
    pub fn search(&self, keys: &[impl AsRef<str>]) -> Option<Value> {
        let Some((key, rest)) = keys.split_first() else { return Some(self.clone()) };
        match self {
            Self::Object(fields) => fields.get(key.as_ref())?.search(rest),
            Self::Array(items) if key.as_ref() == "*" => {
                let found: EcoVec<Value> =
                    items.iter().filter_map(|item| item.search(rest)).collect();
                (!found.is_empty() || items.is_empty()).then_some(Self::Array(found))
            }
            Self::Array(items) => items.get(key.as_ref().parse::<usize>().ok()?)?.search(rest),
            _ => None,
        }
    }

    /// Sets what stands at `keys`, making objects on the way. An array takes an index below its
    /// length, or `-` to append.
    ///
    /// # Errors
    /// The key at which the path cannot go on: through a scalar, or to a missing array item.
    pub fn set(&mut self, keys: &[impl AsRef<str>], value: Value) -> Result<(), EcoString> {
        let Some((key, rest)) = keys.split_first() else {
            *self = value;
            return Ok(());
        };
        let key = key.as_ref();
        if self.is_null() {
            *self = Self::Object(Object::new());
        }
        match self {
            Self::Object(fields) => fields.entry(key).set(rest, value),
            Self::Array(items) if key == "-" => {
                let mut item = Value::Null;
                item.set(rest, value)?;
                items.push(item);
                Ok(())
            }
            Self::Array(items) => {
                let at = key.parse::<usize>().ok().filter(|at| *at < items.len());
                let Some(at) = at else { return Err(key.into()) };
                items.make_mut()[at].set(rest, value)
            }
            _ => Err(key.into()),
        }
    }

    /// Removes what stands at `keys`; false when nothing did.
    pub fn remove(&mut self, keys: &[impl AsRef<str>]) -> bool {
        match (keys, self) {
            ([key], Self::Object(fields)) => fields.remove(key.as_ref()).is_some(),
            ([key], Self::Array(items)) => {
                let at = key.as_ref().parse::<usize>().ok().filter(|at| *at < items.len());
                at.map(|at| items.remove(at)).is_some()
            }
            ([key, rest @ ..], Self::Object(fields)) if fields.contains_key(key.as_ref()) => {
                fields.get_mut(key.as_ref()).is_some_and(|next| next.remove(rest))
            }
            ([key, rest @ ..], Self::Array(items)) => {
                let at = key.as_ref().parse::<usize>().ok().filter(|at| *at < items.len());
                at.is_some_and(|at| items.make_mut()[at].remove(rest))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[track_caller]
    fn check(document: &str, path: &str, expected: Option<&str>) {
        let found = json::parse(document.as_bytes()).unwrap().search(&split(path));
        assert_eq!(found.map(|value| value.to_string()).as_deref(), expected);
    }

    #[test]
    fn paths_reach_fields_items_and_all_items() {
        let document = r#"{"a":{"b.c":[{"d":1},{"d":2},{}]}}"#;
        check(document, "a.b~1c.1.d", Some("2"));
        check(document, "a.b~1c.*.d", Some("[1,2]"));
        check(document, "a.b~1c.7", None);
        check(document, "a.x", None);
        check(document, "", Some(r#"{"a":{"b.c":[{"d":1},{"d":2},{}]}}"#));
    }

    #[test]
    fn setting_makes_objects_and_refuses_to_go_through_scalars() {
        let mut it = json::parse(br#"{"s":"x","l":[1]}"#).unwrap();
        it.set(&["a", "b"], Value::Int(1)).unwrap();
        it.set(&["l", "-"], Value::Int(2)).unwrap();
        it.set(&["l", "0"], Value::Int(7)).unwrap();
        assert_eq!(it.set(&["s", "t"], Value::Null), Err("t".into()));
        assert_eq!(it.set(&["l", "5"], Value::Null), Err("5".into()));
        assert_eq!(it.to_string(), r#"{"a":{"b":1},"l":[7,2],"s":"x"}"#);
        assert!(it.remove(&["a", "b"]) && !it.remove(&["a", "b"]));
    }

    #[test]
    fn joining_and_splitting_agree() {
        let keys = ["a.b", "~1", "c"];
        assert_eq!(split(&join(keys)), keys);
    }
}
