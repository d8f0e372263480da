//! `parse_timestamp`: the forerunner of `ts_parse`, whose result is text.

use super::ts_parse;
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod, Status, text_of},
    layout::{Layout, RFC3339},
};

pub(super) const METHOD: Method = Method::new(
    "parse_timestamp",
    &[Category::Deprecated],
    "As [`ts_parse`](#ts_parse), but yields RFC 3339 text instead of a timestamp.",
    MethodCode::Prepare(parse_timestamp),
)
.params(ts_parse::PARAMS)
.status(Status::Deprecated)
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.at = this.at.parse_timestamp(\"02.01.2006\")",
    &[(r#"{"at":"06.05.2024"}"#, r#"{"at":"2024-05-06T00:00:00Z"}"#)],
)]);

fn parse_timestamp(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let layout = Layout::new(&args.text(0));
    Ok(PreparedMethod::new(move |target| {
        let moment = layout.parse(text_of(target)?.as_bytes())?;
        Ok(RFC3339.format(&moment).into())
    }))
}
