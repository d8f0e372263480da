//! `ts_format`: a timestamp as text, by a layout.

use sluice_value::Value;

use super::{moment_of, zone::zone};
use crate::{
    Error,
    builtin::{Args, Category, Default, Example, Method, MethodCode, Param, PreparedMethod},
    layout::{Layout, RFC3339_NANO},
};

pub(super) const PARAMS: &[Param] = &[
    Param::string("format", "The layout to write in.").or(Default::String(RFC3339_NANO)),
    Param::string(
        "tz",
        "The time zone whose clocks to show, such as `Europe/Prague`, `UTC` or `Local`. Without \
         it timestamps keep their own zone, and numbers get the local one.",
    )
    .optional(),
];

pub(super) const METHOD: Method = Method::new(
    "ts_format",
    &[Category::Timestamp],
    "Writes a timestamp as text. The layout shows how the moment `Mon Jan 2 15:04:05 -0700 MST \
     2006` would be written; the default is RFC 3339. Timestamps may also be numbers (seconds \
     since 1970, with a fraction) or RFC 3339 texts. For directives such as `%Y` see \
     [`ts_strftime`](#ts_strftime).",
    MethodCode::Prepare(ts_format),
)
.params(PARAMS)
.plain_errors()
.folded()
.examples(&[
    Example::new(
        "root.day = this.at.ts_format(\"Mon 2 Jan 2006\")",
        &[(r#"{"at":"2024-05-06T07:08:09Z"}"#, r#"{"day":"Mon 6 May 2024"}"#)],
    ),
    Example::new(
        "root.local = this.at.ts_format(format: \"15:04 MST\", tz: \"Europe/Prague\")",
        &[
            (r#"{"at":"2024-05-06T07:08:09Z"}"#, r#"{"local":"09:08 CEST"}"#),
            (r#"{"at":1704096000}"#, r#"{"local":"09:00 CET"}"#),
        ],
    )
    .about("A zone may be given; numbers are seconds since 1970."),
    Example::new(
        "root.at = this.at.ts_format(\"15:04:05.999999\", \"UTC\")",
        &[(r#"{"at":1704096000.25}"#, r#"{"at":"08:00:00.25"}"#)],
    )
    .about("Fractions of seconds."),
]);

pub(super) fn ts_format(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let layout = Layout::new(&args.text(0));
    let zone = args.opt_text(1).map(|name| zone(&name)).transpose()?;
    Ok(PreparedMethod::new(move |target| {
        let moment = moment_of(target)?;
        Ok(Value::string(match &zone {
            Some(zone) => layout.format(&moment.with_time_zone(zone.clone())),
            None => layout.format(&moment),
        }))
    }))
}
