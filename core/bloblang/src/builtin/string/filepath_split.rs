//! `filepath_split`: directory and name of a path.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode, text_of},
};

pub(super) const METHOD: Method = Method::new(
    "filepath_split",
    &[Category::String],
    "Splits a path behind its last slash and yields both parts as an array.",
    MethodCode::Value(filepath_split),
)
.examples(&[Example::new(
    "root.parts = this.path.filepath_split()",
    &[
        (r#"{"path":"/foo/bar.txt"}"#, r#"{"parts":["/foo/","bar.txt"]}"#),
        (r#"{"path":"baz.txt"}"#, r#"{"parts":["","baz.txt"]}"#),
    ],
)]);

fn filepath_split(value: &Value) -> Result<Value, Error> {
    let path = text_of(value)?;
    let (directory, name) = path.split_at(path.rfind('/').map_or(0, |at| at + 1));
    Ok(Value::from(vec![Value::string(directory), Value::string(name)]))
}
