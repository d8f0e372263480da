//! `ts_parse`: text as a timestamp, by a layout.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod, text_of},
    layout::Layout,
};

pub(super) const PARAMS: &[Param] = &[Param::string("format", "The layout of the text.")];

pub(super) const METHOD: Method = Method::new(
    "ts_parse",
    &[Category::Timestamp],
    "Reads a timestamp from text. The layout shows how the moment `Mon Jan 2 15:04:05 -0700 MST \
     2006` would be written. For directives such as `%Y` see [`ts_strptime`](#ts_strptime).",
    MethodCode::Prepare(ts_parse),
)
.params(PARAMS)
.plain_errors()
.folded()
.examples(&[
    Example::new(
        "root.at = this.at.ts_parse(\"02/01/2006 15:04\")",
        &[(r#"{"at":"06/05/2024 07:08"}"#, r#"{"at":"2024-05-06T07:08:00Z"}"#)],
    ),
    Example::new(
        "root.at = this.at.ts_parse(\"Jan 2, 2006 3:04pm -0700\").ts_tz(\"UTC\")",
        &[(r#"{"at":"May 6, 2024 7:08am +0200"}"#, r#"{"at":"2024-05-06T05:08:00Z"}"#)],
    ),
]);

fn ts_parse(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let layout = Layout::new(&args.text(0));
    Ok(PreparedMethod::new(move |target| {
        layout.parse(text_of(target)?.as_bytes()).map(Value::timestamp)
    }))
}
