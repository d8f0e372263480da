//! Tokens of JMESPath.

use sluice_value::{Value, json};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    End,
    Name(String),
    Quoted(String),
    Number(i64),
    Literal(Value),
    /// Punctuation, by how it is written.
    Sign(&'static str),
}

impl Token {
    /// What errors call it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::End => "tEOF",
            Self::Name(_) => "tUnquotedIdentifier",
            Self::Quoted(_) => "tQuotedIdentifier",
            Self::Number(_) => "tNumber",
            Self::Literal(Value::String(_)) => "tStringLiteral",
            Self::Literal(_) => "tJSONLiteral",
            Self::Sign(sign) => sign_name(sign),
        }
    }
}

/// What errors call a sign.
pub(super) fn sign_name(sign: &str) -> &'static str {
    SIGNS.iter().find(|(text, _)| *text == sign).map_or("tUnknown", |(_, name)| name)
}

/// Longer ones first.
const SIGNS: &[(&str, &str)] = &[
    ("[?", "tFilter"),
    ("[]", "tFlatten"),
    ("||", "tOr"),
    ("&&", "tAnd"),
    ("==", "tEQ"),
    ("!=", "tNE"),
    ("<=", "tLTE"),
    (">=", "tGTE"),
    ("<", "tLT"),
    (">", "tGT"),
    ("|", "tPipe"),
    ("&", "tExpref"),
    ("!", "tNot"),
    (".", "tDot"),
    ("*", "tStar"),
    (",", "tComma"),
    (":", "tColon"),
    ("{", "tLbrace"),
    ("}", "tRbrace"),
    ("[", "tLbracket"),
    ("]", "tRbracket"),
    ("(", "tLparen"),
    (")", "tRparen"),
    ("@", "tCurrent"),
];

/// # Errors
/// What cannot be a token.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            ' ' | '\t' | '\n' | '\r' => 1,
            'a'..='z' | 'A'..='Z' | '_' => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let end = end.unwrap_or(rest.len());
                tokens.push(Token::Name(rest[..end].to_owned()));
                end
            }
            '-' | '0'..='9' => {
                let digits = rest[1..].find(|c: char| !c.is_ascii_digit());
                let end = digits.map_or(rest.len(), |at| at + 1);
                let number = rest[..end].parse();
                tokens.push(Token::Number(
                    number.map_err(|_| format!("SyntaxError: Unknown char: {first:?}"))?,
                ));
                end
            }
            '"' | '\'' | '`' => {
                let (token, end) = quoted(rest, first)?;
                tokens.push(token);
                end
            }
            _ => match SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
                Some((sign, _)) => {
                    tokens.push(Token::Sign(sign));
                    sign.len()
                }
                None => return Err(format!("SyntaxError: Unknown char: {first:?}")),
            },
        };
        rest = &rest[taken..];
    }
    tokens.push(Token::End);
    Ok(tokens)
}

/// A quoted name, a raw text or a JSON literal, and its length.
fn quoted(text: &str, quote: char) -> Result<(Token, usize), String> {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == quote && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    let Some((end, _)) = end else {
        return Err(format!("SyntaxError: Unclosed delimiter: {quote}"));
    };
    let inner = &text[1..end];
    let json_of = |text: &str| json::parse(text.as_bytes()).map_err(|error| error.to_string());
    let token = match quote {
        '\'' => Token::Literal(Value::from(inner.replace("\\'", "'"))),
        '"' => match json_of(&text[..=end])? {
            Value::String(name) => Token::Quoted(name.into()),
            _ => Token::Quoted(String::new()),
        },
        _ => {
            let inner = inner.trim_start().replace("\\`", "`");
            // An older form of the language allows texts without quotes.
            match json_of(&inner) {
                Ok(value) => Token::Literal(value),
                Err(_) => Token::Literal(Value::from(inner)),
            }
        }
    };
    Ok((token, end + 1))
}
