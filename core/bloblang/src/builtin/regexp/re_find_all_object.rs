//! `re_find_all_object`: all matches of a regular expression as objects.

use sluice_value::Value;

use super::{PATTERN, content_of, object, pattern::Pattern};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "re_find_all_object",
    &[Category::Regexp],
    "An array with an object for each match of a regular expression in a string: the whole match \
     under the key `0`, and each group under its name or, without one, its number.",
    MethodCode::Prepare(re_find_all_object),
)
.params(&[PATTERN])
.examples(&[Example::new(
    "root.fields = this.text.re_find_all_object(\"(?P<key>[a-z]+)=([0-9]+)\")",
    &[(
        r#"{"text":"x=1 y=20"}"#,
        r#"{"fields":[{"0":"x=1","2":"1","key":"x"},{"0":"y=20","2":"20","key":"y"}]}"#,
    )],
)]);

fn re_find_all_object(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let pattern = Pattern::new(&args.text(0))?;
    let keys = pattern.keys();
    Ok(PreparedMethod::new(move |target| {
        let matches = pattern.groups(content_of(target)?);
        Ok(Value::Array(matches.map(|groups| object(target, &keys, groups)).collect()))
    }))
}
