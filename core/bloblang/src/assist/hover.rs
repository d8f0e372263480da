//! What the word at a place means, where it was defined, and what the call around it takes.

use super::scope::{Callee, Scope, defined, is_name, unquoted};
use crate::{
    Environment, Span,
    builtin::Params,
    docs::{self, Kind as WordKind},
    format::tokens::{self, Kind, Token},
};

/// What to show about a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    pub span: Span,
    /// Markdown.
    pub text: String,
}

/// What the word at `offset` means; `None` for names of the author's own and for literals.
pub fn hover(text: &str, offset: usize, environment: &Environment) -> Option<Hover> {
    let tokens = tokens::read(text, environment);
    let at = token_at(&tokens, offset)?;
    let token = tokens[at];
    let span = span_of(token);
    let next = tokens.get(at + 1);
    let is_call = next.is_some_and(|next| next.text == "(" && !next.spaced);
    let is_argument = next.is_some_and(|next| next.text == ":" && !next.spaced);
    let text = if is_call {
        entry(Callee { name: token.text, is_method: token.after_dot }, environment)?.markdown()
    } else if let Some(name) = token.text.strip_prefix('$') {
        let first = defined(&tokens, "let").find(|it| unquoted(it.text) == name)?;
        let line = text[first.start..].lines().next().unwrap_or_default();
        format!("```coffee\nlet {line}\n```\n")
    } else if is_argument {
        let call = Scope::at(text, token.start, environment).call()?;
        let entry = entry(call, environment)?;
        let param = entry.param(token.text)?;
        format!("```coffee\n{}\n```\n\n{}\n", docs::param(param), param.summary)
    } else if !token.after_dot && token.kind == Kind::Operand {
        docs::keyword(token.text)?.markdown()
    } else {
        return None;
    };
    Some(Hover { span, text })
}

/// The call that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub label: String,
    /// The call's meaning, in a sentence.
    pub summary: String,
    /// How each parameter stands in the label, and what it means.
    pub params: Vec<(String, &'static str)>,
    /// Which of them is being written.
    pub active: Option<usize>,
}

/// The innermost call around `offset`.
pub fn signature(text: &str, offset: usize, environment: &Environment) -> Option<Signature> {
    let scope = Scope::at(text, text.floor_char_boundary(offset), environment);
    // Inside an array or object among the arguments it is still the same argument.
    let bracket = scope.open.iter().rev().find(|bracket| bracket.call.is_some())?;
    let entry = entry(bracket.call?, environment)?;
    let params = match entry.params {
        Params::Named(params) => params,
        Params::Variadic => &[],
    };
    let active = match bracket.argument {
        Some(name) => params.iter().position(|param| param.name == name),
        None => (bracket.commas < params.len()).then_some(bracket.commas),
    };
    Some(Signature {
        label: entry.signature(),
        summary: docs::first_sentence(entry.summary),
        params: params.iter().map(|param| (docs::param(param), param.summary)).collect(),
        active,
    })
}

/// Where the variable or map named at `offset` is defined in the text.
pub fn definition(text: &str, offset: usize, environment: &Environment) -> Option<Span> {
    let tokens = tokens::read(text, environment);
    let at = token_at(&tokens, offset)?;
    let token = tokens[at];
    if let Some(name) = token.text.strip_prefix('$') {
        // The last one before the place counts, as it does when the mapping runs.
        let mut found = None;
        for definition in defined(&tokens, "let").filter(|it| unquoted(it.text) == name) {
            if found.is_none() || definition.start < token.start {
                found = Some(definition);
            }
        }
        return found.map(span_of);
    }
    let call = Scope::at(text, token.start, environment).call()?;
    if call.name != "apply" || !token.text.starts_with('"') {
        return None;
    }
    let name = unquoted(token.text);
    defined(&tokens, "map").find(|it| unquoted(it.text) == name).map(span_of)
}

fn entry(call: Callee<'_>, environment: &Environment) -> Option<docs::Entry> {
    if !is_name(call.name) {
        return None;
    }
    let kind = if call.is_method { WordKind::Method } else { WordKind::Function };
    docs::find(call.name, environment).ok()?.into_iter().find(|entry| entry.kind == kind)
}

/// The word around `offset`; just behind its last letter is still in it.
fn token_at(tokens: &[Token<'_>], offset: usize) -> Option<usize> {
    tokens.iter().rposition(|token| {
        token.kind == Kind::Operand
            && token.start <= offset
            && offset <= token.start + token.text.len()
    })
}

fn span_of(token: Token<'_>) -> Span {
    Span { start: token.start, end: token.start + token.text.len() }
}
