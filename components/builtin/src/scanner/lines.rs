//! `lines`.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use memchr::memmem::Finder;
use sluice_config::config;
use sluice_engine::{BuildError, Registry, Scan, ScanError, Scanner, Scope};
use sluice_message::Message;

use super::too_long;

pub(crate) fn register(registry: &mut Registry) {
    registry.scanner("lines", build).doc(
        "Cuts at line breaks, or at a delimiter of your own. Line breaks are no part of messages.",
    );
}

config! {
    /// Lines.
    struct LinesConfig {
        /// What ends a message, instead of a line break.
        custom_delimiter: Option<String>,
        /// Longest message in bytes, its end included; a longer one ends the stream.
        max_buffer_size: usize = 65_536,
        /// Whether empty messages are left out.
        omit_empty: bool = false,
    }
}

struct Lines {
    delimiter: Arc<Finder<'static>>,
    is_line_break: bool,
    max_length: usize,
    omit_empty: bool,
}

fn build(config: LinesConfig, _: &Scope) -> Result<Arc<dyn Scanner>, BuildError> {
    let custom = config.custom_delimiter.filter(|delimiter| !delimiter.is_empty());
    Ok(Arc::new(Lines {
        is_line_break: custom.is_none(),
        delimiter: Arc::new(Finder::new(custom.as_deref().unwrap_or("\n")).into_owned()),
        max_length: config.max_buffer_size,
        omit_empty: config.omit_empty,
    }))
}

impl Scanner for Lines {
    fn begin(&self, _: &str) -> Result<Box<dyn Scan>, ScanError> {
        Ok(Box::new(LinesScan {
            delimiter: self.delimiter.clone(),
            is_line_break: self.is_line_break,
            max_length: self.max_length,
            omit_empty: self.omit_empty,
            pending: BytesMut::new(),
        }))
    }
}

struct LinesScan {
    delimiter: Arc<Finder<'static>>,
    is_line_break: bool,
    max_length: usize,
    omit_empty: bool,
    /// The beginning of a line whose end has not come yet.
    pending: BytesMut,
}

impl LinesScan {
    /// The first delimiter in `text`.
    fn find(&self, text: &[u8]) -> Option<usize> {
        if self.is_line_break { memchr::memchr(b'\n', text) } else { self.delimiter.find(text) }
    }

    fn push(&self, line: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError> {
        if line.len() + self.delimiter.needle().len() > self.max_length {
            return Err(too_long());
        }
        let line = match &line[..] {
            [.., b'\r'] if self.is_line_break => line.slice(..line.len() - 1),
            _ => line,
        };
        if !(self.omit_empty && line.is_empty()) {
            out.push(Message::from_bytes(line));
        }
        Ok(())
    }

    /// Ends the pending line with the beginning of `chunk`; false when its end is not there.
    fn complete(&mut self, chunk: &mut Bytes, out: &mut Vec<Message>) -> Result<bool, ScanError> {
        let width = self.delimiter.needle().len();
        // The delimiter may lie across the border.
        let held = self.pending.len();
        let from = held.saturating_sub(width - 1);
        self.pending.extend_from_slice(&chunk[..chunk.len().min(width - 1)]);
        let end = match self.find(&self.pending[from..]) {
            Some(at) => from + at,
            None => match self.find(chunk) {
                Some(at) => held + at,
                None => {
                    self.pending.truncate(held);
                    self.pending.extend_from_slice(&std::mem::take(chunk));
                    return Ok(false);
                }
            },
        };
        self.pending.truncate(held);
        let used = end + width - held;
        self.pending.extend_from_slice(&chunk[..used]);
        let _ = chunk.split_to(used);
        let mut line = self.pending.split();
        line.truncate(end);
        self.push(line.freeze(), out)?;
        Ok(true)
    }
}

impl Scan for LinesScan {
    fn feed(&mut self, mut chunk: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError> {
        if !self.pending.is_empty() && !self.complete(&mut chunk, out)? {
            if self.pending.len() > self.max_length {
                return Err(too_long());
            }
            return Ok(());
        }
        // Lines that end in this chunk are parts of it, not copies.
        let width = self.delimiter.needle().len();
        let mut start = 0;
        while let Some(length) = self.find(&chunk[start..]) {
            self.push(chunk.slice(start..start + length), out)?;
            start += length + width;
        }
        self.pending.extend_from_slice(&chunk[start..]);
        if self.pending.len() > self.max_length {
            return Err(too_long());
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Message>) -> Result<(), ScanError> {
        let rest = self.pending.split().freeze();
        if rest.is_empty() { Ok(()) } else { self.push(rest, out) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(config: LinesConfig, text: &str, expected: &[&str]) {
        let scope_free = |config: &LinesConfig| {
            let custom = config.custom_delimiter.clone();
            Lines {
                is_line_break: custom.is_none(),
                delimiter: Arc::new(Finder::new(custom.as_deref().unwrap_or("\n")).into_owned()),
                max_length: config.max_buffer_size,
                omit_empty: config.omit_empty,
            }
        };
        for size in [1, 2, 3, 5, 1000] {
            let mut scan = scope_free(&config).begin("").unwrap();
            let mut out = Vec::new();
            let fed = text
                .as_bytes()
                .chunks(size)
                .try_for_each(|chunk| scan.feed(Bytes::copy_from_slice(chunk), &mut out));
            if fed.is_ok() {
                let _ = scan.end(&mut out);
            }
            let lines: Vec<_> =
                out.iter().map(|line| String::from_utf8_lossy(line.bytes()).into_owned()).collect();
            assert_eq!(lines, expected, "chunks of {size}");
        }
    }

    fn config() -> LinesConfig {
        LinesConfig { custom_delimiter: None, max_buffer_size: 64, omit_empty: false }
    }

    #[test]
    fn lines_end_with_a_break_or_with_the_text() {
        check(config(), "a\r\nb\n\nc", &["a", "b", "", "c"]);
        check(config(), "", &[]);
        check(LinesConfig { omit_empty: true, ..config() }, "a\n\r\n\nb\n", &["a", "b"]);
    }

    #[test]
    fn delimiters_may_lie_across_chunks() {
        let custom = || LinesConfig { custom_delimiter: Some("||".into()), ..config() };
        check(custom(), "a||b|c||d\n", &["a", "b|c", "d\n"]);
        check(custom(), "a|||", &["a", "|"]);
    }

    #[test]
    fn a_line_that_is_too_long_ends_the_stream() {
        let short = LinesConfig { max_buffer_size: 8, ..config() };
        check(short, "short\nthis line is far too long\nafter\n", &["short"]);
    }
}
