//! Tokens of AWK programs.

use sluice_value::EcoString;

/// A mistake in a program and where it is.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) message: String,
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "parse error at {}:{}: {}", self.line, self.column, self.message)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    End,
    Newline,
    Number(f64),
    Text(EcoString),
    Name(EcoString),
    /// A name right before an opening bracket.
    Called(EcoString),
    Keyword(&'static str),
    Sign(&'static str),
}

impl Token {
    /// What errors call it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::End => "EOF".into(),
            Self::Newline => "<newline>".into(),
            Self::Number(_) => "number".into(),
            Self::Text(_) => "string".into(),
            Self::Name(_) | Self::Called(_) => "name".into(),
            Self::Keyword(word) | Self::Sign(word) => (*word).into(),
        }
    }
}

const KEYWORDS: &[&str] = &[
    "BEGIN", "END", "function", "func", "if", "else", "while", "for", "do", "break", "continue",
    "next", "nextfile", "exit", "return", "delete", "in", "getline", "print", "printf",
];

/// Longer ones first.
const SIGNS: &[&str] = &[
    "**=", "&&", "||", "==", "<=", ">=", "!=", "!~", "++", "--", "+=", "-=", "*=", "/=", "%=",
    "^=", ">>", "**", "{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!",
    ">", "<", "|", "?", ":", "~", "$", "=", "@",
];

/// Reads tokens on demand: whether a slash divides or begins a regular expression is known to the
/// parser alone.
pub(super) struct Lexer<'t> {
    text: &'t str,
    /// Where the next token begins.
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// The byte where the next token begins.
    pub(super) fn position(&mut self) -> usize {
        self.skip_blanks();
        self.at
    }

    pub(super) fn error(&self, at: usize, message: impl Into<String>) -> SyntaxError {
        let before = &self.text[..at.min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        SyntaxError {
            line: before.matches('\n').count() + 1,
            column: before.len() - line_start + 1,
            message: message.into(),
        }
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
            self.at += blanks;
            let rest = self.rest();
            if rest.starts_with("\\\n") {
                self.at += 2;
            } else if rest.starts_with("\\\r\n") {
                self.at += 3;
            } else if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if blanks == 0 {
                return;
            }
        }
    }

    pub(super) fn next(&mut self) -> Result<Token, SyntaxError> {
        self.skip_blanks();
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        if first == '\n' {
            self.at += 1;
            return Ok(Token::Newline);
        }
        if first == '"' {
            self.at += 1;
            return self.quoted('"', true).map(Token::Text);
        }
        let is_fraction = || rest[1..].starts_with(|c: char| c.is_ascii_digit());
        if first.is_ascii_digit() || (first == '.' && is_fraction()) {
            let length = number_length(rest);
            self.at += length;
            return Ok(Token::Number(rest[..length].parse().unwrap_or(f64::INFINITY)));
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let word = &rest[..end.unwrap_or(rest.len())];
            self.at += word.len();
            return Ok(match KEYWORDS.iter().find(|keyword| **keyword == word) {
                Some(&"func") => Token::Keyword("function"),
                Some(keyword) => Token::Keyword(keyword),
                None if self.rest().starts_with('(') => Token::Called(word.into()),
                None => Token::Name(word.into()),
            });
        }
        match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => {
                self.at += sign.len();
                Ok(Token::Sign(match *sign {
                    "**" => "^",
                    "**=" => "^=",
                    sign => sign,
                }))
            }
            None => Err(self.error(self.at, format!("unexpected {first:?}"))),
        }
    }

    /// The regular expression whose slash, at `start`, was read as a sign.
    pub(super) fn regex(&mut self, start: usize) -> Result<EcoString, SyntaxError> {
        self.at = start + 1;
        self.quoted('/', false)
    }

    /// A text up to its closing quote, its opening one being behind.
    fn quoted(&mut self, quote: char, unescape: bool) -> Result<EcoString, SyntaxError> {
        let start = self.at;
        let what = if unescape { "string" } else { "regex" };
        let mut out = EcoString::new();
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err(self.error(start, format!("didn't find end quote in {what}")));
            };
            self.at += c.len_utf8();
            match c {
                c if c == quote => return Ok(out),
                '\n' => return Err(self.error(start, format!("can't have newline in {what}"))),
                '\\' if unescape => self.escape(&mut out),
                '\\' if self.rest().starts_with('/') => {
                    self.at += 1;
                    out.push('/');
                }
                '\\' => {
                    out.push('\\');
                    if let Some(next) = self.rest().chars().next().filter(|next| *next != '\n') {
                        out.push(next);
                        self.at += next.len_utf8();
                    }
                }
                c => out.push(c),
            }
        }
    }

    /// What stands behind a backslash in a text.
    fn escape(&mut self, out: &mut EcoString) {
        let Some(c) = self.rest().chars().next() else { return };
        self.at += c.len_utf8();
        match c {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'v' => out.push('\x0b'),
            '"' | '/' | '\\' => out.push(c),
            '\n' => {}
            '0'..='7' => {
                let more = self.rest().bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b));
                let more = more.count();
                let digits = &self.text[self.at - 1..self.at + more];
                self.at += more;
                let code = u32::from_str_radix(digits, 8).unwrap_or(0);
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
}

/// How much of the beginning of a text is a number.
pub(super) fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(0);
    let mut end = whole;
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        if whole + fraction == 0 {
            return 0;
        }
        end += 1 + fraction;
    }
    if end > 0 && matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits((end + 1 + sign).min(bytes.len()));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

impl Lexer<'_> {
    /// Whether a function of this name is defined somewhere in what was not read yet.
    pub(super) fn defines(&self, name: &str) -> bool {
        self.rest().match_indices("func").any(|(at, _)| {
            let rest = &self.rest()[at + "func".len()..];
            let rest = rest.strip_prefix("tion").unwrap_or(rest);
            let defined = rest.trim_start_matches([' ', '\t']);
            let end = defined.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            rest.len() > defined.len() && &defined[..end.unwrap_or(defined.len())] == name
        })
    }
}
