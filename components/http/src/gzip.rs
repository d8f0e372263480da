//! Gzip: replies for clients that accept it, and responses of servers that use it.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzDecoder, GzEncoder};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, VARY};
use http::{HeaderMap, Response};
use sluice_engine::http::{HttpBody, full_body};

use crate::headers::accepts;

/// Bodies from here on are packed on a thread that may block.
const LARGE: usize = 256 << 10;

/// Whether the client wants its reply packed.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    headers.contains_key(ACCEPT_ENCODING) && accepts(headers, &ACCEPT_ENCODING, "gzip")
}

/// A response with `body` packed. An empty body stays as it is.
pub(crate) async fn pack(response: Response<()>, body: Bytes) -> Response<HttpBody> {
    let (mut parts, ()) = response.into_parts();
    if body.is_empty() || parts.headers.contains_key(CONTENT_ENCODING) {
        return Response::from_parts(parts, full_body(body));
    }
    let packed = if body.len() < LARGE {
        packed(&body)
    } else {
        let copy = body.clone();
        tokio::task::spawn_blocking(move || packed(&copy)).await.ok().flatten()
    };
    let Some(packed) = packed else { return Response::from_parts(parts, full_body(body)) };
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, full_body(packed))
}

fn packed(content: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(content.len() / 2), Compression::fast());
    encoder.write_all(content).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Unpacks a response as it arrives.
pub(crate) struct Unpacker(GzDecoder<Vec<u8>>);

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self(GzDecoder::new(Vec::new()))
    }

    /// What `chunk` unpacks to, at most `limit` bytes.
    ///
    /// # Errors
    /// The content is no gzip, or grows beyond the limit.
    pub(crate) fn unpack(&mut self, chunk: &[u8], limit: usize) -> Result<Bytes, String> {
        // Small pieces, so that a bomb is noticed before it has unfolded.
        for piece in chunk.chunks(4096) {
            self.0.write_all(piece).map_err(|error| error.to_string())?;
            if self.0.get_ref().len() > limit {
                return Err("response body is too large".into());
            }
        }
        self.0.flush().map_err(|error| error.to_string())?;
        Ok(std::mem::take(self.0.get_mut()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_survives_in_pieces() {
        let content = b"hello ".repeat(1000);
        let packed = packed(&content).unwrap();
        let mut unpacker = Unpacker::new();
        let unpacked: Vec<u8> =
            packed.chunks(7).flat_map(|piece| unpacker.unpack(piece, 1 << 20).unwrap()).collect();
        assert_eq!(unpacked, content);
    }

    #[test]
    fn a_bomb_is_noticed() {
        let packed = packed(&vec![0; 8 << 20]).unwrap();
        assert!(Unpacker::new().unpack(&packed, 1 << 20).is_err());
        assert!(Unpacker::new().unpack(b"not gzip at all", 100).is_err());
    }
}
