//! `parse_timestamp_strptime`: the forerunner of `ts_strptime`, whose result is text.

use super::{strptime, ts_strptime};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, PreparedMethod, Status, text_of},
    layout::RFC3339,
};

pub(super) const METHOD: Method = Method::new(
    "parse_timestamp_strptime",
    &[Category::Deprecated],
    "As [`ts_strptime`](#ts_strptime), but yields RFC 3339 text instead of a timestamp.",
    MethodCode::Prepare(parse_timestamp_strptime),
)
.params(ts_strptime::PARAMS)
.status(Status::Deprecated)
.plain_errors()
.folded()
.examples(&[Example::new(
    "root.at = this.at.parse_timestamp_strptime(\"%d.%m.%Y\")",
    &[(r#"{"at":"06.05.2024"}"#, r#"{"at":"2024-05-06T00:00:00Z"}"#)],
)]);

fn parse_timestamp_strptime(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let format = args.text(0).into_owned();
    Ok(PreparedMethod::new(move |target| {
        let moment = strptime::parse(&text_of(target)?, &format)?;
        Ok(RFC3339.format(&moment).into())
    }))
}
