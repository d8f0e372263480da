//! Printing values as compact JSON.

use std::cell::Cell;

use bytes::Bytes;
use jiff::Zoned;

use super::lex::{controls, equals};
use crate::{Value, number::write_float_json};

/// Appends `value` as compact JSON: keys sorted, no HTML escaping, number texts as they came.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(n) => out.extend_from_slice(itoa::Buffer::new().format(*n).as_bytes()),
        Value::UInt(n) => out.extend_from_slice(itoa::Buffer::new().format(*n).as_bytes()),
        Value::Float(f) => write_float_json(*f, out),
        Value::Number(n) => out.extend_from_slice(n.as_str().as_bytes()),
        Value::String(s) => write_string(s, out),
        Value::RawString(b) => write_broken(b, out),
        Value::Bytes(b) => write_base64(b, out),
        Value::Timestamp(at) => write_string(&timestamp_text(at), out),
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            out.push(b'{');
            for (at, (key, field)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write(field, out);
            }
            out.push(b'}');
        }
    }
}

/// Documents up to this size are printed into a buffer that a thread keeps.
const KEPT: usize = 64 * 1024;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Compact JSON in memory of just its size.
pub(crate) fn to_bytes(value: &Value) -> Bytes {
    let mut buffer = BUFFER.take();
    buffer.clear();
    write(value, &mut buffer);
    if buffer.len() > KEPT {
        return buffer.into();
    }
    let bytes = Bytes::copy_from_slice(&buffer);
    BUFFER.set(buffer);
    bytes
}

/// Appends `text` as a quoted JSON string.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut done = 0;
    let mut at = next_special(bytes, 0);
    while let Some(&byte) = bytes.get(at) {
        let mut skip = 1;
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x08 => b"\\b",
            0x0c => b"\\f",
            0..0x20 => &control_escape(byte),
            0xE2 if bytes[at..].starts_with("\u{2028}".as_bytes()) => {
                skip = 3;
                b"\\u2028"
            }
            0xE2 if bytes[at..].starts_with("\u{2029}".as_bytes()) => {
                skip = 3;
                b"\\u2029"
            }
            _ => {
                at = next_special(bytes, at + 1);
                continue;
            }
        };
        out.extend_from_slice(&bytes[done..at]);
        out.extend_from_slice(escape);
        done = at + skip;
        at = next_special(bytes, done);
    }
    out.extend_from_slice(&bytes[done..]);
    out.push(b'"');
}

/// Appends text that is not UTF-8: each broken byte prints as an escaped U+FFFD.
fn write_broken(content: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in content.utf8_chunks() {
        let start = out.len();
        write_string(chunk.valid(), out);
        out.remove(start);
        out.pop();
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
    out.push(b'"');
}

/// Appends bytes as a quoted string of standard base64.
fn write_base64(content: &[u8], out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.reserve(content.len().div_ceil(3) * 4 + 2);
    out.push(b'"');
    for chunk in content.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * at)) as usize & 63];
            out.push(if at <= chunk.len() { digit } else { b'=' });
        }
    }
    out.push(b'"');
}

/// Escapes `<`, `>` and `&` in JSON text, where they stand inside strings only.
pub fn escape_html(text: &mut Vec<u8>) {
    if !text.iter().any(|byte| matches!(byte, b'<' | b'>' | b'&')) {
        return;
    }
    let mut escaped = Vec::with_capacity(text.len() + 32);
    for byte in &*text {
        match byte {
            b'<' | b'>' | b'&' => escaped.extend_from_slice(&control_escape(*byte)),
            other => escaped.push(*other),
        }
    }
    *text = escaped;
}

/// RFC 3339 with as many fraction digits as needed, `Z` for UTC.
pub fn timestamp_text(at: &Zoned) -> String {
    let offset = at.offset();
    let text = at.datetime().to_string();
    if offset.seconds() == 0 {
        return format!("{text}Z");
    }
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{text}{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

fn control_escape(byte: u8) -> [u8; 6] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    [b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]
}

/// Bytes that may need an escape.
static SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        special[control] = true;
        control += 1;
    }
    special[b'"' as usize] = true;
    special[b'\\' as usize] = true;
    special[0xE2] = true;
    special
};

/// Index of the next byte that may need an escape, eight bytes a step.
#[inline]
fn next_special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        let marks = equals(word, b'"') | equals(word, b'\\') | controls(word) | equals(word, 0xE2);
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !SPECIAL[usize::from(*byte)]) {
        at += 1;
    }
    at
}
