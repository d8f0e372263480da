//! How messages are told apart in what goes to a program and comes from it.

use bytes::{Buf, Bytes, BytesMut};
use sluice_engine::BuildError;
use tokio::io::{AsyncRead, AsyncReadExt};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Each message is a line.
    Lines,
    /// The length as four bytes, the highest first, before each message.
    LengthPrefixed,
    /// The length as text and a colon before each message, a comma after it.
    Netstring,
}

impl Framing {
    /// # Errors
    /// There is no such framing.
    pub(crate) fn parse(name: &str) -> Result<Self, BuildError> {
        match name.to_ascii_lowercase().as_str() {
            "lines" => Ok(Self::Lines),
            "length_prefixed_uint32_be" => Ok(Self::LengthPrefixed),
            "netstring" => Ok(Self::Netstring),
            _ => Err(BuildError::new(format!("unrecognized codec value: {name}"))),
        }
    }

    /// # Errors
    /// The content is too long for this framing.
    pub(crate) fn encode(self, content: &[u8]) -> Result<Vec<u8>, String> {
        let mut frame = Vec::with_capacity(content.len() + 12);
        match self {
            Self::Lines => frame.extend_from_slice(content),
            Self::LengthPrefixed => {
                let length = u32::try_from(content.len());
                let length = length.map_err(|_| "message exceeds 4 GiB".to_owned())?;
                frame.extend_from_slice(&length.to_be_bytes());
                frame.extend_from_slice(content);
            }
            Self::Netstring => {
                frame.extend_from_slice(format!("{}:", content.len()).as_bytes());
                frame.extend_from_slice(content);
                frame.push(b',');
            }
        }
        if self == Self::Lines {
            frame.push(b'\n');
        }
        Ok(frame)
    }

    /// The first message of a buffer, when it is there.
    fn decode(self, buffer: &mut BytesMut, most: usize) -> Result<Option<Bytes>, String> {
        let too_long = || format!("a message exceeds max_buffer ({most} bytes)");
        let (head, length, tail) = match self {
            Self::Lines => match buffer.iter().position(|byte| *byte == b'\n') {
                Some(at) => (0, at, 1),
                None if buffer.len() > most => return Err(too_long()),
                None => return Ok(None),
            },
            Self::LengthPrefixed => match buffer.first_chunk::<4>() {
                Some(length) => (4, u32::from_be_bytes(*length) as usize, 0),
                None => return Ok(None),
            },
            Self::Netstring => match buffer.iter().position(|byte| *byte == b':') {
                Some(0) => {
                    return Err(
                        "encountered invalid netstring: netstring starts with colon (':')".into()
                    );
                }
                Some(at) => {
                    let length =
                        std::str::from_utf8(&buffer[..at]).ok().and_then(|it| it.parse().ok());
                    let length: usize = length.ok_or_else(|| {
                        let shown = String::from_utf8_lossy(&buffer[..at]).into_owned();
                        format!("encountered invalid netstring: unable to decode length '{shown}'")
                    })?;
                    (at + 1, length, 1)
                }
                None if buffer.len() > 20 => {
                    return Err("encountered invalid netstring: no length".into());
                }
                None => return Ok(None),
            },
        };
        if length > most {
            return Err(too_long());
        }
        if buffer.len() < head + length + tail {
            return Ok(None);
        }
        if self == Self::Netstring && buffer[head + length] != b',' {
            return Err("encountered invalid netstring: trailing comma-character is missing".into());
        }
        buffer.advance(head);
        let mut message = buffer.split_to(length);
        buffer.advance(tail);
        if self == Self::Lines && message.ends_with(b"\r") {
            message.truncate(message.len() - 1);
        }
        Ok(Some(message.freeze()))
    }
}

/// Messages as they come from a program.
pub(crate) struct Frames<R> {
    source: R,
    framing: Framing,
    buffer: BytesMut,
    most: usize,
    has_ended: bool,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(crate) fn new(source: R, framing: Framing, most: usize) -> Self {
        Self { source, framing, buffer: BytesMut::new(), most, has_ended: false }
    }

    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// A message is too long or malformed, or reading failed. Nothing more can be read then.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        loop {
            if let Some(message) = self.framing.decode(&mut self.buffer, self.most)? {
                return Ok(Some(message));
            }
            if self.has_ended {
                let last = std::mem::take(&mut self.buffer);
                let is_line = self.framing == Framing::Lines && !last.is_empty();
                return Ok(is_line.then(|| last.freeze()));
            }
            let read = self.source.read_buf(&mut self.buffer).await;
            self.has_ended = read.map_err(|error| error.to_string())? == 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(framing: Framing, bytes: &[u8], expected: &[&str], error: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut frames = Frames::new(bytes, framing, 8);
            let mut found = Vec::new();
            let end = loop {
                match frames.next().await {
                    Ok(Some(frame)) => found.push(String::from_utf8_lossy(&frame).into_owned()),
                    Ok(None) => break String::new(),
                    Err(error) => break error,
                }
            };
            assert_eq!(found, expected);
            assert_eq!(end, error);
        });
    }

    #[test]
    fn frames_are_told_apart_and_bounded() {
        let too_long = "a message exceeds max_buffer (8 bytes)";
        check(Framing::Lines, b"a\r\n\nbc", &["a", "", "bc"], "");
        check(Framing::Lines, b"a\n123456789", &["a"], too_long);
        check(Framing::LengthPrefixed, b"\0\0\0\x02ab\0\0\0\0", &["ab", ""], "");
        check(Framing::LengthPrefixed, b"\0\0\0\x09", &[], too_long);
        check(Framing::Netstring, b"2:ab,0:,", &["ab", ""], "");
        check(Framing::Netstring, b"9:", &[], too_long);
        let missing = "encountered invalid netstring: trailing comma-character is missing";
        check(Framing::Netstring, b"1:ab", &[], missing);
        let colon = "encountered invalid netstring: netstring starts with colon (':')";
        check(Framing::Netstring, b":", &[], colon);
    }

    #[test]
    fn what_is_sent_can_be_read() {
        for framing in [Framing::Lines, Framing::LengthPrefixed, Framing::Netstring] {
            let mut sent = framing.encode(b"one").unwrap();
            sent.extend(framing.encode(b"").unwrap());
            check(framing, &sent, &["one", ""], "");
        }
    }
}
