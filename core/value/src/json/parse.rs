//! Parsing to values. Fields and items gather on two stacks that a thread keeps between documents.

use std::cell::Cell;

use ecow::{EcoString, EcoVec};

use super::lex::{JsonError, Lexer, MAX_DEPTH, RawNumber};
use crate::{Number, Object, Value};

/// Parses one JSON document; white space may surround it.
///
/// # Errors
/// The first character that is not JSON, or nesting beyond [`MAX_DEPTH`].
pub fn parse(document: &[u8]) -> Result<Value, JsonError> {
    with_text(document, |text| {
        let (value, end) = prefix(text)?;
        let mut lexer = Lexer::new(text);
        lexer.at = end;
        match lexer.peek_token() {
            None => Ok(value),
            Some(_) => Err(lexer.unexpected("after top-level value")),
        }
    })
}

/// Parses the document that `text` starts with and returns how many bytes it took.
///
/// # Errors
/// As [`parse`], save that anything may follow the document.
pub fn parse_prefix(text: &str) -> Result<(Value, usize), JsonError> {
    prefix(text)
}

/// Runs `read` on the document as text, broken UTF-8 replaced by U+FFFD.
pub(super) fn with_text<T>(document: &[u8], read: impl FnOnce(&str) -> T) -> T {
    match std::str::from_utf8(document) {
        Ok(text) => read(text),
        Err(_) => read(&String::from_utf8_lossy(document)),
    }
}

fn prefix(text: &str) -> Result<(Value, usize), JsonError> {
    let mut parser =
        Parser { lexer: Lexer::new(text), depth: 0, stacks: STACKS.take().unwrap_or_default() };
    let parsed = parser.value();
    let end = parser.lexer.at;
    parser.stacks.items.clear();
    parser.stacks.fields.clear();
    STACKS.set(Some(parser.stacks));
    Ok((parsed?, end))
}

#[derive(Default)]
struct Stacks {
    items: Vec<Value>,
    fields: Vec<(EcoString, Value)>,
}

thread_local! {
    static STACKS: Cell<Option<Box<Stacks>>> = const { Cell::new(None) };
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: usize,
    stacks: Box<Stacks>,
}

impl Parser<'_> {
    fn value(&mut self) -> Result<Value, JsonError> {
        match self.lexer.peek_token() {
            Some(b'"') => {
                let raw = self.lexer.string()?;
                Ok(Value::String(raw.unescaped().as_ref().into()))
            }
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'-' | b'0'..=b'9') => Ok(match self.lexer.number()? {
                RawNumber::Int(n) => Value::Int(n),
                RawNumber::Text(text) => Value::Number(Number::from_json_text(text)),
            }),
            Some(b't') => self.lexer.literal("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.lexer.literal("false").map(|()| Value::Bool(false)),
            Some(b'n') => self.lexer.literal("null").map(|()| Value::Null),
            _ => Err(self.lexer.unexpected("looking for beginning of value")),
        }
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Value, JsonError>,
    ) -> Result<Value, JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(self.lexer.too_deep());
        }
        self.depth += 1;
        self.lexer.at += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Value, JsonError> {
        let base = self.stacks.fields.len();
        if self.lexer.peek_token() == Some(b'}') {
            self.lexer.at += 1;
            return Ok(Value::Object(Object::new()));
        }
        loop {
            if self.lexer.peek_token() != Some(b'"') {
                return Err(self.lexer.unexpected("looking for beginning of object key string"));
            }
            let key: EcoString = self.lexer.string()?.unescaped().as_ref().into();
            if self.lexer.peek_token() != Some(b':') {
                return Err(self.lexer.unexpected("after object key"));
            }
            self.lexer.at += 1;
            let value = self.value()?;
            self.stacks.fields.push((key, value));
            match self.lexer.peek_token() {
                Some(b',') => self.lexer.at += 1,
                Some(b'}') => break,
                _ => return Err(self.lexer.unexpected("after object key:value pair")),
            }
        }
        self.lexer.at += 1;
        let fields: EcoVec<_> = self.stacks.fields.drain(base..).collect();
        Ok(Value::Object(Object::from_unsorted(fields)))
    }

    fn array(&mut self) -> Result<Value, JsonError> {
        let base = self.stacks.items.len();
        if self.lexer.peek_token() == Some(b']') {
            self.lexer.at += 1;
            return Ok(Value::Array(EcoVec::new()));
        }
        loop {
            let item = self.value()?;
            self.stacks.items.push(item);
            match self.lexer.peek_token() {
                Some(b',') => self.lexer.at += 1,
                Some(b']') => break,
                _ => return Err(self.lexer.unexpected("after array element")),
            }
        }
        self.lexer.at += 1;
        Ok(Value::Array(self.stacks.items.drain(base..).collect()))
    }
}
