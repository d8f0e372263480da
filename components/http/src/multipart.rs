//! Multipart bodies: batches as one body and back.

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use memchr::memmem;
use ring::rand::{SecureRandom, SystemRandom};

/// Most parts that one body may have.
const MAX_PARTS: usize = 100_000;

/// A media type and its `boundary`, as far as they matter here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Single,
    Multipart { boundary: String },
}

/// Reads a `Content-Type`.
///
/// # Errors
/// It is no media type, or a multipart one without a usable boundary.
pub(crate) fn content(content_type: &str) -> Result<Content, String> {
    let (media, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let media = media.trim();
    let mut names = media.splitn(2, '/');
    if !names.all(is_token) {
        return Err(format!("not a media type: {content_type}"));
    }
    if !media.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/")) {
        return Ok(Content::Single);
    }
    match parameter(parameters, "boundary") {
        Some(boundary) if !boundary.is_empty() && boundary.len() <= 200 => {
            Ok(Content::Multipart { boundary })
        }
        _ => Err("multipart: boundary is empty".into()),
    }
}

fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

/// The value of a parameter such as `boundary="a;b"`.
fn parameter(mut text: &str, wanted: &str) -> Option<String> {
    loop {
        let (name, rest) = text.split_once('=')?;
        let rest = rest.trim_start();
        let (value, after) = if let Some(quoted) = rest.strip_prefix('"') {
            unquote(quoted)?
        } else {
            let end = rest.find(';').unwrap_or(rest.len());
            (rest[..end].trim().to_owned(), &rest[end..])
        };
        if name.trim().trim_start_matches(';').trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        text = after;
    }
}

/// The text up to the closing quote, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// The contents of all parts, sharing the body's memory.
///
/// # Errors
/// The body does not begin with the boundary, breaks off, or has too many parts.
pub(crate) fn split(body: &Bytes, boundary: &str) -> Result<Vec<Bytes>, String> {
    const BROKEN: &str = "multipart: unexpected end of body";
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(delimiter.as_bytes());
    // The first boundary may stand without a line break before it.
    let mut at = match body.strip_prefix(&delimiter.as_bytes()[2..]) {
        Some(_) => delimiter.len() - 2,
        None => finder.find(body).ok_or(BROKEN)? + delimiter.len(),
    };
    let mut parts = Vec::new();
    loop {
        let rest = &body[at..];
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        let line = memchr::memchr(b'\n', rest).ok_or(BROKEN)?;
        if !rest[..line].iter().all(|byte| b" \t\r".contains(byte)) {
            return Err("multipart: expected a boundary line".into());
        }
        if parts.len() == MAX_PARTS {
            return Err("multipart: too many parts".into());
        }
        // The line break that ends the boundary line also begins an empty header section.
        let after_line = at + line + 1;
        let section = &body[after_line..];
        let content_at = if section.starts_with(b"\r\n") {
            after_line + 2
        } else {
            after_line + memmem::find(section, b"\r\n\r\n").ok_or(BROKEN)? + 4
        };
        // The line break before the boundary may be the one that ended the headers.
        let from = content_at - 2;
        let end = from + finder.find(&body[from..]).ok_or(BROKEN)?;
        parts.push(body.slice(content_at..end.max(content_at)));
        at = end + delimiter.len();
    }
}

/// Writes a multipart body.
pub(crate) struct Writer {
    boundary: String,
    body: BytesMut,
}

impl Writer {
    pub(crate) fn new() -> Self {
        let mut random = [0_u8; 30];
        // A boundary that could be guessed would still be correct unless the content tries to
        // collide; the generator does not fail on supported systems.
        let _ = SystemRandom::new().fill(&mut random);
        let boundary = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { boundary, body: BytesMut::new() }
    }

    /// Adds a part with these headers.
    pub(crate) fn part<'a>(
        &mut self,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        content: &[u8],
    ) {
        let line_break: &[u8] = if self.body.is_empty() { b"" } else { b"\r\n" };
        self.put(&[line_break, b"--"]);
        let boundary = self.boundary.clone();
        self.put(&[boundary.as_bytes(), b"\r\n"]);
        for (name, value) in headers {
            self.put(&[name.as_bytes(), b": ", value, b"\r\n"]);
        }
        self.put(&[b"\r\n", content]);
    }

    /// The body and its content type.
    pub(crate) fn finish(mut self) -> (Bytes, HeaderValue) {
        let boundary = self.boundary.clone();
        let line_break: &[u8] = if self.body.is_empty() { b"" } else { b"\r\n" };
        self.put(&[line_break, b"--", boundary.as_bytes(), b"--\r\n"]);
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let content_type =
            HeaderValue::try_from(content_type).expect("hexadecimal digits are header text");
        (self.body.freeze(), content_type)
    }

    fn put(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            self.body.extend_from_slice(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &str) -> Result<Vec<String>, String> {
        let parts = split(&Bytes::copy_from_slice(body.as_bytes()), "B")?;
        Ok(parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect())
    }

    #[test]
    fn what_was_written_is_read_back() {
        let mut writer = Writer::new();
        writer.part([("Content-Type", &b"text/plain"[..])], b"one");
        writer.part([], b"");
        writer.part([("A", &b"b"[..])], b"--x\r\n");
        let (body, content_type) = writer.finish();
        let Ok(Content::Multipart { boundary }) = content(content_type.to_str().unwrap()) else {
            panic!("no multipart")
        };
        let read = split(&body, &boundary).unwrap();
        assert_eq!(read, [&b"one"[..], b"", b"--x\r\n"]);
    }

    #[test]
    fn parts_need_no_headers_and_may_be_empty() {
        assert_eq!(parts("--B\r\n\r\na\r\n--B\r\nH: 1\r\n\r\n\r\n--B--").unwrap(), ["a", ""]);
        assert_eq!(
            parts("preamble\r\n--B  \r\nH: 1\r\n\r\nx\r\n--B--\r\nepilogue").unwrap(),
            ["x"]
        );
        assert_eq!(parts("--B--\r\n").unwrap(), [""; 0]);
    }

    #[test]
    fn broken_bodies_are_refused() {
        for body in ["", "x", "--B", "--B\r\n", "--B\r\nH: 1\r\n\r\nx", "--Bx\r\n\r\na\r\n--B--"] {
            assert!(parts(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn boundaries_are_found_among_parameters() {
        let multipart = |boundary: &str| Ok(Content::Multipart { boundary: boundary.into() });
        assert_eq!(content("multipart/form-data; boundary=x"), multipart("x"));
        assert_eq!(
            content("Multipart/Mixed; a=\"q;\\\"\"; Boundary=\"a b\"; c=d"),
            multipart("a b")
        );
        assert_eq!(content("application/json; charset=utf-8"), Ok(Content::Single));
        assert!(
            content("multipart/mixed").is_err() && content("multipart/mixed; boundary=").is_err()
        );
        assert!(content("").is_err() && content("a b").is_err() && content(";x").is_err());
    }
}
