//! `re_find_all_submatch`: all matches of a regular expression with their groups.

use sluice_value::Value;

use super::{PATTERN, content_of, pattern::Pattern, text};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "re_find_all_submatch",
    &[Category::Regexp],
    "An array with an array for each match of a regular expression in a string: the whole match, \
     then its groups. Groups that took no part are empty.",
    MethodCode::Prepare(re_find_all_submatch),
)
.params(&[PATTERN])
.examples(&[Example::new(
    "root.pairs = this.text.re_find_all_submatch(\"([a-z]+)=([0-9]*)\")",
    &[(r#"{"text":"x=1 y="}"#, r#"{"pairs":[["x=1","x","1"],["y=","y",""]]}"#)],
)]);

fn re_find_all_submatch(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let pattern = Pattern::new(&args.text(0))?;
    Ok(PreparedMethod::new(move |target| {
        let matches = pattern.groups(content_of(target)?);
        let array = |groups: Vec<&[u8]>| Value::Array(groups.into_iter().map(text).collect());
        Ok(Value::Array(matches.map(array).collect()))
    }))
}
