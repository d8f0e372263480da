//! Templates cut into text and actions, actions into tokens.

use sluice_value::{Number, Value};

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    /// What stands between the braces, and the line it is on.
    Action(Vec<Token>, usize),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Literal(Value),
    /// A keyword or the name of a function.
    Word(String),
    /// `$name`, or `$` alone.
    Variable(String),
    /// `.name`, right behind what it belongs to when `true`.
    Field(String, bool),
    Dot,
    Open,
    /// A closing bracket.
    Close,
    Pipe,
    Comma,
    Declare,
    Assign,
}

/// # Errors
/// What is not a template, and where.
pub(super) fn pieces(name: &str, text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut trims = false;
    loop {
        let line = 1 + text[..text.len() - rest.len()].matches('\n').count();
        let Some(open) = rest.find("{{") else {
            push_text(&mut pieces, rest, trims, false);
            return Ok(pieces);
        };
        let (before, action) = rest.split_at(open);
        let action = &action[2..];
        let trims_before =
            action.starts_with('-') && action[1..].starts_with([' ', '\t', '\n', '\r']);
        push_text(&mut pieces, before, trims, trims_before);
        let action = if trims_before { &action[1..] } else { action };
        let failed = |problem: &str| format!("template: {name}:{line}: {problem}");
        let end = end_of_action(action).ok_or_else(|| failed("unclosed action"))?;
        rest = &action[end + 2..];
        let inner = &action[..end];
        trims = inner.ends_with('-') && inner[..inner.len() - 1].ends_with([' ', '\t', '\n', '\r']);
        let inner = if trims { &inner[..inner.len() - 1] } else { inner };
        if inner.trim_start().starts_with("/*") {
            if !inner.trim().ends_with("*/") {
                return Err(failed("comment ends before closing delimiter"));
            }
            continue;
        }
        pieces.push(Piece::Action(tokens(inner).map_err(|problem| failed(&problem))?, line));
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str, trims_start: bool, trims_end: bool) {
    let blanks = [' ', '\t', '\n', '\r'];
    let text = if trims_start { text.trim_start_matches(blanks) } else { text };
    let text = if trims_end { text.trim_end_matches(blanks) } else { text };
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// Where the closing braces are, which may also stand in texts and comments.
fn end_of_action(text: &str) -> Option<usize> {
    if text.trim_start().starts_with("/*") {
        let end = text.find("*/")? + 2;
        return text[end..].find("}}").map(|at| end + at);
    }
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open && !escaped => quote = None,
            Some(open) => escaped = c == '\\' && !escaped && open != '`',
            None if matches!(c, '"' | '`' | '\'') => quote = Some(c),
            None if text[at..].starts_with("}}") => return Some(at),
            None => {}
        }
    }
    None
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut is_attached = false;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let mut length = first.len_utf8();
        let word = |from: &str| {
            let end = from.find(|c: char| !c.is_alphanumeric() && c != '_');
            end.unwrap_or(from.len())
        };
        let token = match first {
            ' ' | '\t' | '\r' | '\n' => None,
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            '|' => Some(Token::Pipe),
            ',' => Some(Token::Comma),
            '=' => Some(Token::Assign),
            ':' if rest.starts_with(":=") => {
                length = 2;
                Some(Token::Declare)
            }
            '"' | '`' | '\'' => {
                let (value, end) = quoted(rest, first)?;
                length = end;
                Some(Token::Literal(value))
            }
            '$' => {
                length = 1 + word(&rest[1..]);
                Some(Token::Variable(rest[1..length].to_owned()))
            }
            '.' if rest[1..].starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                length = 1 + word(&rest[1..]);
                Some(Token::Field(rest[1..length].to_owned(), is_attached))
            }
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => Some(Token::Dot),
            '0'..='9' | '.' | '+' | '-' => {
                let end = rest[1..].find(|c: char| !c.is_alphanumeric() && !"._+-".contains(c));
                length = end.map_or(rest.len(), |end| end + 1);
                Some(Token::Literal(number(&rest[..length])?))
            }
            c if c.is_alphabetic() || c == '_' => {
                length = word(rest);
                Some(match &rest[..length] {
                    "true" => Token::Literal(Value::Bool(true)),
                    "false" => Token::Literal(Value::Bool(false)),
                    "nil" => Token::Literal(Value::Null),
                    word => Token::Word(word.to_owned()),
                })
            }
            other => return Err(format!("unexpected {other:?} in command")),
        };
        is_attached = token.is_some();
        tokens.extend(token);
        at += length;
    }
    Ok(tokens)
}

fn number(text: &str) -> Result<Value, String> {
    let bad = || format!("bad number syntax: {text:?}");
    let plain = text.replace('_', "");
    let digits = plain.trim_start_matches(['+', '-']);
    let radix = |prefix: &str| digits.strip_prefix(prefix);
    let whole = match (radix("0x"), radix("0b"), radix("0o")) {
        (Some(digits), ..) => i64::from_str_radix(digits, 16).ok(),
        (_, Some(digits), _) => i64::from_str_radix(digits, 2).ok(),
        (.., Some(digits)) => i64::from_str_radix(digits, 8).ok(),
        _ => {
            return match plain.parse::<i64>() {
                Ok(whole) => Ok(Value::Int(whole)),
                Err(_) => match Number::parse(&plain) {
                    Some(number) => Ok(Value::Float(number.as_f64())),
                    None => Err(bad()),
                },
            };
        }
    };
    whole
        .map(|whole| Value::Int(if plain.starts_with('-') { -whole } else { whole }))
        .ok_or_else(bad)
}

/// A text or a character, and its length in the template.
fn quoted(text: &str, quote: char) -> Result<(Value, usize), String> {
    let mut out = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            c if c == quote && quote == '\'' => {
                let code = out.chars().next().map_or(0, |c| i64::from(u32::from(c)));
                return Ok((Value::Int(code), at + 1));
            }
            c if c == quote => return Ok((Value::from(out), at + 1)),
            '\\' if quote != '`' => {
                let (_, c) = characters.next().ok_or("unterminated quoted string")?;
                let mut digits = |count: usize| {
                    let digits: String = characters.by_ref().take(count).map(|(_, c)| c).collect();
                    let code = u32::from_str_radix(&digits, 16).ok();
                    code.and_then(char::from_u32).ok_or_else(|| "bad escape in a string".to_owned())
                };
                out.push(match c {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'a' => '\x07',
                    'b' => '\x08',
                    'f' => '\x0c',
                    'v' => '\x0b',
                    'x' => digits(2)?,
                    'u' => digits(4)?,
                    'U' => digits(8)?,
                    other => other,
                });
            }
            c => out.push(c),
        }
    }
    Err("unterminated quoted string".into())
}
