//! Batches as bytes of a stream.

use bytes::{BufMut, Bytes, BytesMut};
use sluice_message::Batch;

/// How a stream separates messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Each message and a line break; a batch of several ends with an empty line.
    Raw,
    /// Server-sent events: one for each message.
    Events,
}

pub(super) const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");

impl Format {
    pub(super) fn encode(self, batch: &Batch) -> Bytes {
        match self {
            Self::Raw => raw(batch),
            Self::Events => events(batch),
        }
    }
}

fn raw(batch: &Batch) -> Bytes {
    let mut out = BytesMut::with_capacity(batch.byte_size() + batch.len() + 1);
    for message in batch.iter() {
        out.put_slice(message.bytes());
        out.put_u8(b'\n');
    }
    if batch.len() > 1 {
        out.put_u8(b'\n');
    }
    out.freeze()
}

fn events(batch: &Batch) -> Bytes {
    let mut out = BytesMut::with_capacity(batch.byte_size() + batch.len() * 8);
    for message in batch.iter() {
        if let Some(place) = &message.context().place {
            out.put_slice(b"id: ");
            out.put_slice(place.id.as_bytes());
            out.put_u8(b'\n');
        }
        for line in Lines(Some(message.bytes())) {
            out.put_slice(b"data: ");
            out.put_slice(line);
            out.put_u8(b'\n');
        }
        out.put_u8(b'\n');
    }
    out.freeze()
}

/// Lines as event streams know them: ended by `\n`, `\r\n` or `\r`. A line break within a `data`
/// line would end it early, so that the rest were taken for another field.
struct Lines<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        let Some(at) = memchr::memchr2(b'\n', b'\r', rest) else {
            self.0 = None;
            return Some(rest);
        };
        let skip = if rest[at..].starts_with(b"\r\n") { 2 } else { 1 };
        self.0 = Some(&rest[at + skip..]);
        Some(&rest[..at])
    }
}

#[cfg(test)]
mod tests {
    use sluice_message::Message;

    use super::*;

    #[track_caller]
    fn check(format: Format, contents: &[&str], expected: &str) {
        let batch: Batch = contents.iter().map(|content| Message::from(*content)).collect();
        assert_eq!(std::str::from_utf8(&format.encode(&batch)).unwrap(), expected);
    }

    #[test]
    fn raw_batches_end_with_an_empty_line() {
        check(Format::Raw, &["a"], "a\n");
        check(Format::Raw, &["a", "b"], "a\nb\n\n");
    }

    #[test]
    fn every_line_of_an_event_is_a_data_line() {
        check(Format::Events, &["a\nb"], "data: a\ndata: b\n\n");
        check(Format::Events, &["a\r\nb\rc\n"], "data: a\ndata: b\ndata: c\ndata: \n\n");
        check(Format::Events, &["", "x"], "data: \n\ndata: x\n\n");
    }

    #[test]
    fn an_event_says_where_its_source_stood() {
        let mut message = Message::from("a");
        let place = sluice_message::Place { epoch: 1, id: "AQ".into() };
        message.context_mut().place = Some(std::sync::Arc::new(place));
        assert_eq!(&Format::Events.encode(&message.into())[..], b"id: AQ\ndata: a\n\n");
    }
}
