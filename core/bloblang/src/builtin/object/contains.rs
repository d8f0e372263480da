//! `contains`: whether something is in there.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
    compare,
};

pub(super) const METHOD: Method = Method::new(
    "contains",
    &[Category::ObjectAndArray, Category::String],
    "Whether an array has an element, an object a value, or a text a part that equals the \
     argument. Numbers are equal whether or not they are written with a fraction.",
    MethodCode::Eval(contains),
)
.params(&[Param::any("value", "What to look for.")])
.examples(&[
    Example::new(
        "root.has = this.v.contains(20)",
        &[
            (r#"{"v":[10.3,20.0,"huh",3]}"#, r#"{"has":true}"#),
            (r#"{"v":{"a":20}}"#, r#"{"has":true}"#),
            (r#"{"v":["20"]}"#, r#"{"has":false}"#),
        ],
    ),
    Example::new(
        "root.has = this.v.contains(\"foo\")",
        &[(r#"{"v":"a foo b"}"#, r#"{"has":true}"#), (r#"{"v":"bar"}"#, r#"{"has":false}"#)],
    ),
]);

fn contains<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let wanted = args.value(0);
    Ok(Outcome::from(match &*target {
        Value::String(text) => match wanted {
            Value::String(part) => text.contains(part.as_str()),
            other => text.contains(&other.to_text()),
        },
        Value::RawString(content) | Value::Bytes(content) => {
            let part = match wanted {
                Value::RawString(part) | Value::Bytes(part) => part.to_vec(),
                other => other.to_text().into_bytes(),
            };
            part.is_empty() || content.windows(part.len()).any(|window| window == part)
        }
        Value::Array(items) => items.iter().any(|item| compare::equal(wanted, item)),
        Value::Object(fields) => fields.values().any(|value| compare::equal(wanted, value)),
        other => return Err(Error::expected(&["string", "array", "object"], other)),
    }))
}
