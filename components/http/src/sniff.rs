//! Guessing a content type from content, by the rules that browsers use.

use http::HeaderValue;

use crate::reply::{OCTETS, TEXT};

/// Bytes that are looked at.
const WINDOW: usize = 512;

/// Signatures at the start of the content.
const SIGNATURES: [(&[u8], &str); 17] = [
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\xFE\xFF", "text/plain; charset=utf-16be"),
    (b"\xFF\xFE", "text/plain; charset=utf-16le"),
    (b"\xEF\xBB\xBF", "text/plain; charset=utf-8"),
    (b"BM", "image/bmp"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x89PNG\x0D\x0A\x1A\x0A", "image/png"),
    (b"\xFF\xD8\xFF", "image/jpeg"),
    (b"ID3", "audio/mpeg"),
    (b"OggS\0", "application/ogg"),
    (b"\x1A\x45\xDF\xA3", "video/webm"),
    (b"wOF2", "font/woff2"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1F\x8B\x08", "application/x-gzip"),
    (b"\0asm", "application/wasm"),
];

/// Elements by which a page is recognised; one of ` ` and `>` must follow.
const ELEMENTS: [&str; 17] = [
    "<!DOCTYPE HTML",
    "<HTML",
    "<HEAD",
    "<SCRIPT",
    "<IFRAME",
    "<H1",
    "<DIV",
    "<FONT",
    "<TABLE",
    "<A",
    "<STYLE",
    "<TITLE",
    "<B",
    "<BODY",
    "<BR",
    "<P",
    "<!--",
];

/// The type that the content looks like.
pub(crate) fn content_type(content: &[u8]) -> HeaderValue {
    let window = &content[..content.len().min(WINDOW)];
    let start = window.iter().position(|byte| !b"\t\n\x0C\r ".contains(byte));
    let trimmed = &window[start.unwrap_or(window.len())..];
    if ELEMENTS.iter().any(|element| begins_element(trimmed, element)) {
        return HeaderValue::from_static("text/html; charset=utf-8");
    }
    if trimmed.starts_with(b"<?xml") {
        return HeaderValue::from_static("text/xml; charset=utf-8");
    }
    if let Some((_, name)) = SIGNATURES.iter().find(|(sign, _)| window.starts_with(sign)) {
        return HeaderValue::from_static(name);
    }
    if let (Some(b"RIFF"), Some(form)) = (window.get(..4), window.get(8..14)) {
        match form {
            b"WEBPVP" => return HeaderValue::from_static("image/webp"),
            _ if form.starts_with(b"WAVE") => return HeaderValue::from_static("audio/wave"),
            _ if form.starts_with(b"AVI ") => return HeaderValue::from_static("video/avi"),
            _ => {}
        }
    }
    if trimmed.iter().any(|byte| is_binary(*byte)) { OCTETS } else { TEXT }
}

fn begins_element(content: &[u8], element: &str) -> bool {
    let begins = content
        .get(..element.len())
        .is_some_and(|text| text.eq_ignore_ascii_case(element.as_bytes()));
    begins && matches!(content.get(element.len()), Some(b' ' | b'>'))
}

fn is_binary(byte: u8) -> bool {
    matches!(byte, 0..=8 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_known_by_its_looks() {
        for (content, expected) in [
            (&b""[..], "text/plain; charset=utf-8"),
            (b"{\"a\":1}", "text/plain; charset=utf-8"),
            (b"  <html>", "text/html; charset=utf-8"),
            (b"<hr>", "text/plain; charset=utf-8"),
            (b"<?xml version=\"1.0\"?>", "text/xml; charset=utf-8"),
            (b"\x89PNG\x0D\x0A\x1A\x0A...", "image/png"),
            (b"\x00\x01", "application/octet-stream"),
            (b"RIFF....WAVEfmt", "audio/wave"),
        ] {
            assert_eq!(content_type(content), expected);
        }
    }
}
