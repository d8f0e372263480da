//! `$__loc__`, which the library does not know: where it stands in the program, as an object. It is
//! put in its place before the program is parsed.

use jaq_core::load::Lexer;
use jaq_core::load::lex::{StrPart, Tok, Token};

const NAME: &str = "$__loc__";

/// The objects for all places of a program, which the tokens then borrow from.
pub(super) struct Locations(Vec<(usize, String)>);

impl Locations {
    pub(super) fn of(text: &str) -> Self {
        let (mut line, mut counted) = (1, 0);
        let places = text.match_indices(NAME).map(|(at, _)| {
            line += text[counted..at].matches('\n').count();
            counted = at;
            (at, format!("{{\"file\": \"<top-level>\", \"line\": {line}}}"))
        });
        Self(places.collect())
    }

    /// Puts them into the tokens of the program.
    pub(super) fn put<'s>(
        &'s self,
        text: &'s str,
        tokens: Vec<Token<&'s str>>,
    ) -> Vec<Token<&'s str>> {
        if self.0.is_empty() {
            return tokens;
        }
        Places { text, objects: &self.0 }.tokens(tokens, false)
    }
}

struct Places<'s> {
    text: &'s str,
    objects: &'s [(usize, String)],
}

impl<'s> Places<'s> {
    fn tokens(&self, tokens: Vec<Token<&'s str>>, is_object: bool) -> Vec<Token<&'s str>> {
        let mut made = Vec::with_capacity(tokens.len());
        let mut tokens = tokens.into_iter().peekable();
        let mut begins = true;
        while let Some(token) = tokens.next() {
            let is_comma = token.0 == ",";
            let ends = tokens.peek().is_none_or(|next| matches!(next.0, "," | "}"));
            match self.object(&token) {
                Some(object) => {
                    // `{$__loc__}` is short for `{"__loc__": $__loc__}`.
                    if is_object && begins && ends {
                        made.extend([Token("__loc__", Tok::Word), Token(":", Tok::Sym)]);
                    }
                    made.extend(object);
                }
                None => made.push(self.inside(token)),
            }
            begins = is_comma;
        }
        made
    }

    fn object(&self, token: &Token<&'s str>) -> Option<Vec<Token<&'s str>>> {
        if !matches!(token.1, Tok::Var) || token.0 != NAME {
            return None;
        }
        let at = token.0.as_ptr() as usize - self.text.as_ptr() as usize;
        let found = self.objects.binary_search_by_key(&at, |(at, _)| *at).ok()?;
        Lexer::new(self.objects[found].1.as_str()).lex().ok()
    }

    fn inside(&self, Token(text, kind): Token<&'s str>) -> Token<&'s str> {
        let kind = match kind {
            Tok::Block(tokens) => Tok::Block(self.tokens(tokens, text.starts_with('{'))),
            Tok::Str(parts) => {
                let part = |part| match part {
                    StrPart::Term(token) => StrPart::Term(self.inside(token)),
                    other => other,
                };
                Tok::Str(parts.into_iter().map(part).collect())
            }
            other => other,
        };
        Token(text, kind)
    }
}
