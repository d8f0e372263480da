//! `exists`: whether a path leads anywhere.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
    path,
};

pub(super) const METHOD: Method = Method::new(
    "exists",
    &[Category::General],
    "Whether a field exists at a dot path below the target, even if it is `null`.",
    MethodCode::Prepare(exists),
)
.params(&[Param::string("path", "The dot path of the field.")])
.examples(&[Example::new(
    "root.known = this.user.exists(\"address.city\")",
    &[
        (r#"{"user":{"address":{"city":null}}}"#, r#"{"known":true}"#),
        (r#"{"user":{}}"#, r#"{"known":false}"#),
    ],
)]);

fn exists(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let keys = path::split(&args.text(0));
    Ok(PreparedMethod::new(move |value| Ok(Value::Bool(path::search(value, &keys).is_some()))))
}
