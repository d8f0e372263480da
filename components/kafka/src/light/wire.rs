//! Texts, numbers and lists as Kafka's protocol writes them, and the few requests that positions
//! of groups need, in the oldest form that all brokers from 0.11 to 4 understand.

use std::sync::Arc;

/// A request in the making: its length, its header, then the body.
pub(super) struct Request {
    bytes: Vec<u8>,
}

/// A kind of request and the version of its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    key: i16,
    version: i16,
}

pub(super) const OFFSET_COMMIT: Kind = Kind { key: 8, version: 2 };
/// The version before could not say that the coordinator is not ready: it looks as if nothing were
/// stored.
pub(super) const OFFSET_FETCH: Kind = Kind { key: 9, version: 2 };
pub(super) const FIND_COORDINATOR: Kind = Kind { key: 10, version: 1 };
pub(super) const SASL_HANDSHAKE: Kind = Kind { key: 17, version: 1 };
pub(super) const SASL_AUTHENTICATE: Kind = Kind { key: 36, version: 0 };

/// Where the correlation id stands in a request.
const CORRELATION: std::ops::Range<usize> = 8..12;

impl Request {
    pub(super) fn new(kind: Kind, client_id: &str) -> Self {
        let mut request = Self { bytes: vec![0; 4] };
        request.int16(kind.key);
        request.int16(kind.version);
        request.int32(0); // the correlation id, set when it is sent
        request.text(client_id);
        request
    }

    pub(super) fn int8(&mut self, value: i8) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(super) fn int16(&mut self, value: i16) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(super) fn int32(&mut self, value: i32) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(super) fn int64(&mut self, value: i64) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        // Names of topics and groups are shorter; what is longer is refused before.
        let text = &text.as_bytes()[..text.len().min(i16::MAX as usize)];
        self.int16(text.len() as i16);
        self.bytes.extend_from_slice(text);
    }

    pub(super) fn content(&mut self, content: &[u8]) {
        self.int32(content.len() as i32);
        self.bytes.extend_from_slice(content);
    }

    /// The bytes to send under a correlation id.
    pub(super) fn finish(mut self, correlation: i32) -> Vec<u8> {
        let length = (self.bytes.len() - 4) as i32;
        self.bytes[..4].copy_from_slice(&length.to_be_bytes());
        self.bytes[CORRELATION].copy_from_slice(&correlation.to_be_bytes());
        self.bytes
    }
}

/// A response being read.
pub(super) struct Response<'a>(pub(super) &'a [u8]);

/// A response that ends early or says what it cannot.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a broker's answer cannot be read")]
pub(super) struct Garbled;

impl<'a> Response<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Garbled> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Garbled)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn int16(&mut self) -> Result<i16, Garbled> {
        self.take().map(i16::from_be_bytes)
    }

    pub(super) fn int32(&mut self) -> Result<i32, Garbled> {
        self.take().map(i32::from_be_bytes)
    }

    pub(super) fn int64(&mut self) -> Result<i64, Garbled> {
        self.take().map(i64::from_be_bytes)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Garbled> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Garbled)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A text; none reads as empty.
    pub(super) fn text(&mut self) -> Result<&'a str, Garbled> {
        let length = usize::try_from(self.int16()?).unwrap_or(0);
        std::str::from_utf8(self.bytes(length)?).map_err(|_| Garbled)
    }

    pub(super) fn content(&mut self) -> Result<&'a [u8], Garbled> {
        let length = usize::try_from(self.int32()?).unwrap_or(0);
        self.bytes(length)
    }

    /// How many items follow.
    pub(super) fn count(&mut self) -> Result<usize, Garbled> {
        Ok(usize::try_from(self.int32()?).unwrap_or(0))
    }
}

/// A position of a group: topic, partition, offset.
pub(super) type Position = (Arc<str>, i32, i64);

pub(super) fn find_coordinator(client_id: &str, group: &str) -> Request {
    let mut request = Request::new(FIND_COORDINATOR, client_id);
    request.text(group);
    request.int8(0); // of a group, not of a transaction
    request
}

/// The coordinator's host and port.
pub(super) fn coordinator(answer: &[u8]) -> Result<Result<(String, u16), i16>, Garbled> {
    let mut answer = Response(answer);
    answer.int32()?; // how long we were throttled
    let code = answer.int16()?;
    answer.text()?; // the same in words
    answer.int32()?; // the broker's number
    let host = answer.text()?.to_owned();
    let port = answer.int32()?;
    if code != 0 {
        return Ok(Err(code));
    }
    Ok(Ok((host, u16::try_from(port).map_err(|_| Garbled)?)))
}

pub(super) fn offset_fetch(
    client_id: &str,
    group: &str,
    partitions: &[(Arc<str>, i32)],
) -> Request {
    let mut request = Request::new(OFFSET_FETCH, client_id);
    request.text(group);
    let topics: Vec<_> = partitions.chunk_by(|a, b| a.0 == b.0).collect();
    request.int32(topics.len() as i32);
    for topic in topics {
        request.text(&topic[0].0);
        request.int32(topic.len() as i32);
        for (_, id) in topic {
            request.int32(*id);
        }
    }
    request
}

/// What is stored: topic, partition, offset (negative for none). Or the first error.
#[expect(clippy::type_complexity, reason = "an answer within an answer")]
pub(super) fn fetched(answer: &[u8]) -> Result<Result<Vec<(String, i32, i64)>, i16>, Garbled> {
    let mut answer = Response(answer);
    let mut found = Vec::new();
    let mut refused = None;
    for _ in 0..answer.count()? {
        let topic = answer.text()?.to_owned();
        for _ in 0..answer.count()? {
            let (id, offset) = (answer.int32()?, answer.int64()?);
            answer.text()?; // what whoever stored it noted
            match answer.int16()? {
                0 => found.push((topic.clone(), id, offset)),
                code => refused = refused.or(Some(code)),
            }
        }
    }
    let code = answer.int16()?;
    let refused = refused.or((code != 0).then_some(code));
    Ok(refused.map_or(Ok(found), Err))
}

/// Outside of any generation: taken while the group has no members.
pub(super) fn offset_commit(client_id: &str, group: &str, positions: &[Position]) -> Request {
    let mut request = Request::new(OFFSET_COMMIT, client_id);
    request.text(group);
    request.int32(-1); // generation
    request.text(""); // member
    request.int64(-1); // kept for as long as the broker keeps positions
    let topics: Vec<_> = positions.chunk_by(|a, b| a.0 == b.0).collect();
    request.int32(topics.len() as i32);
    for topic in topics {
        request.text(&topic[0].0);
        request.int32(topic.len() as i32);
        for (_, id, offset) in topic {
            request.int32(*id);
            request.int64(*offset);
            request.text(""); // no note
        }
    }
    request
}

/// The first error, if there is one.
pub(super) fn committed(answer: &[u8]) -> Result<Result<(), i16>, Garbled> {
    let mut answer = Response(answer);
    for _ in 0..answer.count()? {
        answer.text()?;
        for _ in 0..answer.count()? {
            answer.int32()?;
            match answer.int16()? {
                0 => {}
                code => return Ok(Err(code)),
            }
        }
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_its_length_and_id() {
        let bytes = find_coordinator("me", "g").finish(7);
        let expected = b"\0\0\0\x10\0\x0a\0\x01\0\0\0\x07\0\x02me\0\x01g\0";
        assert_eq!(bytes, expected);
    }

    #[test]
    fn partitions_are_grouped_by_topic() {
        let (a, b) = (Arc::<str>::from("a"), Arc::<str>::from("b"));
        let bytes = offset_fetch("", "g", &[(a.clone(), 0), (a, 2), (b, 1)]).finish(0);
        let body =
            b"\0\x01g\0\0\0\x02\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x02\0\x01b\0\0\0\x01\0\0\0\x01";
        assert_eq!(&bytes[14..], body);
    }

    #[test]
    fn answers_that_end_early_are_garbled() {
        assert_eq!(fetched(b"\0\0\0\x01\0\x01a\0\0\0\x01\0\0\0\0"), Err(Garbled));
        assert_eq!(fetched(b"\0\0\0\0\0\x0f"), Ok(Err(15)));
        assert_eq!(coordinator(b"\0\0\0\0\0\0\0"), Err(Garbled));
        assert_eq!(committed(b"\0\0\0\x01\0\x01a\0\0\0\x01\0\0\0\0\0\x19"), Ok(Err(25)));
    }
}
