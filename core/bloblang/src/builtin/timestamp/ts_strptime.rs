//! `ts_strptime`: text as a timestamp, by directives.

use sluice_value::Value;

use super::strptime;
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod, text_of},
};

pub(super) const PARAMS: &[Param] =
    &[Param::string("format", "The text with directives, such as `%Y-%m-%d`, for its parts.")];

pub(super) const METHOD: Method = Method::new(
    "ts_strptime",
    &[Category::Timestamp],
    "Reads a timestamp from text by the directives of \
     [strptime](https://linux.die.net/man/3/strptime), with `%f` for fractions of a second and \
     without the modifiers `E` and `O`.",
    MethodCode::Prepare(ts_strptime),
)
.params(PARAMS)
.plain_errors()
.folded()
.examples(&[
    Example::new(
        "root.at = this.at.ts_strptime(\"%d %B %Y\")",
        &[(r#"{"at":"6 May 2024"}"#, r#"{"at":"2024-05-06T00:00:00Z"}"#)],
    ),
    Example::new(
        "root.at = this.at.ts_strptime(\"%Y-%m-%d %H:%M:%S.%f %z\")",
        &[(r#"{"at":"2024-05-06 07:08:09.5 +0200"}"#, r#"{"at":"2024-05-06T07:08:09.5+02:00"}"#)],
    ),
]);

fn ts_strptime(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let format = args.text(0).into_owned();
    Ok(PreparedMethod::new(move |target| {
        strptime::parse(&text_of(target)?, &format).map(Value::timestamp)
    }))
}
