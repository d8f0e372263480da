//! `re_match`: whether a regular expression matches somewhere.

use sluice_value::Value;

use super::{PATTERN, content_of, pattern::Pattern};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "re_match",
    &[Category::Regexp],
    "Whether a regular expression matches any part of a string.",
    MethodCode::Prepare(re_match),
)
.params(&[PATTERN])
.examples(&[Example::new(
    "root.has_code = this.text.re_match(\"[A-Z]{2}-[0-9]+\")",
    &[
        (r#"{"text":"order AB-17 is late"}"#, r#"{"has_code":true}"#),
        (r#"{"text":"some order is late"}"#, r#"{"has_code":false}"#),
    ],
)]);

fn re_match(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let pattern = Pattern::new(&args.text(0))?;
    Ok(PreparedMethod::new(move |target| Ok(Value::Bool(pattern.is_match(content_of(target)?)))))
}
