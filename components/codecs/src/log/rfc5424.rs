//! `<165>1 2003-10-11T22:14:15.003Z host app 77 ID47 [id key="value"] message`.

use sluice_value::{Object, Value};

use super::cursor::{Cursor, number};
use super::{Broken, set_priority, time};

const VERSION: &str = "expecting a version value in the range 1-999";
const TIMESTAMP: &str = "expecting a RFC3339MICRO timestamp or a nil value";
const STRUCTURED: &str = "expecting a structured data section containing one or more elements \
                          (`[id( key=\"value\")*]+`) or a nil value";
const ELEMENT: &str = "expecting a structured data element id (from 1 to max 32 US-ASCII \
                       characters; except `=`, ` `, `]`, and `\"`";
const PARAMETER: &str = "expecting a structured data parameter (`key=\"value\"`, both part from 1 \
                         to max 32 US-ASCII characters; key cannot contain `=`, ` `, `]`, and \
                         `\"`, while value cannot contain `]`, backslash, and `\"` unless escaped)";
const PARSE: &str = "parsing error";

/// Words of a header by field name, longest length, and what is wrong without one.
const WORDS: [(&str, usize, &str); 4] = [
    (
        "hostname",
        255,
        "expecting an hostname (from 1 to max 255 US-ASCII characters) or a nil value",
    ),
    ("appname", 48, "expecting an app-name (from 1 to max 48 US-ASCII characters) or a nil value"),
    ("procid", 128, "expecting a procid (from 1 to max 128 US-ASCII characters) or a nil value"),
    ("msgid", 32, "expecting a msgid (from 1 to max 32 US-ASCII characters) or a nil value"),
];

pub(super) fn parse(line: &[u8]) -> Result<Object, Broken> {
    let mut object = Object::new();
    match read(line, &mut object) {
        Ok(()) => Ok(object),
        Err(problem) => {
            let is_useful = object.contains_key("version");
            Err(Broken { problem, rest: is_useful.then_some(object) })
        }
    }
}

fn read(line: &[u8], object: &mut Object) -> Result<(), String> {
    let mut cursor = Cursor::new(line);
    set_priority(object, cursor.priority()?);
    let version = cursor.word(3, |byte| byte.is_ascii_digit());
    let version = number(version).filter(|_| version[0] != b'0');
    object.insert("version", Value::Int(version.ok_or_else(|| cursor.error(VERSION))?));
    cursor.expect(b' ', PARSE)?;
    if !cursor.eat(b'-') {
        let found = time::rfc3339(cursor.rest());
        let (timestamp, length) = found.ok_or_else(|| cursor.error(TIMESTAMP))?;
        object.insert("timestamp", timestamp);
        cursor.skip(length);
    }
    for (name, most, problem) in WORDS {
        cursor.expect(b' ', PARSE)?;
        let word = cursor.word(most, |byte| byte.is_ascii_graphic());
        match word {
            b"" => return Err(cursor.error(problem)),
            b"-" => {}
            word => {
                object.insert(name, Value::text(word.to_vec()));
            }
        }
    }
    cursor.expect(b' ', PARSE)?;
    if !cursor.eat(b'-') {
        let elements = elements(&mut cursor, object);
        elements?;
    }
    if cursor.peek().is_none() {
        return Ok(());
    }
    cursor.expect(b' ', PARSE)?;
    if !cursor.rest().is_empty() {
        object.insert("message", Value::text(cursor.rest().to_vec()));
    }
    Ok(())
}

/// Structured data. What was read before an error stays.
fn elements(cursor: &mut Cursor<'_>, object: &mut Object) -> Result<(), String> {
    if cursor.peek() != Some(b'[') {
        return Err(cursor.error(STRUCTURED));
    }
    let mut found = Object::new();
    while cursor.eat(b'[') {
        let id = name(cursor).ok_or_else(|| cursor.error(ELEMENT))?;
        if found.contains_key(&id) {
            return Err(cursor.error("duplicate structured data element id"));
        }
        let mut parameters = Object::new();
        while cursor.eat(b' ') {
            let key = name(cursor).ok_or_else(|| cursor.error(PARAMETER))?;
            cursor.expect(b'=', PARAMETER)?;
            cursor.expect(b'"', PARAMETER)?;
            parameters.insert(key, Value::text(parameter(cursor)?));
        }
        cursor.expect(b']', PARAMETER)?;
        found.insert(id, Value::Object(parameters));
        object.insert("structureddata", Value::Object(found.clone()));
    }
    Ok(())
}

fn name(cursor: &mut Cursor<'_>) -> Option<String> {
    let belongs = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'=' | b']' | b'"');
    let name = cursor.word(32, belongs);
    if name.is_empty() { None } else { String::from_utf8(name.to_vec()).ok() }
}

/// A value up to its quote. A backslash counts as itself, except before what needs one.
fn parameter(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, String> {
    let mut value = Vec::new();
    loop {
        value.extend_from_slice(
            cursor.word(usize::MAX, |byte| !matches!(byte, b'"' | b'\\' | b']')),
        );
        match cursor.peek() {
            Some(b'"') => {
                cursor.skip(1);
                return Ok(value);
            }
            Some(b'\\') => {
                cursor.skip(1);
                match cursor.peek() {
                    Some(escaped @ (b'"' | b'\\' | b']')) => {
                        cursor.skip(1);
                        value.push(escaped);
                    }
                    _ => value.push(b'\\'),
                }
            }
            _ => return Err(cursor.error(PARAMETER)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let found = match parse(line.as_bytes()) {
            Ok(object) => Value::Object(object).to_string(),
            Err(broken) => broken.problem,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn all_parts_of_a_line() {
        check(
            r#"<165>1 2003-10-11T22:14:15.003Z h.org app 7 ID47 [a@1 k="v\"\]\\\x" z=""][b] text [x]"#,
            r#"{"appname":"app","facility":20,"hostname":"h.org","message":"text [x]","msgid":"ID47","priority":165,"procid":"7","severity":5,"structureddata":{"a@1":{"k":"v\"]\\\\x","z":""},"b":{}},"timestamp":"2003-10-11T22:14:15.003Z","version":1}"#,
        );
        check("<0>1 - - - - - -", r#"{"facility":0,"priority":0,"severity":0,"version":1}"#);
        check(
            "<34>12 2003-08-24T05:14:15.000003-07:00 - su - - - x",
            r#"{"appname":"su","facility":4,"message":"x","priority":34,"severity":2,"timestamp":"2003-08-24T05:14:15.000003-07:00","version":12}"#,
        );
    }

    #[test]
    fn what_is_no_line_is_named_by_its_column() {
        check("x", "expecting a priority value within angle brackets [col 0]");
        check("<192>1", "expecting a priority value in the range 1-191 or equal to 0 [col 4]");
        check("<1>0 - - - - - -", "expecting a version value in the range 1-999 [col 4]");
        check("<1>1 x", "expecting a RFC3339MICRO timestamp or a nil value [col 5]");
        let partial = parse(b"<9>1 2003-10-11T22:14:15Z host").err().and_then(|broken| broken.rest);
        assert_eq!(partial.unwrap().get("hostname"), Some(&Value::from("host")));
        assert!(parse(b"not a line").err().unwrap().rest.is_none());
    }
}
