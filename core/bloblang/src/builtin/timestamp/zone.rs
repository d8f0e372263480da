//! Time zones by name, as the reference looks them up.

use jiff::tz::TimeZone;

use crate::Error;

/// `UTC` (also for no name), `Local`, or a name of the IANA database in its exact spelling.
pub(super) fn zone(name: &str) -> Result<TimeZone, Error> {
    let failed = |why: String| Error::new(format!("failed to parse timezone location name: {why}"));
    match name {
        "" | "UTC" => return Ok(TimeZone::UTC),
        "Local" => return Ok(TimeZone::system()),
        _ => {}
    }
    if name.contains("..") || name.starts_with(['/', '\\']) {
        return Err(failed("time: invalid location name".into()));
    }
    TimeZone::get(name)
        .ok()
        .filter(|zone| zone.iana_name() == Some(name))
        .ok_or_else(|| failed(format!("unknown time zone {name}")))
}
