//! The forms of a log line.

use std::fmt::Write;

use jiff::Timestamp;
use sluice_value::{Object, Value};

use crate::console::Colour;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Logfmt,
    Json,
    /// For people at a terminal.
    Human {
        colours: bool,
    },
}

/// What the fixed fields of a line are called.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub level: String,
    pub time: String,
    pub message: String,
    pub add_time: bool,
}

pub(super) struct Line<'a> {
    pub level: &'static str,
    pub message: &'a str,
    pub fields: &'a Object,
}

impl Form {
    pub(super) fn render(self, line: &Line<'_>, names: &Names) -> String {
        let now = Timestamp::now();
        match self {
            Self::Logfmt => logfmt(line, names, now),
            Self::Json => json(line, names, now),
            Self::Human { colours } => human(line, now, colours),
        }
    }
}

fn rfc3339(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn logfmt(line: &Line<'_>, names: &Names, now: Timestamp) -> String {
    let mut out = String::new();
    if names.add_time {
        pair(&names.time, &rfc3339(now), &mut out);
    }
    pair(&names.level, line.level, &mut out);
    pair(&names.message, line.message, &mut out);
    for (name, value) in line.fields.iter() {
        pair(name, &value.to_text(), &mut out);
    }
    out.push('\n');
    out
}

fn pair(name: &str, value: &str, out: &mut String) {
    if !out.is_empty() {
        out.push(' ');
    }
    out.push_str(name);
    out.push('=');
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._/@^+".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        out.push_str(value);
    } else {
        quote(value, out);
    }
}

/// The text in double quotes, with the escapes of a Go string literal.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() && (c as u32) < 0x80 => {
                let _ = write!(out, "\\x{:02x}", c as u32); // writing to a String never fails
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn json(line: &Line<'_>, names: &Names, now: Timestamp) -> String {
    let mut fields = line.fields.clone();
    if names.add_time {
        fields.insert(names.time.as_str(), rfc3339(now).into());
    }
    fields.insert(names.level.as_str(), line.level.into());
    fields.insert(names.message.as_str(), line.message.into());
    format!("{}\n", Value::Object(fields))
}

/// `12:30:01 WARN message  name=value`, what every line has anyway left out.
fn human(line: &Line<'_>, now: Timestamp, colours: bool) -> String {
    let time = now.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string();
    let (word, colour) = match line.level {
        "fatal" => ("FATAL", Colour::Red),
        "error" => ("ERROR", Colour::Red),
        "warning" => ("WARN ", Colour::Yellow),
        "info" => ("INFO ", Colour::Green),
        "debug" => ("DEBUG", Colour::Blue),
        _ => ("TRACE", Colour::Grey),
    };
    let mut out = format!(
        "{} {} {}",
        Colour::Grey.paint(time, colours),
        colour.paint(word, colours),
        line.message
    );
    for (name, value) in line.fields.iter() {
        let text = value.to_text();
        if name == "@service" || text.is_empty() {
            continue;
        }
        let mut field = String::new();
        pair(name, &text, &mut field);
        out.push_str("  ");
        out.push_str(&Colour::Grey.paint(field, colours));
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(add_time: bool) -> Names {
        Names { level: "level".into(), time: "time".into(), message: "msg".into(), add_time }
    }

    fn fields(pairs: &[(&str, Value)]) -> Object {
        pairs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect()
    }

    #[test]
    fn logfmt_quotes_what_is_not_plain() {
        let fields = fields(&[
            ("path", "root.output".into()),
            ("label", "".into()),
            ("@service", "sluice".into()),
            ("n", Value::Int(4)),
        ]);
        let line = Line { level: "info", message: "a \"b\"\nc\u{1}", fields: &fields };
        assert_eq!(
            logfmt(&line, &names(false), Timestamp::UNIX_EPOCH),
            "level=info msg=\"a \\\"b\\\"\\nc\\x01\" @service=sluice label=\"\" n=4 path=root.output\n"
        );
        let line = Line { level: "warning", message: "x", fields: &Object::new() };
        assert_eq!(
            logfmt(&line, &names(true), Timestamp::UNIX_EPOCH),
            "time=\"1970-01-01T00:00:00Z\" level=warning msg=x\n"
        );
    }

    #[test]
    fn json_keeps_types_and_renamed_fields() {
        let fields = fields(&[("id", Value::Int(4)), ("a", "b".into())]);
        let line = Line { level: "error", message: "m", fields: &fields };
        let names = Names { level: "lvl".into(), message: "text".into(), ..names(false) };
        assert_eq!(
            json(&line, &names, Timestamp::UNIX_EPOCH),
            "{\"a\":\"b\",\"id\":4,\"lvl\":\"error\",\"text\":\"m\"}\n"
        );
    }
}
