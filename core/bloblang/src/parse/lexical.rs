//! White space, comments, names and strings.

use super::{Fail, Parsed, Parser};
use crate::Span;

impl Parser<'_> {
    pub(super) fn peek(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Skips spaces and tabs.
    pub(super) fn spaces(&self, mut at: usize) -> usize {
        while matches!(self.peek(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        at
    }

    /// At least one space or tab.
    pub(super) fn some_spaces(&self, at: usize) -> Result<usize, Fail> {
        match self.spaces(at) {
            end if end == at => Err(Fail::expected(at, "whitespace")),
            end => Ok(end),
        }
    }

    /// Skips spaces, line breaks and comments.
    pub(super) fn blank(&self, mut at: usize) -> usize {
        loop {
            let start = at;
            at = self.spaces(at);
            if let Ok(end) = self.line_break(at) {
                at = end;
            }
            if at == start {
                return at;
            }
        }
    }

    /// A line break, possibly after a comment. A comment needs its line break, too.
    pub(super) fn line_break(&self, at: usize) -> Result<usize, Fail> {
        if self.peek(at) == Some(b'#') {
            return match self.text[at..].find('\n') {
                Some(length) => Ok(at + length + 1),
                None => Err(Fail::expected(self.text.len(), "line break")
                    .hint("a comment ends with a line break, also at the end of a mapping")),
            };
        }
        let after_return = if self.peek(at) == Some(b'\r') { at + 1 } else { at };
        match self.peek(after_return) {
            Some(b'\n') => Ok(after_return + 1),
            _ => Err(Fail::expected(after_return, "line break")),
        }
    }

    pub(super) fn term(&self, at: usize, term: &'static str) -> Result<usize, Fail> {
        if self.text.as_bytes()[at..].starts_with(term.as_bytes()) {
            Ok(at + term.len())
        } else {
            Err(Fail::expected(at, term))
        }
    }

    /// Letters, digits and underscores.
    pub(super) fn name(&self, at: usize, what: &'static str) -> Parsed<&str> {
        self.run(at, what, |b| b.is_ascii_alphanumeric() || b == b'_')
    }

    /// Small letters, digits and underscores, as functions and parameters are called.
    pub(super) fn snake_case(&self, at: usize, what: &'static str) -> Parsed<&str> {
        self.run(at, what, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    }

    fn run(&self, at: usize, what: &'static str, is: impl Fn(u8) -> bool) -> Parsed<&str> {
        let rest = &self.text.as_bytes()[at..];
        let length = rest.iter().position(|b| !is(*b)).unwrap_or(rest.len());
        if length == 0 {
            return Err(Fail::expected(at, what));
        }
        Ok((&self.text[at..at + length], at + length))
    }

    /// A string in double quotes, its escapes resolved. Not always UTF-8: `\xff` is a byte.
    pub(super) fn quoted(&self, at: usize) -> Parsed<Vec<u8>> {
        if self.peek(at) != Some(b'"') {
            return Err(Fail::expected(at, "quoted string"));
        }
        let mut escaped = false;
        for (offset, byte) in self.text.as_bytes()[at + 1..].iter().enumerate() {
            match byte {
                b'"' if !escaped => {
                    let end = at + 1 + offset;
                    let content = &self.text[at + 1..end];
                    return match unquote(content) {
                        Some(bytes) => Ok((bytes, end + 1)),
                        None => Err(self.bad_string(at, end + 1, content)),
                    };
                }
                b'\\' => escaped = !escaped,
                _ => escaped = false,
            }
        }
        Err(Fail::expected(self.text.len(), "end quote").required())
    }

    /// A quoted string that must be text, such as a name.
    pub(super) fn quoted_text(&self, at: usize) -> Parsed<String> {
        let (bytes, end) = self.quoted(at)?;
        Ok((String::from_utf8_lossy(&bytes).into_owned(), end))
    }

    fn bad_string(&self, at: usize, end: usize, content: &str) -> Fail {
        let span = Span { start: at, end };
        let fail = Fail::semantic(at, "string", "this string cannot be read".into(), span);
        if content.contains('\n') {
            fail.hint("a string in single quotes of `\"` stays on one line; use `\"\"\"` for more")
        } else {
            fail.hint(
                "write a backslash as `\\\\`; known escapes are \\n \\r \\t \\\" \\\\ \\u00e9",
            )
        }
    }
}

/// Reads a string literal of Go: in double quotes, in backquotes, or one character in single
/// quotes.
pub(crate) fn unquote_literal(text: &str) -> Option<Vec<u8>> {
    let inside = |quote: char| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (text.len() >= 2 && !inner.is_empty() || text.len() == 2).then_some(inner)
    };
    if let Some(inner) = inside('`') {
        let plain: String = inner.chars().filter(|c| *c != '\r').collect();
        return (!inner.contains('`')).then(|| plain.into_bytes());
    }
    if let Some(inner) = inside('\'') {
        let inner = inner.replace("\\'", "\u{0}").replace('"', "\\\"").replace('\u{0}', "'");
        let bytes = unquote(&inner)?;
        let is_one = std::str::from_utf8(&bytes).is_ok_and(|text| text.chars().count() == 1);
        return is_one.then_some(bytes);
    }
    let inner = inside('"')?;
    let mut escaped = false;
    for c in inner.chars() {
        match c {
            '"' if !escaped => return None,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    if escaped { None } else { unquote(inner) }
}

/// Resolves the escapes of a double-quoted string; `None` for unknown ones and line breaks.
fn unquote(content: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(content.len());
    let mut chars = content.chars();
    while let Some(c) = chars.next() {
        match c {
            '\n' => return None,
            '\\' => escape(&mut chars, &mut out)?,
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Some(out)
}

fn escape(chars: &mut std::str::Chars<'_>, out: &mut Vec<u8>) -> Option<()> {
    let plain = match chars.next()? {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '"' => b'"',
        'x' => u8::try_from(digits(chars, 2, 16)?).ok()?,
        first @ '0'..='7' => {
            let rest = digits(chars, 2, 8)?;
            u8::try_from(first.to_digit(8)? * 64 + rest).ok()?
        }
        c @ ('u' | 'U') => {
            let code = digits(chars, if c == 'u' { 4 } else { 8 }, 16)?;
            let c = char::from_u32(code)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(());
        }
        _ => return None,
    };
    out.push(plain);
    Some(())
}

fn digits(chars: &mut std::str::Chars<'_>, count: usize, base: u32) -> Option<u32> {
    let mut value = 0_u32;
    for _ in 0..count {
        value = value.checked_mul(base)?.checked_add(chars.next()?.to_digit(base)?)?;
    }
    Some(value)
}
