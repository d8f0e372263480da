//! `collapse`: nested values as one flat object.

use std::borrow::Cow;

use sluice_value::{Object, Value, path::join};

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Default, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method = Method::new(
    "collapse",
    &[Category::ObjectAndArray],
    "One flat object whose keys are the dot paths of all values inside the target. Empty arrays \
     and objects are left out unless asked for.",
    MethodCode::Eval(collapse),
)
.params(&[Param::bool("include_empty", "Whether empty arrays and objects count as values.")
    .or(Default::Bool(false))])
.examples(&[
    Example::new(
        "root = this.collapse()",
        &[(r#"{"a":[{"b":1},{"b":{}},{"b":2}]}"#, r#"{"a.0.b":1,"a.2.b":2}"#)],
    ),
    Example::new(
        "root = this.collapse(include_empty: true)",
        &[(r#"{"a":[{"b":1},{"b":{}}]}"#, r#"{"a.0.b":1,"a.1.b":{}}"#)],
    ),
]);

fn collapse<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let mut flat = Object::new();
    match &*target {
        Value::Object(_) | Value::Array(_) => walk("", &target, args.bool(0), &mut flat),
        _ => return Err(Error::new("not an object or array")),
    }
    Ok(Outcome::from(flat))
}

fn walk(path: &str, value: &Value, include_empty: bool, flat: &mut Object) {
    let below = |key: &str| {
        let key = join([key]);
        if path.is_empty() { key } else { format!("{path}.{key}") }
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields.iter() {
                walk(&below(key), value, include_empty, flat);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, value) in items.iter().enumerate() {
                walk(&below(&at.to_string()), value, include_empty, flat);
            }
        }
        Value::Object(_) | Value::Array(_) if !include_empty || path.is_empty() => {}
        value => drop(flat.insert(path, value.clone())),
    }
}
