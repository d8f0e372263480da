//! Literals: booleans, numbers, strings, `null`, arrays and objects.

use ecow::EcoString;
use sluice_value::Value;

use super::{Fail, Parsed, Parser, one_of};
use crate::{Expr, ExprKind, Key, Span, TextPart, eval, number};

impl Parser<'_> {
    pub(super) fn literal(&mut self, at: usize) -> Parsed<Expr> {
        match self.peek(at) {
            Some(b't') => self.word(at, "true", Value::Bool(true)),
            Some(b'f') => self.word(at, "false", Value::Bool(false)),
            Some(b'n') => self.word(at, "null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(at),
            Some(b'"') => {
                one_of!(self.triple_quoted(at), self.string(at))
            }
            Some(b'[') => self.array(at),
            Some(b'{') => self.object(at),
            _ => Err(Fail::expected(at, "literal")),
        }
    }

    fn word(&self, at: usize, word: &'static str, value: Value) -> Parsed<Expr> {
        let end = self.term(at, word)?;
        Ok((Expr::literal(value, Span { start: at, end }), end))
    }

    fn number(&self, at: usize) -> Parsed<Expr> {
        let start = if self.peek(at) == Some(b'-') { at + 1 } else { at };
        let mut end = self.digits(start);
        if end == start {
            return Err(Fail::expected(start, "number"));
        }
        let fraction = if self.peek(end) == Some(b'.') { self.digits(end + 1) } else { end };
        let is_float = fraction > end + 1;
        if is_float {
            end = fraction;
        }
        let text = &self.text[start..end];
        let negative = start > at;
        let span = Span { start: at, end };
        let value = if is_float {
            number::parse_float(text).map(|f| Value::Float(if negative { -f } else { f }))
        } else {
            number::parse_int(text, 10).map(|n| Value::Int(if negative { -n } else { n }))
        };
        match value {
            Ok(value) => Ok((Expr::literal(value, span), end)),
            Err(_) => {
                let message = format!("the number {text} is too large");
                Err(Fail::semantic(at, "number", message, span).hint(
                    "whole numbers reach up to 9223372036854775807; \
                           write a fraction (`.0`) for a floating point number",
                ))
            }
        }
    }

    fn digits(&self, mut at: usize) -> usize {
        while self.peek(at).is_some_and(|b| b.is_ascii_digit()) {
            at += 1;
        }
        at
    }

    fn triple_quoted(&mut self, at: usize) -> Parsed<Expr> {
        let rest = &self.text[at..];
        if rest.chars().take(6).count() < 6 || !rest.starts_with("\"\"\"") {
            return Err(Fail::expected(at, "quoted string"));
        }
        let Some(length) = rest[3..].find("\"\"\"") else {
            return Err(Fail::expected(self.text.len(), "end triple-quote").required());
        };
        let content = rest[3..3 + length].to_owned();
        let end = at + length + 6;
        Ok((self.text_literal(content, Span { start: at, end }), end))
    }

    fn string(&mut self, at: usize) -> Parsed<Expr> {
        let (bytes, end) = self.quoted(at)?;
        let span = Span { start: at, end };
        Ok(match String::from_utf8(bytes) {
            Ok(text) => (self.text_literal(text, span), end),
            Err(broken) => (Expr::literal(Value::text(broken.into_bytes()), span), end),
        })
    }

    /// A string literal; placeholders inside become parameters.
    fn text_literal(&mut self, text: String, span: Span) -> Expr {
        match self.text_parts(&text) {
            Some(parts) => Expr::new(ExprKind::Text(parts), span),
            None => Expr::literal(Value::string(text), span),
        }
    }

    /// Splits text at its placeholders; `None` when there are none.
    pub(super) fn text_parts(&mut self, text: &str) -> Option<Vec<TextPart>> {
        let mut parts = Vec::new();
        let mut done = 0;
        let mut at = 0;
        while let Some(offset) = text[at..].find('$') {
            at += offset;
            let Some(name) = self.placeholder(&text[at + 1..]) else {
                at += 1;
                continue;
            };
            if at > done {
                parts.push(TextPart::Plain(text[done..at].into()));
            }
            at += 1 + name.len();
            done = at;
            let name = EcoString::from(name);
            self.note_placeholder(&name);
            parts.push(TextPart::Param(name));
        }
        if parts.is_empty() {
            return None;
        }
        if done < text.len() {
            parts.push(TextPart::Plain(text[done..].into()));
        }
        Some(parts)
    }

    /// The placeholder that `text` (after a dollar sign) begins with.
    pub(super) fn placeholder<'t>(&self, text: &'t str) -> Option<&'t str> {
        let prefixes = self.environment.placeholders();
        let prefix = prefixes
            .iter()
            .filter(|prefix| {
                text.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('.'))
            })
            .max_by_key(|prefix| prefix.len())?;
        let rest = &text[prefix.len() + 1..];
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        (length > 0).then(|| &text[..prefix.len() + 1 + length])
    }

    pub(super) fn note_placeholder(&mut self, name: &EcoString) {
        if !self.placeholders.contains(name) {
            self.placeholders.push(name.clone());
        }
    }

    fn array(&mut self, at: usize) -> Parsed<Expr> {
        let open = self.blank(self.term(at, "[")?);
        let (items, end) = self.delimited(
            open,
            |this, at| this.query(at).map_err(|fail| fail.as_expected("object")),
            Self::comma,
            |this, at| this.term(this.blank(at), "]"),
        )?;
        let expr = Self::bounded(eval::array_literal(items, Span { start: at, end }))?;
        Ok((expr, end))
    }

    fn object(&mut self, at: usize) -> Parsed<Expr> {
        let open = self.blank(self.term(at, "{")?);
        let (fields, end) = self.delimited(open, Self::object_field, Self::comma, |this, at| {
            this.term(this.blank(at), "}")
        })?;
        let span = Span { start: at, end };
        for (key, _) in &fields {
            let Key::Computed(key) = key else { continue };
            if let Some(literal) = key.as_literal() {
                let found = literal.outcome.kind_name();
                let message = format!("keys of objects are strings, this one is a {found}");
                return Err(Fail::semantic(at, "object-key", message, key.span));
            }
        }
        Ok((Self::bounded(eval::object_literal(fields, span))?, end))
    }

    fn object_field(&mut self, at: usize) -> Parsed<(Key, Expr)> {
        let (key, after_key) = one_of!(
            self.quoted_text(at).map(|(key, end)| match self.text_parts(&key) {
                Some(parts) => {
                    let span = Span { start: at, end };
                    (Key::Computed(Expr::new(ExprKind::Text(parts), span)), end)
                }
                None => (Key::Literal(key.into()), end),
            }),
            self.object_key(at),
        )?;
        let colon = self.term(self.spaces(after_key), ":")?;
        let (value, end) =
            self.query(self.blank(colon)).map_err(|fail| fail.as_expected("object"))?;
        Ok(((key, value), end))
    }

    /// A key that is computed. The query may turn out to be the first case of a `match`, so it is
    /// kept for that attempt.
    fn object_key(&mut self, at: usize) -> Parsed<Key> {
        let is_remembered = self.remember_at == Some(at);
        let result = self.query(at);
        if is_remembered {
            self.memo.insert(at, result.clone());
        }
        let (expr, end) = result.map_err(|fail| fail.as_expected("object"))?;
        Ok(match expr.as_literal().and_then(|literal| literal.outcome.as_value()) {
            Some(Value::String(key)) => (Key::Literal(key.clone()), end),
            _ => (Key::Computed(expr), end),
        })
    }

    pub(super) fn comma(&self, at: usize) -> Result<usize, Fail> {
        Ok(self.blank(self.term(self.spaces(at), ",")?))
    }

    /// Items up to a stop: delimiters stand between them, and one may follow the last.
    pub(super) fn delimited<T>(
        &mut self,
        mut at: usize,
        mut item: impl FnMut(&mut Self, usize) -> Parsed<T>,
        delimiter: impl Fn(&Self, usize) -> Result<usize, Fail>,
        stop: impl Fn(&Self, usize) -> Result<usize, Fail>,
    ) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        loop {
            match item(self, at) {
                Ok((next, end)) => {
                    items.push(next);
                    at = end;
                }
                Err(fail) => {
                    return stop(self, at).map(|end| (items, end)).map_err(|_| fail);
                }
            }
            match delimiter(self, at) {
                Ok(end) => at = end,
                Err(fail) => {
                    return match stop(self, at) {
                        Ok(end) => Ok((items, end)),
                        Err(unstopped) => {
                            let fatal = fail.fatal || unstopped.fatal;
                            let at = fail.at;
                            let mut fail = fail;
                            if unstopped.at == at {
                                fail = fail.or(unstopped);
                            }
                            Err(Fail { fatal, ..fail })
                        }
                    };
                }
            }
        }
    }
}
