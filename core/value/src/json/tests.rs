use proptest::prelude::*;

use super::*;
use crate::{Object, Value};

#[track_caller]
fn round_trip(document: &str, expected: &str) {
    assert_eq!(parse(document.as_bytes()).unwrap().to_string(), expected);
    validate(document.as_bytes()).unwrap();
}

#[track_caller]
fn refused(document: &str, message: &str) {
    assert_eq!(parse(document.as_bytes()).unwrap_err().to_string(), message);
    assert_eq!(validate(document.as_bytes()).unwrap_err().to_string(), message);
    assert_eq!(find(document.as_bytes(), &["a"]).unwrap_err().to_string(), message);
}

#[test]
fn number_texts_survive() {
    round_trip(
        "[1.50, 1e3, -0, -0.0, 123456789012345678901234567890, 9223372036854775807, -7]",
        "[1.50,1e3,-0,-0.0,123456789012345678901234567890,9223372036854775807,-7]",
    );
}

#[test]
fn keys_are_sorted_and_the_last_of_equals_wins() {
    round_trip(r#" { "b" : 1 , "a" : { } , "b" : [ ] } "#, r#"{"a":{},"b":[]}"#);
}

#[test]
fn escapes_are_resolved_and_only_needed_ones_written() {
    round_trip(
        r#""\u00e9\ud83d\ude00\ud800x\/\b\f\n\r\t\"\\\u0001<>&\u2028""#,
        "\"é😀\u{FFFD}x/\\b\\f\\n\\r\\t\\\"\\\\\\u0001<>&\\u2028\"",
    );
}

#[test]
fn broken_text_is_refused_with_its_place() {
    refused("", "unexpected end of JSON input");
    refused("nul", "unexpected end of JSON input");
    refused("nuLl", "invalid character 'L' in literal null (expecting 'l')");
    refused("{} x", "invalid character 'x' after top-level value");
    refused("[1 2]", "invalid character '2' after array element");
    refused("{a:1}", "invalid character 'a' looking for beginning of object key string");
    refused(r#"{"a" 1}"#, "invalid character '1' after object key");
    refused(r#"{"a":1 "b"}"#, "invalid character '\"' after object key:value pair");
    refused("[1,]", "invalid character ']' looking for beginning of value");
    refused("01", "invalid character '1' after top-level value");
    refused("1.x", "invalid character 'x' after decimal point in numeric literal");
    refused("\"a\nb\"", "invalid character '\\n' in string literal");
    refused(r#""\x""#, "invalid character 'x' in string escape code");
    let deep = "[".repeat(MAX_DEPTH + 1);
    refused(&deep, "exceeded max depth");
}

#[test]
fn one_path_is_found_without_the_rest() {
    let document = br#"{"a":{"x":[1,{"y":"z"}]},"b":2,"\u0061":{"x":[9,{"y":3.50}]}}"#;
    let found = find(document, &["a", "x", "1", "y"]).unwrap();
    assert_eq!(found.unwrap().to_string(), "3.50");
    assert_eq!(find(document, &["b", "c"]).unwrap(), None);
    assert_eq!(find(document, &["q"]).unwrap(), None);
}

#[test]
fn broken_utf8_becomes_replacement_characters() {
    assert_eq!(parse(b"\"a\xffb\"").unwrap(), Value::from("a\u{FFFD}b"));
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..8).prop_map(|fields| {
                let fields = fields.into_iter().map(|(key, value)| (key.into(), value));
                Value::Object(fields.collect::<Object>())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn printing_and_parsing_agree(value in values()) {
        let text = value.to_json();
        prop_assert_eq!(parse(&text).unwrap(), value);
    }

    #[test]
    fn another_parser_agrees_on_what_is_json(text in "[\\[\\]{}\",:0-9a-u.eE+\\-\\\\ ]{0,24}") {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        let ours = parse(text.as_bytes());
        let range = matches!(&theirs, Err(error) if error.to_string().contains("out of range")
            || error.to_string().contains("surrogate"));
        prop_assert!(range || ours.is_ok() == theirs.is_ok(), "{text:?} {ours:?} {theirs:?}");
        prop_assert_eq!(validate(text.as_bytes()).is_ok(), ours.is_ok());
    }
}
