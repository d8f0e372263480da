//! `ts_strftime`: a timestamp as text, by directives.

use sluice_value::Value;

use super::{moment_of, strftime, zone::zone};
use crate::{
    Error,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
};

pub(super) const PARAMS: &[Param] = &[
    Param::string("format", "Text with directives, such as `%Y-%m-%d`."),
    Param::string(
        "tz",
        "The time zone whose clocks to show. Without it timestamps keep their own zone, and \
         numbers get the local one.",
    )
    .optional(),
];

pub(super) const METHOD: Method = Method::new(
    "ts_strftime",
    &[Category::Timestamp],
    "Writes a timestamp as text by the directives of \
     [strftime](https://linux.die.net/man/3/strftime), with `%f` for microseconds and without the \
     modifiers `E` and `O`. Timestamps may also be numbers (seconds since 1970, with a fraction) \
     or RFC 3339 texts.",
    MethodCode::Prepare(ts_strftime),
)
.params(PARAMS)
.plain_errors()
.folded()
.examples(&[
    Example::new(
        "root.day = this.at.ts_strftime(\"%A %-d %b %Y\")",
        &[(r#"{"at":"2024-05-06T07:08:09Z"}"#, r#"{"day":"Monday 6 May 2024"}"#)],
    ),
    Example::new(
        "root.at = this.at.ts_strftime(\"%H:%M:%S.%f %z\", \"Asia/Tokyo\")",
        &[
            (r#"{"at":1704096000.25}"#, r#"{"at":"17:00:00.250000 +0900"}"#),
            (r#"{"at":"2024-05-06T07:08:09Z"}"#, r#"{"at":"16:08:09.000000 +0900"}"#),
        ],
    )
    .about("In another time zone, with microseconds."),
]);

pub(super) fn ts_strftime(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let format = args.text(0).into_owned();
    let zone = args.opt_text(1).map(|name| zone(&name)).transpose()?;
    Ok(PreparedMethod::new(move |target| {
        let moment = moment_of(target)?;
        Ok(Value::string(match &zone {
            Some(zone) => strftime::format(&moment.with_time_zone(zone.clone()), &format),
            None => strftime::format(&moment, &format),
        }))
    }))
}
