//! `<34>Oct 11 22:14:15 host app[77]: message`.

use sluice_value::{Object, Value};

use super::cursor::Cursor;
use super::time::{Clock, rfc3339};
use super::{Broken, set_priority};

const TIMESTAMP: &str = "expecting a Stamp timestamp";
const RFC3339: &str = "expecting a Stamp or a RFC3339 timestamp";
const HOSTNAME: &str = "expecting an hostname (from 1 to max 255 US-ASCII characters)";
const CONTENT: &str = "expecting a content part composed by visible characters only";
const PARSE: &str = "parsing error";

/// Longest name of a program.
const MAX_TAG: usize = 32;

pub(super) fn parse(line: &[u8], clock: &Clock) -> Result<Object, Broken> {
    let mut object = Object::new();
    match read(line, clock, &mut object) {
        Ok(()) => Ok(object),
        Err(problem) => {
            let is_useful = object.contains_key("priority");
            Err(Broken { problem, rest: is_useful.then_some(object) })
        }
    }
}

fn read(line: &[u8], clock: &Clock, object: &mut Object) -> Result<(), String> {
    let mut cursor = Cursor::new(line);
    set_priority(object, cursor.priority()?);
    let stamp = clock.stamp(cursor.rest()).map(|stamp| (stamp, 15));
    let found = stamp.or_else(|| rfc3339(cursor.rest()).filter(|_| clock.allow_rfc3339));
    let problem = if clock.allow_rfc3339 { RFC3339 } else { TIMESTAMP };
    let (timestamp, length) = found.ok_or_else(|| cursor.error(problem))?;
    object.insert("timestamp", timestamp);
    cursor.skip(length);
    cursor.expect(b' ', PARSE)?;
    let hostname = cursor.word(255, |byte| byte.is_ascii_graphic());
    if hostname.is_empty() {
        return Err(cursor.error(HOSTNAME));
    }
    object.insert("hostname", Value::text(hostname.to_vec()));
    cursor.expect(b' ', PARSE)?;
    program(&mut cursor, object);
    let message = cursor.word(usize::MAX, |byte| byte >= b' ' && byte != 0x7f);
    if message.is_empty() || cursor.peek().is_some() {
        return Err(cursor.error(CONTENT));
    }
    object.insert("message", Value::text(message.to_vec()));
    Ok(())
}

/// The name of a program, with or without a number in brackets. A message may lack it.
fn program(cursor: &mut Cursor<'_>, object: &mut Object) {
    let mut ahead = *cursor;
    let tag = ahead.word(MAX_TAG, |byte| byte.is_ascii_graphic() && !matches!(byte, b':' | b'['));
    if tag.is_empty() {
        return;
    }
    let content = if ahead.eat(b'[') {
        let content = ahead.word(usize::MAX, |byte| (b' '..0x7f).contains(&byte) && byte != b']');
        if !ahead.eat(b']') {
            return;
        }
        Some(content)
    } else {
        None
    };
    if !(ahead.eat(b':') && ahead.eat(b' ')) {
        return;
    }
    object.insert("appname", Value::text(tag.to_vec()));
    if let Some(content) = content.filter(|content| !content.is_empty()) {
        object.insert("procid", Value::text(content.to_vec()));
    }
    *cursor = ahead;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(zone: &str, line: &str, expected: &str) {
        let clock = Clock::new("2023", zone, true).unwrap();
        let found = match parse(line.as_bytes(), &clock) {
            Ok(object) => Value::Object(object).to_string(),
            Err(broken) => broken.problem,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_with_and_without_a_program() {
        check(
            "UTC",
            "<34>Oct 11 22:14:15 mymachine su[77]: 'su root' failed on /dev/pts/8",
            r#"{"appname":"su","facility":4,"hostname":"mymachine","message":"'su root' failed on /dev/pts/8","priority":34,"procid":"77","severity":2,"timestamp":"2023-10-11T22:14:15Z"}"#,
        );
        check(
            "Europe/Berlin",
            "<13>Jul  5 01:02:03 10.0.0.1 no program: here",
            r#"{"facility":1,"hostname":"10.0.0.1","message":"no program: here","priority":13,"severity":5,"timestamp":"2023-07-05T01:02:03+02:00"}"#,
        );
    }

    #[test]
    fn what_is_no_line_is_named_by_its_column() {
        check("UTC", "<34>yesterday", "expecting a Stamp or a RFC3339 timestamp [col 4]");
        check(
            "UTC",
            "<34>Oct 11 22:14:15 ",
            "expecting an hostname (from 1 to max 255 US-ASCII characters) [col 20]",
        );
        let strict = Clock::new("", "UTC", false).unwrap();
        assert!(parse(b"<34>2021-05-06T07:08:09Z h m", &strict).is_err());
        let object = parse(b"<34>Oct 11 22:14:15 h m", &strict).ok().unwrap();
        assert_eq!(object.get("timestamp"), Some(&Value::from("0000-10-11T22:14:15Z")));
    }
}
