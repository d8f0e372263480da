//! `re_replace_all`: other text in place of matches.

use sluice_value::Value;

use super::{
    PATTERN, content_of,
    pattern::{Pattern, Replacement},
};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
};

pub(super) const PARAMS: &[Param] = &[
    PATTERN,
    Param::string("value", "What to put there; `$1` or `${name}` stand for groups, `$$` for `$`."),
];

pub(super) const METHOD: Method = Method::new(
    "re_replace_all",
    &[Category::Regexp],
    "Replaces all matches of a regular expression in a string. In the replacement `$1`, `$name` \
     and `${name}` stand for the text of groups; a name reaches as far as it can, so that `$1x` \
     means the group `1x`.",
    MethodCode::Prepare(re_replace_all),
)
.params(PARAMS)
.examples(&[
    Example::new(
        "root.name = this.name.re_replace_all(\"(?P<first>\\\\w+) (?P<last>\\\\w+)\", \"$last, ${first}\")",
        &[(r#"{"name":"Ada Brun"}"#, r#"{"name":"Brun, Ada"}"#)],
    ),
    Example::new(
        "root.card = this.card.re_replace_all(\"[0-9]{4} \", \"**** \")",
        &[(r#"{"card":"4111 1111 1111 1234"}"#, r#"{"card":"**** **** **** 1234"}"#)],
    ),
]);

pub(super) fn re_replace_all(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let pattern = Pattern::new(&args.text(0))?;
    let replacement = Replacement::new(args.bytes(1), &pattern);
    Ok(PreparedMethod::new(move |target| {
        let text = content_of(target)?;
        Ok(match (pattern.replace_all(text, &replacement)?, target) {
            (Some(replaced), _) => replaced,
            (None, Value::Bytes(content)) => Value::text((**content).clone()),
            (None, unchanged) => unchanged.clone(),
        })
    }))
}
