//! `json_documents`.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sluice_config::config;
use sluice_engine::{Registry, Scan, ScanError, Scanner};
use sluice_message::Message;
use sluice_value::{Value, json};

pub(crate) fn register(registry: &mut Registry) {
    registry.scanner("json_documents", |_: JsonDocuments, _| Ok(Arc::new(JsonDocuments {}))).doc(
        "Makes a message of each JSON document; documents follow each other with or without \
             space between them. A broken one ends the stream.",
    );
}

config! {
    /// Nothing to configure.
    struct JsonDocuments {}
}

impl Scanner for JsonDocuments {
    fn begin(&self, _: &str) -> Result<Box<dyn Scan>, ScanError> {
        Ok(Box::new(Documents::default()))
    }
}

/// Finds where documents end, so that each is parsed once and in one piece.
#[derive(Default)]
struct Documents {
    pending: BytesMut,
    /// How much of `pending` was looked at.
    seen: usize,
    state: State,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    /// Between documents.
    #[default]
    Outside,
    /// In a number, `true`, `false` or `null` that stands alone.
    Word,
    /// Inside of so many brackets; 0 for a string that stands alone.
    Inside { depth: usize, in_string: bool, escaped: bool },
}

impl Documents {
    /// Looks at the next byte; true when a document ends before it.
    fn step(&mut self, byte: u8) -> bool {
        match &mut self.state {
            State::Outside => {
                self.state = match byte {
                    b' ' | b'\t' | b'\r' | b'\n' => State::Outside,
                    b'{' | b'[' => State::Inside { depth: 1, in_string: false, escaped: false },
                    b'"' => State::Inside { depth: 0, in_string: true, escaped: false },
                    _ => State::Word,
                };
                false
            }
            State::Word => matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'{' | b'[' | b'"'),
            State::Inside { in_string: false, depth: 0, .. } => true,
            State::Inside { in_string, escaped, .. } if *in_string => {
                match byte {
                    _ if *escaped => *escaped = false,
                    b'\\' => *escaped = true,
                    b'"' => *in_string = false,
                    _ => {}
                }
                false
            }
            State::Inside { depth, in_string, .. } => {
                match byte {
                    b'{' | b'[' => *depth += 1,
                    b'}' | b']' => *depth -= 1,
                    b'"' => *in_string = true,
                    _ => {}
                }
                false
            }
        }
    }

    fn emit(&mut self, out: &mut Vec<Message>) -> Result<(), ScanError> {
        let text = self.pending.split_to(self.seen);
        self.seen = 0;
        self.state = State::Outside;
        let value = json::parse(&text).map_err(|error| ScanError(error.in_document(&text)))?;
        out.push(match value {
            // A text stays a JSON document, with its quotes.
            text @ Value::String(_) => Message::from_bytes(text.to_json()),
            value => Message::from_value(value),
        });
        Ok(())
    }
}

impl Scan for Documents {
    fn feed(&mut self, chunk: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError> {
        self.pending.extend_from_slice(&chunk);
        while self.seen < self.pending.len() {
            let byte = self.pending[self.seen];
            if self.step(byte) {
                self.emit(out)?;
            } else {
                self.seen += 1;
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Message>) -> Result<(), ScanError> {
        if self.state == State::Outside { Ok(()) } else { self.emit(out) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        for size in [1, 2, 5, 100] {
            let mut scan = Documents::default();
            let mut out = Vec::new();
            let fed = text
                .as_bytes()
                .chunks(size)
                .try_for_each(|chunk| scan.feed(Bytes::copy_from_slice(chunk), &mut out));
            if fed.is_ok() {
                let _ = scan.end(&mut out);
            }
            let found: Vec<_> =
                out.iter().map(|it| String::from_utf8_lossy(it.bytes()).into_owned()).collect();
            assert_eq!(found, expected, "chunks of {size}");
        }
    }

    #[test]
    fn documents_follow_each_other() {
        check(
            "{\"a\":1}\n{\"b\" : [2, \"}\"]}{\"c\":\"\\\"\"} 4 \"fi}ve\"true",
            &[r#"{"a":1}"#, r#"{"b":[2,"}"]}"#, r#"{"c":"\""}"#, "4", r#""fi}ve""#, "true"],
        );
        check(" \n", &[]);
    }

    #[test]
    fn a_broken_document_ends_the_stream() {
        check("{\"a\":1}\n{broken\n", &[r#"{"a":1}"#]);
        check("[1]]2", &["[1]"]);
    }
}
