//! Comma-separated values, row by row, from chunks of text.
//!
//! The rules are those of the reference's library: rows end with a line break (`\r\n` counts as
//! one), empty lines are passed over, a field in quotes may hold commas, line breaks and doubled
//! quotes. With lazy quotes, quotes may also stand where they should not.

use bytes::{Bytes, BytesMut};
use memchr::memchr;
use sluice_config::Node;
use sluice_value::{EcoString, Object, Value};

/// Longest row. A quote that is never closed would make a row of the rest of a file.
const MAX_ROW: usize = 64 << 20;

/// Cuts a stream of bytes into rows.
pub struct Rows {
    comma: char,
    lazy_quotes: bool,
    /// Fields that each row must have; with `None` the first row decides.
    fields: Option<usize>,
    buffer: BytesMut,
    /// Lines that came before the buffer.
    line: usize,
}

/// Why a row could not be read, and what of it could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    pub message: String,
    pub fields: Vec<EcoString>,
    /// The row has the wrong number of fields, but is sound otherwise.
    pub is_count: bool,
}

impl std::fmt::Display for RowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RowError {}

/// What the beginning of the buffer is.
enum Found {
    /// A row, and how many bytes and lines it takes.
    Row {
        fields: Vec<EcoString>,
        used: usize,
        lines: usize,
    },
    Broken {
        error: RowError,
        used: usize,
        lines: usize,
    },
    /// The row does not end here.
    Incomplete,
}

impl Rows {
    pub fn new(comma: char, lazy_quotes: bool, fields: Option<usize>) -> Self {
        Self { comma, lazy_quotes, fields, buffer: BytesMut::new(), line: 0 }
    }

    pub fn feed(&mut self, chunk: &Bytes) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next row; `None` when there is no more of it yet, or at the end no more at all.
    ///
    /// # Errors
    /// The row is broken; the rows after it can still be asked for.
    pub fn next(&mut self, at_end: bool) -> Option<Result<Vec<EcoString>, RowError>> {
        self.skip_empty_lines(at_end);
        if self.buffer.is_empty() {
            return None;
        }
        let (row, used, lines) = match self.row(at_end) {
            Found::Incomplete if self.buffer.len() > MAX_ROW => {
                let message =
                    format!("record on line {}: longer than {MAX_ROW} bytes", self.line + 1);
                self.buffer.clear();
                return Some(Err(RowError { message, fields: Vec::new(), is_count: false }));
            }
            Found::Incomplete => return None,
            Found::Broken { error, used, lines } => (Err(error), used, lines),
            Found::Row { fields, used, lines } => (self.counted(fields), used, lines),
        };
        self.line += lines;
        let _ = self.buffer.split_to(used);
        Some(row)
    }

    fn counted(&mut self, fields: Vec<EcoString>) -> Result<Vec<EcoString>, RowError> {
        let expected = *self.fields.get_or_insert(fields.len());
        if fields.len() == expected {
            return Ok(fields);
        }
        let message = format!("record on line {}: wrong number of fields", self.line + 1);
        Err(RowError { message, fields, is_count: true })
    }

    fn skip_empty_lines(&mut self, at_end: bool) {
        loop {
            let used = match &self.buffer[..] {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                [b'\r'] if at_end => 1,
                _ => return,
            };
            self.line += 1;
            let _ = self.buffer.split_to(used);
        }
    }

    fn row(&self, at_end: bool) -> Found {
        let mut comma = [0; 4];
        let comma = self.comma.encode_utf8(&mut comma).as_bytes();
        let text = &self.buffer[..];
        let mut fields = Vec::new();
        let mut at = 0;
        let mut line_start = 0;
        let mut lines = 1;
        macro_rules! broken {
            ($at:expr, $what:literal) => {{
                let end = memchr(b'\n', &text[$at..]).map(|end| $at + end + 1);
                let Some(used) = end.or(at_end.then_some(text.len())) else {
                    return Found::Incomplete;
                };
                let (line, column) = (self.line + lines, $at - line_start + 1);
                let message = format!("parse error on line {line}, column {column}: {}", $what);
                let error = RowError { message, fields, is_count: false };
                return Found::Broken { error, used, lines };
            }};
        }
        loop {
            if text.get(at) != Some(&b'"') {
                // A field without quotes around it, up to the comma or the end of the line.
                let line_end = memchr(b'\n', &text[at..]).map(|end| at + end);
                let Some(line_end) = line_end.or(at_end.then_some(text.len())) else {
                    return Found::Incomplete;
                };
                let line = &text[at..line_end];
                let comma_at = memchr::memmem::find(line, comma);
                let field = &line[..comma_at.unwrap_or(line.len())];
                if !self.lazy_quotes
                    && let Some(quote) = memchr(b'"', field)
                {
                    broken!(at + quote, "bare \" in non-quoted field");
                }
                if let Some(comma_at) = comma_at {
                    fields.push(text_of(field));
                    at += comma_at + comma.len();
                    continue;
                }
                fields.push(text_of(field.strip_suffix(b"\r").unwrap_or(field)));
                return Found::Row { fields, used: (line_end + 1).min(text.len()), lines };
            }
            // A field in quotes.
            let mut field: Vec<u8> = Vec::new();
            at += 1;
            loop {
                let Some(quote) = memchr(b'"', &text[at..]) else {
                    if !at_end {
                        return Found::Incomplete;
                    }
                    if !self.lazy_quotes {
                        broken!(text.len(), "extraneous or missing \" in quoted-field");
                    }
                    field.extend_from_slice(&text[at..]);
                    fields.push(text_of(field.strip_suffix(b"\n").unwrap_or(&field)));
                    return Found::Row { fields, used: text.len(), lines };
                };
                let piece = &text[at..at + quote];
                for end in memchr::memchr_iter(b'\n', piece) {
                    lines += 1;
                    line_start = at + end + 1;
                }
                push_normalised(&mut field, piece);
                at += quote + 1;
                let rest = &text[at..];
                if rest.len() < 2.max(comma.len()) && !at_end {
                    return Found::Incomplete; // what follows the quote decides
                }
                if rest.first() == Some(&b'"') {
                    field.push(b'"');
                    at += 1;
                } else if rest.starts_with(comma) {
                    fields.push(text_of(&field));
                    at += comma.len();
                    break;
                } else if rest.is_empty() || rest[0] == b'\n' || rest.starts_with(b"\r\n") {
                    fields.push(text_of(&field));
                    let used = match rest.first() {
                        None => at,
                        Some(b'\n') => at + 1,
                        Some(_) => at + 2,
                    };
                    return Found::Row { fields, used, lines };
                } else if self.lazy_quotes {
                    field.push(b'"');
                } else {
                    broken!(at - 1, "extraneous or missing \" in quoted-field");
                }
            }
        }
    }
}

/// Line breaks inside of quotes count as one character each.
fn push_normalised(field: &mut Vec<u8>, piece: &[u8]) {
    let mut rest = piece;
    while let Some(at) = memchr::memmem::find(rest, b"\r\n") {
        field.extend_from_slice(&rest[..at]);
        field.push(b'\n');
        rest = &rest[at + 2..];
    }
    field.extend_from_slice(rest);
}

fn text_of(field: &[u8]) -> EcoString {
    String::from_utf8_lossy(field).as_ref().into()
}

/// A row as a document: an object by the names of a header, or without one an array. Fields beyond
/// the header are left out.
pub fn document(fields: Vec<EcoString>, header: Option<&[EcoString]>) -> Value {
    let values = fields.into_iter().map(Value::String);
    match header {
        Some(header) => Value::Object(header.iter().cloned().zip(values).collect::<Object>()),
        None => values.collect::<Vec<Value>>().into(),
    }
}

/// A rule for linters: names of columns can only be expected where a row names them.
pub fn headers_are_parsed(node: &Node) -> Vec<String> {
    let is_off = node
        .get("parse_header_row")
        .and_then(Node::as_text)
        .is_some_and(|text| text.eq_ignore_ascii_case("false"));
    let expected = node.get("expected_headers").and_then(Node::as_list).unwrap_or_default();
    if !is_off || expected.is_empty() {
        return Vec::new();
    }
    vec!["expected_headers is set but parse_header_row is false".to_owned()]
}

/// The first character of a configured delimiter.
///
/// # Errors
/// It cannot separate fields.
pub fn delimiter(text: &str) -> Result<char, String> {
    match text.chars().next() {
        None => Ok(','),
        Some('"' | '\r' | '\n') => Err("csv: invalid field or comment delimiter".into()),
        Some(comma) => Ok(comma),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(mut rows: Rows, text: &str, chunk: usize) -> Vec<String> {
        let mut found = Vec::new();
        let mut take = |rows: &mut Rows, at_end| {
            while let Some(row) = rows.next(at_end) {
                found.push(match row {
                    Ok(fields) => fields.join("|"),
                    Err(error) => error.to_string(),
                });
            }
        };
        for piece in text.as_bytes().chunks(chunk) {
            rows.feed(&Bytes::copy_from_slice(piece));
            take(&mut rows, false);
        }
        take(&mut rows, true);
        found
    }

    /// Whatever the chunks are, the rows are the same.
    #[track_caller]
    fn check(lazy: bool, text: &str, expected: &[&str]) {
        for chunk in [1, 2, 3, 7, 1000] {
            assert_eq!(rows_of(Rows::new(',', lazy, None), text, chunk), expected, "{chunk}");
        }
    }

    #[test]
    fn rows_fields_and_quotes() {
        check(false, "a,b\r\n1,\"x, \"\"y\"\"\"\n\n,\n", &["a|b", "1|x, \"y\"", "|"]);
        check(false, "a,b\n1,\"two\r\nlines\"\nlast,", &["a|b", "1|two\nlines", "last|"]);
        check(false, "\r\n\n", &[]);
    }

    #[test]
    fn quotes_out_of_place() {
        check(
            false,
            "id,n\n1,a\"b\n2,c\n",
            &["id|n", "parse error on line 2, column 4: bare \" in non-quoted field", "2|c"],
        );
        check(
            false,
            "a\n\"b\"c\nd\n",
            &[
                "a",
                "parse error on line 2, column 3: extraneous or missing \" in quoted-field",
                "d",
            ],
        );
        check(true, "id,n\n1,a\"b\n2,\"c\"d\"\n", &["id|n", "1|a\"b", "2|c\"d"]);
        check(true, "a\n\"open", &["a", "open"]);
    }

    #[test]
    fn rows_must_have_as_many_fields_as_the_first() {
        check(false, "a,b\n1\n2,3\n", &["a|b", "record on line 2: wrong number of fields", "2|3"]);
    }

    #[test]
    fn rows_become_documents() {
        let fields = || vec!["1".into(), "2".into(), "3".into()];
        let header = ["a".into(), "b".into()];
        assert_eq!(document(fields(), Some(&header)).to_string(), r#"{"a":"1","b":"2"}"#);
        assert_eq!(document(fields(), None).to_string(), r#"["1","2","3"]"#);
    }
}
