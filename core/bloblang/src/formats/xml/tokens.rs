//! Cuts a document into tags and text, forgiving what HTML-like documents do: attributes without
//! quotes or value, unknown entities, end tags that do not match.

use std::borrow::Cow;

use super::name::{is_ascii_name, is_name};

pub(super) struct Tokens<'a> {
    input: Cow<'a, [u8]>,
    at: usize,
    /// Lines before `input`, which a change of encoding cuts off.
    earlier_lines: usize,
    /// An end tag still to be told: the second half of `<a/>`, or one that closed another element.
    pending_end: Option<Name>,
    open: Vec<Open>,
}

pub(super) enum Token {
    Start {
        name: String,
        attributes: Vec<(String, String)>,
    },
    End,
    Text(String),
    /// A comment, an instruction or a declaration.
    Other,
}

#[derive(Clone, Debug, PartialEq)]
struct Name {
    prefix: String,
    local: String,
}

enum Open {
    Element(Name),
    /// A declaration of a namespace by the element above it.
    Namespace,
}

type Result<T> = std::result::Result<T, String>;

impl<'a> Tokens<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            input: Cow::Borrowed(input),
            at: 0,
            earlier_lines: 1,
            pending_end: None,
            open: Vec::new(),
        }
    }

    /// The next token; `None` at the end of the document.
    pub(super) fn next(&mut self) -> Result<Option<Token>> {
        if let Some(name) = self.pending_end.take() {
            return self.close(name).map(Some);
        }
        let Some(first) = self.peek() else {
            return if self.open.is_empty() { Ok(None) } else { Err(self.early_end()) };
        };
        if first != b'<' {
            return Ok(Some(Token::Text(self.text(None, false)?)));
        }
        self.at += 1;
        match self.byte()? {
            b'/' => {
                let name = self.full_name("expected element name after </")?;
                self.skip_space();
                if self.byte()? != b'>' {
                    let problem = format!("invalid characters between </{} and >", name.local);
                    return Err(self.syntax(&problem));
                }
                self.close(name).map(Some)
            }
            b'?' => self.instruction(),
            b'!' => match self.byte()? {
                b'-' => self.comment(),
                b'[' => {
                    for expected in *b"CDATA[" {
                        if self.byte()? != expected {
                            return Err(self.syntax("invalid <![ sequence"));
                        }
                    }
                    Ok(Some(Token::Text(self.text(None, true)?)))
                }
                _ => self.declaration(),
            },
            _ => {
                self.at -= 1;
                self.start().map(Some)
            }
        }
    }

    fn start(&mut self) -> Result<Token> {
        let name = self.full_name("expected element name after <")?;
        let mut attributes = Vec::new();
        let mut namespaces = 0;
        loop {
            self.skip_space();
            match self.byte()? {
                b'/' => {
                    if self.byte()? != b'>' {
                        return Err(self.syntax("expected /> in element"));
                    }
                    self.pending_end = Some(name.clone());
                    break;
                }
                b'>' => break,
                _ => self.at -= 1,
            }
            let attribute = self.full_name("expected attribute name in element")?;
            self.skip_space();
            let value = match self.byte()? {
                b'=' => {
                    self.skip_space();
                    self.attribute_value()?
                }
                _ => {
                    self.at -= 1;
                    attribute.local.clone()
                }
            };
            let declares = match attribute.prefix.as_str() {
                "xmlns" => true,
                "" => attribute.local == "xmlns",
                _ => false,
            };
            namespaces += usize::from(declares);
            attributes.push((attribute.local, value));
        }
        self.open.extend((0..namespaces).map(|_| Open::Namespace));
        let local = name.local.clone();
        self.open.push(Open::Element(name));
        Ok(Token::Start { name: local, attributes })
    }

    /// An end tag. One that does not match closes the innermost element and is then told again.
    fn close(&mut self, end: Name) -> Result<Token> {
        let Some(Open::Element(start)) = self.open.pop() else {
            return Err(self.syntax(&format!("unexpected end element </{}>", end.local)));
        };
        if start.local != end.local {
            self.pending_end = Some(end);
            return Ok(Token::End);
        }
        if start.prefix != end.prefix {
            let space = if end.prefix.is_empty() { "\"\"" } else { &end.prefix };
            return Err(self.syntax(&format!(
                "element <{}> in space {} closed by </{}> in space {space}",
                start.local, start.prefix, end.local
            )));
        }
        while let Some(Open::Namespace) = self.open.last() {
            self.open.pop();
        }
        Ok(Token::End)
    }

    fn instruction(&mut self) -> Result<Option<Token>> {
        let target = self.name("expected target name after <?")?;
        self.skip_space();
        let from = self.at;
        let mut before = 0;
        loop {
            let byte = self.byte()?;
            if before == b'?' && byte == b'>' {
                break;
            }
            before = byte;
        }
        if target == "xml" {
            let content = String::from_utf8_lossy(&self.input[from..self.at - 2]).into_owned();
            let version = parameter("version", &content);
            if !matches!(version, "" | "1.0") {
                return Err(format!(
                    "xml: unsupported version {}; only version 1.0 is supported",
                    crate::number::quote(version)
                ));
            }
            let encoding = parameter("encoding", &content);
            if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("utf-8") {
                self.decode(encoding)?;
            }
        }
        Ok(Some(Token::Other))
    }

    /// Reads what follows in another encoding.
    fn decode(&mut self, label: &str) -> Result<()> {
        let Some(encoding) = encoding_rs::Encoding::for_label(label.as_bytes()) else {
            let label = crate::number::quote(label);
            return Err(format!("xml: opening charset {label}: unsupported charset: {label}"));
        };
        self.earlier_lines = self.line();
        let (text, _) = encoding.decode_without_bom_handling(&self.input[self.at..]);
        self.input = Cow::Owned(text.into_owned().into_bytes());
        self.at = 0;
        Ok(())
    }

    fn comment(&mut self) -> Result<Option<Token>> {
        if self.byte()? != b'-' {
            return Err(self.syntax("invalid sequence <!- not part of <!--"));
        }
        let (mut before, mut last) = (0, 0);
        loop {
            let byte = self.byte()?;
            if before == b'-' && last == b'-' {
                if byte != b'>' {
                    return Err(self.syntax("invalid sequence \"--\" not allowed in comments"));
                }
                return Ok(Some(Token::Other));
            }
            (before, last) = (last, byte);
        }
    }

    /// `<!DOCTYPE ...>` and its like, with nested brackets, quotes and comments.
    fn declaration(&mut self) -> Result<Option<Token>> {
        let mut quote = None;
        let mut depth = 0_usize;
        loop {
            let mut byte = self.byte()?;
            if quote.is_none() && byte == b'>' && depth == 0 {
                return Ok(Some(Token::Other));
            }
            'same: loop {
                match byte {
                    _ if quote == Some(byte) => quote = None,
                    _ if quote.is_some() => {}
                    b'\'' | b'"' => quote = Some(byte),
                    b'>' => depth = depth.saturating_sub(1),
                    b'<' => {
                        for expected in *b"!--" {
                            byte = self.byte()?;
                            if byte != expected {
                                depth += 1;
                                continue 'same;
                            }
                        }
                        let (mut before, mut last) = (0, 0);
                        loop {
                            let byte = self.byte()?;
                            if before == b'-' && last == b'-' && byte == b'>' {
                                break;
                            }
                            (before, last) = (last, byte);
                        }
                    }
                    _ => {}
                }
                break;
            }
        }
    }

    fn attribute_value(&mut self) -> Result<String> {
        let first = self.byte()?;
        if matches!(first, b'"' | b'\'') {
            return self.text(Some(first), false);
        }
        self.at -= 1;
        let mut value = String::new();
        loop {
            let byte = self.byte()?;
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-')) {
                self.at -= 1;
                return Ok(value);
            }
            value.push(char::from(byte));
        }
    }

    /// Text up to a tag, the closing quote or the end of a CDATA section.
    fn text(&mut self, quote: Option<u8>, cdata: bool) -> Result<String> {
        let mut text = Vec::new();
        let (mut before, mut last) = (0, 0);
        loop {
            let Some(byte) = self.peek() else {
                if cdata {
                    return Err(self.syntax("unexpected EOF in CDATA section"));
                }
                break;
            };
            self.at += 1;
            if quote.is_none() && before == b']' && last == b']' && byte == b'>' {
                if cdata {
                    text.truncate(text.len() - 2);
                    break;
                }
                return Err(self.syntax("unescaped ]]> not in CDATA section"));
            }
            if byte == b'<' && !cdata {
                if quote.is_some() {
                    return Err(self.syntax("unescaped < inside quoted string"));
                }
                self.at -= 1;
                break;
            }
            if quote == Some(byte) {
                break;
            }
            if byte == b'&' && !cdata {
                self.entity(&mut text)?;
                (before, last) = (0, 0);
                continue;
            }
            match byte {
                b'\r' => text.push(b'\n'),
                b'\n' if last == b'\r' => {}
                _ => text.push(byte),
            }
            (before, last) = (last, byte);
        }
        let text = String::from_utf8(text).map_err(|_| self.syntax("invalid UTF-8"))?;
        match text.chars().find(|&c| !is_allowed(c)) {
            Some(c) => Err(self.syntax(&format!("illegal character code U+{:04X}", c as u32))),
            None => Ok(text),
        }
    }

    /// Appends what stands after `&`, as it is written where it means nothing.
    fn entity(&mut self, text: &mut Vec<u8>) -> Result<()> {
        let from = self.at - 1;
        let known = if self.byte()? == b'#' {
            let radix = if self.byte()? == b'x' { 16 } else { 10 };
            if radix == 10 {
                self.at -= 1;
            }
            let digits = self.at;
            while char::from(self.byte()?).is_digit(radix) {}
            self.at -= 1;
            let code = std::str::from_utf8(&self.input[digits..self.at])
                .ok()
                .and_then(|digits| u64::from_str_radix(digits, radix).ok())
                .filter(|code| *code <= 0x10_FFFF);
            code.map(|code| {
                char::from_u32(u32::try_from(code).unwrap_or_default())
                    .unwrap_or(char::REPLACEMENT_CHARACTER)
            })
        } else {
            self.at -= 1;
            let name = self.at;
            let is_word = |byte: u8| !byte.is_ascii() || is_ascii_name(byte);
            while is_word(self.byte()?) {}
            self.at -= 1;
            match &self.input[name..self.at] {
                b"lt" => Some('<'),
                b"gt" => Some('>'),
                b"amp" => Some('&'),
                b"apos" => Some('\''),
                b"quot" => Some('"'),
                _ => None,
            }
        };
        let closed = self.byte()? == b';';
        if !closed {
            self.at -= 1;
        }
        match known.filter(|_| closed) {
            Some(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None => text.extend_from_slice(&self.input[from..self.at]),
        }
        Ok(())
    }

    /// A name with its namespace prefix told apart.
    fn full_name(&mut self, missing: &str) -> Result<Name> {
        let name = self.name(missing)?;
        if name.matches(':').count() > 1 {
            return Err(self.syntax(missing));
        }
        Ok(match name.split_once(':') {
            Some((prefix, local)) if !prefix.is_empty() && !local.is_empty() => {
                Name { prefix: prefix.into(), local: local.into() }
            }
            _ => Name { prefix: String::new(), local: name },
        })
    }

    fn name(&mut self, missing: &str) -> Result<String> {
        let from = self.at;
        let is_part = |byte: u8| !byte.is_ascii() || is_ascii_name(byte);
        while is_part(self.byte()?) {}
        self.at -= 1;
        if self.at == from {
            return Err(self.syntax(missing));
        }
        let name = &self.input[from..self.at];
        let shown = String::from_utf8_lossy(name);
        if !is_name(name) {
            return Err(self.syntax(&format!("invalid XML name: {shown}")));
        }
        Ok(shown.into_owned())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\r' | b'\n' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    /// The next byte where there has to be one.
    fn byte(&mut self) -> Result<u8> {
        let byte = self.peek().ok_or_else(|| self.early_end())?;
        self.at += 1;
        Ok(byte)
    }

    fn early_end(&self) -> String {
        self.syntax("unexpected EOF")
    }

    fn syntax(&self, problem: &str) -> String {
        format!("XML syntax error on line {}: {problem}", self.line())
    }

    fn line(&self) -> usize {
        let read = &self.input[..self.at.min(self.input.len())];
        self.earlier_lines + memchr::memchr_iter(b'\n', read).count()
    }
}

fn is_allowed(c: char) -> bool {
    matches!(c,
        '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}'
        | '\u{10000}'..='\u{10FFFF}')
}

/// The value of `name="..."` inside an instruction; empty when it has none.
fn parameter<'t>(name: &str, content: &'t str) -> &'t str {
    let name = format!("{name}=");
    let mut rest = content;
    while let Some((_, after)) = rest.split_once(&name) {
        let Some(first) = after.chars().next() else { return "" };
        rest = &after[first.len_utf8()..];
        if matches!(first, '\'' | '"') {
            return rest.split_once(first).map_or("", |(value, _)| value);
        }
    }
    ""
}
