//! Tokens of a mapping, for the formatter and editors: with comments, and of any text.

use crate::Environment;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name, number, string, variable or metadata key.
    Operand,
    Comment,
    Open,
    Close,
    Comma,
    Colon,
    Dot,
    Operator,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind,
    pub(crate) text: &'t str,
    /// Where it begins.
    pub(crate) start: usize,
    /// Line breaks in front of it.
    pub(crate) breaks: usize,
    /// Spaces or line breaks in front of it.
    pub(crate) spaced: bool,
    /// It is a segment of a path or the name of a method.
    pub(crate) after_dot: bool,
}

/// Splits a text. What is no mapping has tokens, too: every byte but white space is in one.
pub(crate) fn read<'t>(text: &'t str, environment: &Environment) -> Vec<Token<'t>> {
    let mut tokens: Vec<Token<'t>> = Vec::new();
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let blank = &rest[..rest.len() - trimmed.len()];
        let Some(first) = trimmed.chars().next() else { return tokens };
        let after_dot = tokens.last().is_some_and(|token| token.kind == Kind::Dot);
        let (kind, length) = token(trimmed, first, after_dot, environment);
        let (token, behind) = trimmed.split_at(length);
        tokens.push(Token {
            kind,
            text: token,
            start: text.len() - trimmed.len(),
            breaks: blank.matches('\n').count(),
            spaced: !blank.is_empty(),
            after_dot,
        });
        rest = behind;
    }
}

fn token(text: &str, first: char, after_dot: bool, environment: &Environment) -> (Kind, usize) {
    match first {
        '#' => (Kind::Comment, comment(text)),
        '(' | '[' | '{' => (Kind::Open, 1),
        ')' | ']' | '}' => (Kind::Close, 1),
        ',' => (Kind::Comma, 1),
        ':' => (Kind::Colon, 1),
        '.' => (Kind::Dot, 1),
        '"' => (Kind::Operand, string(text)),
        '@' if text[1..].starts_with('"') => (Kind::Operand, 1 + string(&text[1..])),
        '$' => (Kind::Operand, variable(text, environment)),
        '@' => (Kind::Operand, 1 + name(&text[1..])),
        '0'..='9' if !after_dot => (Kind::Operand, number(text)),
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => (Kind::Operand, name(text)),
        _ => (Kind::Operator, operator(text, first)),
    }
}

/// A comment without the spaces at its end.
fn comment(text: &str) -> usize {
    text.lines().next().unwrap_or_default().trim_end().len()
}

fn name(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

fn number(text: &str) -> usize {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let whole = digits(text);
    match text[whole..].strip_prefix('.').map(digits) {
        Some(fraction) if fraction > 0 => whole + 1 + fraction,
        // `1e` is not a number, but tokens must not be taken apart.
        _ => whole.max(name(text)),
    }
}

/// A variable or a placeholder, whose name may have dots and dashes.
fn variable(text: &str, environment: &Environment) -> usize {
    let length = 1 + name(&text[1..]);
    let prefix = &text[1..length];
    let is_placeholder =
        text[length..].starts_with('.') && environment.placeholders().iter().any(|p| p == prefix);
    if !is_placeholder {
        return length;
    }
    text[1..]
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-'))
        .map_or(text.len(), |end| 1 + end)
}

fn string(text: &str) -> usize {
    if let Some(inner) = text.strip_prefix("\"\"\"") {
        return inner.find("\"\"\"").map_or(text.len(), |end| end + 6);
    }
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

fn operator(text: &str, first: char) -> usize {
    const LONG: [&str; 8] = ["==", "!=", ">=", "<=", "&&", "||", "->", "=>"];
    if LONG.iter().any(|long| text.starts_with(long)) { 2 } else { first.len_utf8() }
}
