//! `re_find_object`: the first match of a regular expression as an object.

use sluice_value::{Object, Value};

use super::{PATTERN, content_of, object, pattern::Pattern};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "re_find_object",
    &[Category::Regexp],
    "An object of the first match of a regular expression in a string: the whole match under the \
     key `0`, and each group under its name or, without one, its number. Empty where nothing \
     matches.",
    MethodCode::Prepare(re_find_object),
)
.params(&[PATTERN])
.examples(&[Example::new(
    "root = this.line.re_find_object(\"(?P<level>[A-Z]+): (?P<text>.*)\")",
    &[
        (
            r#"{"line":"09:30 WARN: low on paper"}"#,
            r#"{"0":"WARN: low on paper","level":"WARN","text":"low on paper"}"#,
        ),
        (r#"{"line":"nothing"}"#, "{}"),
    ],
)]);

fn re_find_object(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let pattern = Pattern::new(&args.text(0))?;
    let keys = pattern.keys();
    Ok(PreparedMethod::new(move |target| {
        let first = pattern.groups(content_of(target)?).next();
        Ok(first.map_or_else(|| Value::from(Object::new()), |groups| object(target, &keys, groups)))
    }))
}
