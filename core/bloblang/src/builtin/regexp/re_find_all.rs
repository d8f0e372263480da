//! `re_find_all`: all matches of a regular expression.

use sluice_value::Value;

use super::{PATTERN, content_of, pattern::Pattern, text};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "re_find_all",
    &[Category::Regexp],
    "An array of all matches of a regular expression in a string, from left to right.",
    MethodCode::Prepare(re_find_all),
)
.params(&[PATTERN])
.examples(&[Example::new(
    "root.tags = this.text.re_find_all(\"#[a-z]+\")",
    &[
        (r#"{"text":"a #new day, a #good day"}"#, r##"{"tags":["#new","#good"]}"##),
        (r#"{"text":"just a day"}"#, r#"{"tags":[]}"#),
    ],
)]);

fn re_find_all(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let pattern = Pattern::new(&args.text(0))?;
    Ok(PreparedMethod::new(move |target| {
        Ok(Value::Array(pattern.matches(content_of(target)?).map(text).collect()))
    }))
}
