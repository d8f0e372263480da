//! `filepath_join`: parts of a path as one.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode, text_of},
};

pub(super) const METHOD: Method = Method::new(
    "filepath_join",
    &[Category::String],
    "Joins the strings of an array with slashes to one path and simplifies it.",
    MethodCode::Value(filepath_join),
)
.examples(&[Example::new(
    "root.path = this.parts.filepath_join()",
    &[(r#"{"parts":["/foo/","../bar","b.txt"]}"#, r#"{"path":"/bar/b.txt"}"#)],
)]);

fn filepath_join(value: &Value) -> Result<Value, Error> {
    let items = value.as_array().ok_or_else(|| Error::expected(&["array"], value))?;
    let mut parts = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let part = text_of(item).map_err(|error| error.context(format!("path element {at}")))?;
        if !part.is_empty() {
            parts.push(part);
        }
    }
    let joined = parts.join("/");
    Ok(Value::string(if joined.is_empty() { String::new() } else { clean(&joined) }))
}

/// The shortest path that means the same.
fn clean(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    match (is_absolute, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".into(),
        (false, false) => parts.join("/"),
    }
}
