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

/// Pieces that together are no longer than this travel as one: to copy them costs less than a chunk
/// of the response for each.
const MOST_JOINED: usize = 16 * 1024;

pub(super) const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n\n");

impl Format {
    /// A batch as pieces of the stream. What is made of a message is shared with its copies, which
    /// other clients get, perhaps of other streams.
    pub(super) fn encode(self, batch: &Batch) -> Vec<Bytes> {
        let pieces = match self {
            Self::Raw => raw(batch),
            Self::Events => events(batch),
        };
        match pieces.as_slice() {
            [_, _, ..] if pieces.iter().map(Bytes::len).sum::<usize>() <= MOST_JOINED => {
                vec![pieces.concat().into()]
            }
            _ => pieces,
        }
    }
}

fn raw(batch: &Batch) -> Vec<Bytes> {
    let line = |content: &Bytes| [content, &b"\n"[..]].concat().into();
    let mut out: Vec<_> = batch.iter().map(|message| message.encoded("line", line)).collect();
    if batch.len() > 1 {
        out.push(Bytes::from_static(b"\n"));
    }
    out
}

fn events(batch: &Batch) -> Vec<Bytes> {
    let mut out = Vec::with_capacity(batch.len() * 2);
    for message in batch.iter() {
        // Where the source stood is known of this copy alone.
        if let Some(place) = &message.context().place {
            out.push(format!("id: {}\n", place.id).into());
        }
        out.push(message.encoded("event", event));
    }
    out
}

fn event(content: &Bytes) -> Bytes {
    let mut out = BytesMut::with_capacity(content.len() + 8);
    for line in Lines(Some(content)) {
        out.put_slice(b"data: ");
        out.put_slice(line);
        out.put_u8(b'\n');
    }
    out.put_u8(b'\n');
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
        assert_eq!(std::str::from_utf8(&format.encode(&batch).concat()).unwrap(), expected);
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
    fn what_is_small_travels_as_one_piece() {
        let batch: Batch = ["a", "b"].map(Message::from).into_iter().collect();
        for format in [Format::Raw, Format::Events] {
            assert_eq!(format.encode(&batch).len(), 1);
        }
        let large = Message::from_bytes(vec![b'a'; MOST_JOINED]);
        let batch: Batch = [large.clone(), large].into_iter().collect();
        assert_eq!(Format::Raw.encode(&batch).len(), 3);
    }

    #[test]
    fn an_event_says_where_its_source_stood() {
        let mut message = Message::from("a");
        let place = sluice_message::Place { epoch: 1, id: "AQ".into() };
        message.context_mut().place = Some(std::sync::Arc::new(place));
        assert_eq!(Format::Events.encode(&message.into()).concat(), b"id: AQ\ndata: a\n\n");
    }

    #[test]
    fn copies_of_large_messages_share_their_encoding_whatever_their_places_are() {
        let mut message = Message::from_bytes(vec![b'a'; MOST_JOINED]);
        message.share_forms();
        let encoded = |format: Format, place: &str| {
            let mut copy = message.clone();
            let place = sluice_message::Place { epoch: 1, id: place.into() };
            copy.context_mut().place = Some(std::sync::Arc::new(place));
            format.encode(&copy.into()).pop().unwrap()
        };
        for format in [Format::Raw, Format::Events] {
            assert_eq!(encoded(format, "A").as_ptr(), encoded(format, "B").as_ptr());
        }
    }
}
