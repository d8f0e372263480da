//! The lexer that parsing and scanning share: white space, strings, numbers, literals, errors.

use std::borrow::Cow;

/// Deepest nesting of arrays and objects. Deeper documents are refused, because values are
/// handled (and dropped) recursively.
pub const MAX_DEPTH: usize = 1000;

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Byte offset of the character at fault.
    pub offset: usize,
    kind: ErrorKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ErrorKind {
    End,
    TooDeep,
    Unexpected(char, Cow<'static, str>),
}

impl std::fmt::Display for JsonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            ErrorKind::End => f.write_str("unexpected end of JSON input"),
            ErrorKind::TooDeep => f.write_str("exceeded max depth"),
            ErrorKind::Unexpected('\'', place) => write!(f, r"invalid character '\'' {place}"),
            ErrorKind::Unexpected('"', place) => write!(f, "invalid character '\"' {place}"),
            ErrorKind::Unexpected(c, place) => {
                write!(f, "invalid character '{}' {place}", c.escape_debug())
            }
        }
    }
}

impl std::error::Error for JsonError {}

impl JsonError {
    /// The error in the words of the reference engine's reader, which reads a stream: it counts
    /// bytes for characters, and looks at what follows a complete document.
    pub fn in_document(&self, document: &[u8]) -> String {
        match &self.kind {
            ErrorKind::End => "unexpected EOF".into(),
            ErrorKind::Unexpected(_, place) if place == "after top-level value" => {
                let rest = String::from_utf8_lossy(document).get(self.offset..).map(str::to_owned);
                match rest.as_deref().map(super::parse_prefix) {
                    Some(Err(error)) => match &error.kind {
                        ErrorKind::End => "unexpected EOF".into(),
                        _ => error.to_string(),
                    },
                    _ => "message contains multiple valid documents".into(),
                }
            }
            ErrorKind::Unexpected(c, place) if !c.is_ascii() => {
                let valid = match std::str::from_utf8(document) {
                    Ok(text) => text.len(),
                    Err(error) => error.valid_up_to(),
                };
                let byte = document.get(self.offset.min(valid)).copied().unwrap_or_default();
                format!("invalid character '{}' {place}", char::from(byte))
            }
            _ => self.to_string(),
        }
    }
}

/// A string literal as found in the text.
pub(super) struct Raw<'a> {
    /// Between the quotes.
    pub(super) text: &'a str,
    pub(super) has_escapes: bool,
}

impl<'a> Raw<'a> {
    pub(super) fn unescaped(&self) -> Cow<'a, str> {
        if self.has_escapes { Cow::Owned(unescape(self.text)) } else { Cow::Borrowed(self.text) }
    }
}

/// A number literal as found in the text.
pub(super) enum RawNumber<'a> {
    Int(i64),
    Text(&'a str),
}

pub(super) struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0 }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte that is not white space, not consumed.
    #[inline]
    pub(super) fn peek_token(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// The character at fault, with the place where something else was expected.
    #[cold]
    pub(super) fn unexpected(&self, place: impl Into<Cow<'static, str>>) -> JsonError {
        let kind = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => ErrorKind::Unexpected(c, place.into()),
            None => ErrorKind::End,
        };
        JsonError { offset: self.at, kind }
    }

    #[cold]
    pub(super) fn too_deep(&self) -> JsonError {
        JsonError { offset: self.at, kind: ErrorKind::TooDeep }
    }

    /// Consumes a literal whose first byte was seen.
    pub(super) fn literal(&mut self, word: &'static str) -> Result<(), JsonError> {
        for expected in word.bytes() {
            if self.peek() != Some(expected) {
                let place = format!("in literal {word} (expecting '{}')", char::from(expected));
                return Err(self.unexpected(place));
            }
            self.at += 1;
        }
        Ok(())
    }

    /// Consumes a string whose opening quote is next.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Raw<'a>, JsonError> {
        self.at += 1;
        let start = self.at;
        let mut has_escapes = false;
        loop {
            self.at = skip_plain(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => {
                    let text = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Raw { text, has_escapes });
                }
                Some(b'\\') => {
                    has_escapes = true;
                    self.escape()?;
                }
                _ => return Err(self.unexpected("in string literal")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.unexpected("in \\u hexadecimal character escape"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.unexpected("in string escape code")),
        }
        Ok(())
    }

    /// Consumes a number whose first byte (a digit or a minus) was seen.
    #[inline]
    pub(super) fn number(&mut self) -> Result<RawNumber<'a>, JsonError> {
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        if negative {
            self.at += 1;
        }
        let digits_start = self.at;
        let mut n: i64 = 0;
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => {
                while let Some(digit @ b'0'..=b'9') = self.peek() {
                    n = n.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
                    self.at += 1;
                }
            }
            _ => return Err(self.unexpected("in numeric literal")),
        }
        let mut plain = true;
        if self.peek() == Some(b'.') {
            plain = false;
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            plain = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let text = &self.text[start..self.at];
        if !plain || (negative && n == 0) {
            return Ok(RawNumber::Text(text));
        }
        if self.at - digits_start <= 18 {
            return Ok(RawNumber::Int(if negative { -n } else { n }));
        }
        Ok(text.parse().map_or(RawNumber::Text(text), RawNumber::Int))
    }

    fn digits(&mut self, place: &'static str) -> Result<(), JsonError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected(place));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Marks (in the high bits) the bytes of `word` that equal `byte`; exact up to the first mark.
#[inline]
pub(super) const fn equals(word: u64, byte: u8) -> u64 {
    let zeroed = word ^ (ONES * byte as u64);
    zeroed.wrapping_sub(ONES) & !zeroed & HIGHS
}

/// Marks the control characters of `word`; exact up to the first mark.
#[inline]
pub(super) const fn controls(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x20) & !word & HIGHS
}

/// Index of the first quote, backslash or control character from `at` on, eight bytes a step.
#[inline]
fn skip_plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        let marks = equals(word, b'"') | equals(word, b'\\') | controls(word);
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
        at += 1;
    }
    at
}

/// Resolves the escapes of a string whose escapes were checked.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest.as_bytes()[at + 1];
        rest = &rest[at + 2..];
        match code {
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let (c, used) = unicode(rest);
                out.push(c);
                rest = &rest[used..];
            }
            other => out.push(char::from(other)),
        }
    }
    out.push_str(rest);
    out
}

/// The character of a `\u` escape whose digits `text` starts with, and the bytes it used: 4, or
/// 10 for a surrogate pair. A lone surrogate is U+FFFD.
fn unicode(text: &str) -> (char, usize) {
    let unit =
        |digits: Option<&str>| digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let first = unit(text.get(..4)).unwrap_or(0xFFFD);
    if (0xD800..0xDC00).contains(&first)
        && text.get(4..6) == Some("\\u")
        && let Some(second @ 0xDC00..0xE000) = unit(text.get(6..10))
    {
        let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return (char::from_u32(code).unwrap_or('\u{FFFD}'), 10);
    }
    (char::from_u32(first).unwrap_or('\u{FFFD}'), 4)
}
