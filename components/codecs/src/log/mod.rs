//! `parse_log`: lines of system logs become objects.

mod cursor;
mod rfc3164;
mod rfc5424;
mod time;

use sluice_config::config;
use sluice_engine::{BuildError, Processor, Registry, Scope};
use sluice_value::{Object, Value};

use crate::each::each;

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("parse_log", build).categories(&["Parsing"]).doc(
        "Reads each message as a line of a system log and makes it an object. Depending on the \
         format and on what the line holds, the object has the fields `message`, `timestamp` (as \
         in RFC 3339), `facility`, `severity`, `priority`, `version`, `hostname`, `procid`, \
         `appname`, `msgid` and `structureddata`.",
    );
}

config! {
    /// What lines look like.
    struct ParseLogConfig {
        /// The format: of [RFC 5424](https://tools.ietf.org/html/rfc5424) or of
        /// [RFC 3164](https://tools.ietf.org/html/rfc3164).
        format: String => lint_required options("syslog_rfc5424", "syslog_rfc3164"),
        /// Whether a line whose end cannot be read makes an object of what comes before, as long
        /// as that has a priority. Otherwise it fails.
        best_effort: bool = true => advanced,
        /// Whether times may also be written as in RFC 3339, in the format `syslog_rfc3164`.
        allow_rfc3339: bool = true => advanced,
        /// The year of times in the format `syslog_rfc3164`, which have none: a number, `current`,
        /// or empty for the year zero.
        default_year: String = "current" => advanced,
        /// The time zone of times in the format `syslog_rfc3164`: a name of the time zone
        /// database, `UTC` or `Local`.
        default_timezone: String = "UTC" => advanced,
        /// Does nothing; results always are objects.
        codec: Option<String> => deprecated,
    }
}

/// A line that cannot be read, and what of it could.
struct Broken {
    problem: String,
    /// What was read before, if that is worth something.
    rest: Option<Object>,
}

type Parse = Box<dyn Fn(&[u8]) -> Result<Object, Broken> + Send + Sync>;

fn build(config: ParseLogConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let best_effort = config.best_effort;
    let parse: Parse = match config.format.to_ascii_lowercase().as_str() {
        "syslog_rfc5424" => Box::new(rfc5424::parse),
        "syslog_rfc3164" => {
            let clock = time::Clock::new(
                &config.default_year,
                &config.default_timezone,
                config.allow_rfc3339,
            )?;
            Box::new(move |line| rfc3164::parse(line, &clock))
        }
        other => return Err(BuildError::new(format!("format not recognised: {other}"))),
    };
    Ok(each(scope, move |message| {
        let object = match parse(message.bytes()) {
            Ok(object) | Err(Broken { rest: Some(object), .. }) if best_effort => object,
            Ok(object) => object,
            Err(broken) => return Err(broken.problem),
        };
        message.set_value(Value::Object(object));
        Ok(())
    }))
}

/// Sets what a priority says.
fn set_priority(object: &mut Object, priority: i64) {
    object.insert("priority", Value::Int(priority));
    object.insert("facility", Value::Int(priority / 8));
    object.insert("severity", Value::Int(priority % 8));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_lines_are_refused() {
        let clock = time::Clock::new("2023", "UTC", true).unwrap();
        let lines = [
            "<165>1 2024-03-04T05:06:07.000003Z h app 77 ID9 [sd@1 k=\"v\" z=\"w\\]\"] the message",
            "<34>Oct 11 22:14:15 host1 proc[12]: did a thing",
            "<34>2021-05-06T07:08:09+02:00 host1 proc: msg",
        ];
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..20_000 {
            let mut line = random.choice(lines).unwrap().as_bytes().to_vec();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..line.len());
                line[at] = random.u8(..);
            }
            line.truncate(random.usize(..=line.len()));
            let _ = (rfc5424::parse(&line), rfc3164::parse(&line, &clock));
        }
    }
}
