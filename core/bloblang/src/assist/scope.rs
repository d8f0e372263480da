//! Where a place is: the brackets around it, the names in force.

use crate::{
    Environment,
    format::tokens::{self, Kind, Token},
};

/// The tokens of a text up to a place, and what they say about it.
pub(super) struct Scope<'t> {
    /// All tokens that begin before the place.
    pub(super) tokens: Vec<Token<'t>>,
    /// Brackets that are open there, outermost first.
    pub(super) open: Vec<Bracket<'t>>,
}

pub(super) struct Bracket<'t> {
    pub(super) text: &'t str,
    /// The function or method whose arguments it holds.
    pub(super) call: Option<Callee<'t>>,
    /// Contexts that lambdas inside named so far.
    pub(super) names: Vec<&'t str>,
    /// Commas inside so far.
    pub(super) commas: usize,
    /// The name in front of the colon behind the last comma: which argument is being written.
    pub(super) argument: Option<&'t str>,
}

#[derive(Clone, Copy)]
pub(super) struct Callee<'t> {
    pub(super) name: &'t str,
    pub(super) is_method: bool,
}

impl<'t> Bracket<'t> {
    fn new(text: &'t str, call: Option<Callee<'t>>) -> Self {
        Self { text, call, names: Vec::new(), commas: 0, argument: None }
    }
}

impl<'t> Scope<'t> {
    pub(super) fn at(text: &'t str, offset: usize, environment: &Environment) -> Self {
        let mut tokens = tokens::read(text, environment);
        tokens.retain(|token| token.start < offset);
        let mut open: Vec<Bracket<'t>> = vec![Bracket::new("", None)];
        for (at, token) in tokens.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| &tokens[before]);
            match token.kind {
                Kind::Open => open.push(Bracket::new(token.text, callee(&tokens[..at], token))),
                Kind::Close if open.len() > 1 => drop(open.pop()),
                Kind::Operator if token.text == "->" => {
                    if let (Some(bracket), Some(name)) = (open.last_mut(), before)
                        && name.kind == Kind::Operand
                        && name.text != "_"
                    {
                        bracket.names.push(name.text);
                    }
                }
                Kind::Comma => {
                    if let Some(bracket) = open.last_mut() {
                        bracket.commas += 1;
                        bracket.argument = None;
                    }
                }
                Kind::Colon => {
                    if let (Some(bracket), Some(name)) = (open.last_mut(), before) {
                        bracket.argument = Some(name.text);
                    }
                }
                _ => {}
            }
        }
        Self { tokens, open }
    }

    /// The call whose arguments the place is among.
    pub(super) fn call(&self) -> Option<Callee<'t>> {
        self.open.last().and_then(|bracket| bracket.call)
    }

    /// Names that lambdas gave, innermost first.
    pub(super) fn lambda_names(&self) -> impl Iterator<Item = &'t str> {
        self.open.iter().rev().flat_map(|bracket| bracket.names.iter().rev().copied())
    }
}

/// The name right in front of an opening bracket.
fn callee<'t>(before: &[Token<'t>], bracket: &Token<'t>) -> Option<Callee<'t>> {
    let name = before.last()?;
    let is_call =
        bracket.text == "(" && !bracket.spaced && name.kind == Kind::Operand && is_name(name.text);
    is_call.then_some(Callee { name: name.text, is_method: name.after_dot })
}

/// Letters, digits and underscores.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// What a statement of the text defines: `let`, `map` and `meta` with the name behind them.
pub(super) fn defined<'t>(
    tokens: &[Token<'t>],
    word: &'static str,
) -> impl Iterator<Item = Token<'t>> {
    tokens
        .windows(2)
        .filter(move |pair| {
            let [first, name] = pair else { return false };
            first.text == word
                && first.kind == Kind::Operand
                && !first.after_dot
                && name.kind == Kind::Operand
                && name.breaks == 0
        })
        .map(|pair| pair[1])
}

/// A name that may be written in quotes.
pub(super) fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}
