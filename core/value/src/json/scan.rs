//! One path of a document, without building the rest.
//!
//! The whole text is still checked, so that a broken document fails no matter what is read of it.

use super::JsonError;
use super::lex::{Lexer, MAX_DEPTH, Raw};
use super::parse::{parse_prefix, with_text};
use crate::Value;

/// What stands at `keys` (object fields by name, array items by index); of equal keys the last.
///
/// # Errors
/// As [`parse`](super::parse) of the whole document.
pub fn find(document: &[u8], keys: &[impl AsRef<str>]) -> Result<Option<Value>, JsonError> {
    with_text(document, |text| {
        let mut scanner = Scanner { text, lexer: Lexer::new(text), depth: 0 };
        let found = scanner.find(keys)?;
        scanner.end()?;
        match found {
            Some(at) => parse_prefix(&text[at..]).map(|(value, _)| Some(value)),
            None => Ok(None),
        }
    })
}

/// Checks a document without keeping anything of it.
///
/// # Errors
/// As [`parse`](super::parse).
pub fn validate(document: &[u8]) -> Result<(), JsonError> {
    with_text(document, |text| {
        let mut scanner = Scanner { text, lexer: Lexer::new(text), depth: 0 };
        scanner.skip()?;
        scanner.end()
    })
}

struct Scanner<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    depth: usize,
}

impl Scanner<'_> {
    /// Skips one value and returns the offset of what `keys` name inside it.
    fn find(&mut self, keys: &[impl AsRef<str>]) -> Result<Option<usize>, JsonError> {
        let Some((key, rest)) = keys.split_first() else {
            self.lexer.peek_token();
            let start = self.lexer.at;
            return self.skip().map(|()| Some(start));
        };
        let key = key.as_ref();
        let mut found = None;
        match self.lexer.peek_token() {
            Some(b'{') => self.object(|this, name| {
                if matches(name, key) {
                    found = this.find(rest)?;
                    Ok(())
                } else {
                    this.skip()
                }
            })?,
            Some(b'[') => {
                let wanted = key.parse::<usize>().ok();
                let mut at = 0;
                self.array(|this| {
                    let here = wanted == Some(at);
                    at += 1;
                    if here {
                        found = this.find(rest)?;
                        Ok(())
                    } else {
                        this.skip()
                    }
                })?;
            }
            _ => self.skip()?,
        }
        Ok(found)
    }

    fn end(&mut self) -> Result<(), JsonError> {
        match self.lexer.peek_token() {
            None => Ok(()),
            Some(_) => Err(self.lexer.unexpected("after top-level value")),
        }
    }

    fn skip(&mut self) -> Result<(), JsonError> {
        match self.lexer.peek_token() {
            Some(b'"') => self.lexer.string().map(|_| ()),
            Some(b'{') => self.object(|this, _| this.skip()),
            Some(b'[') => self.array(Self::skip),
            Some(b'-' | b'0'..=b'9') => self.lexer.number().map(|_| ()),
            Some(b't') => self.lexer.literal("true"),
            Some(b'f') => self.lexer.literal("false"),
            Some(b'n') => self.lexer.literal("null"),
            _ => Err(self.lexer.unexpected("looking for beginning of value")),
        }
    }

    fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, &Raw<'_>) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.enter()?;
        if self.lexer.peek_token() == Some(b'}') {
            return self.leave();
        }
        loop {
            if self.lexer.peek_token() != Some(b'"') {
                return Err(self.lexer.unexpected("looking for beginning of object key string"));
            }
            let name = self.lexer.string()?;
            if self.lexer.peek_token() != Some(b':') {
                return Err(self.lexer.unexpected("after object key"));
            }
            self.lexer.at += 1;
            field(self, &name)?;
            match self.lexer.peek_token() {
                Some(b',') => self.lexer.at += 1,
                Some(b'}') => return self.leave(),
                _ => return Err(self.lexer.unexpected("after object key:value pair")),
            }
        }
    }

    fn array(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.enter()?;
        if self.lexer.peek_token() == Some(b']') {
            return self.leave();
        }
        loop {
            item(self)?;
            match self.lexer.peek_token() {
                Some(b',') => self.lexer.at += 1,
                Some(b']') => return self.leave(),
                _ => return Err(self.lexer.unexpected("after array element")),
            }
        }
    }

    fn enter(&mut self) -> Result<(), JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(self.lexer.too_deep());
        }
        self.depth += 1;
        self.lexer.at += 1;
        Ok(())
    }

    fn leave(&mut self) -> Result<(), JsonError> {
        self.depth -= 1;
        self.lexer.at += 1;
        debug_assert!(self.lexer.at <= self.text.len());
        Ok(())
    }
}

fn matches(name: &Raw<'_>, key: &str) -> bool {
    if name.has_escapes { name.unescaped() == key } else { name.text == key }
}
