//! Cuts the text of a path into tokens.

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    End,
    Name(String),
    Number(String),
    /// A text in quotes, as it is written.
    Quoted(String),
    Sign(char),
}

impl Token {
    /// How error messages refer to it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::End => "EOF".into(),
            Self::Name(_) => "Ident".into(),
            Self::Number(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => "Int".into(),
            Self::Number(_) => "Float".into(),
            Self::Quoted(text) => match text.as_bytes().first() {
                Some(b'"') => "String".into(),
                Some(b'`') => "RawString".into(),
                _ => "Char".into(),
            },
            Self::Sign(sign) => format!("\"{sign}\""),
        }
    }
}

pub(super) struct Scanner<'t> {
    text: &'t str,
    at: usize,
    /// Where the last token began.
    pub(super) token_at: usize,
    /// The last token, where it is to be read again.
    again: Option<Token>,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, token_at: 0, again: None }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn next(&mut self) -> Token {
        if let Some(token) = self.again.take() {
            return token;
        }
        self.skip_blanks();
        self.token_at = self.at;
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else { return Token::End };
        let is_name = |c: char| c.is_alphabetic() || c == '_';
        if is_name(first) {
            let length = rest.find(|c: char| !is_name(c) && !c.is_numeric());
            return Token::Name(self.take(length.unwrap_or(rest.len())));
        }
        let second = rest[first.len_utf8()..].chars().next();
        if first.is_ascii_digit()
            || (first == '.' && second.is_some_and(|second| second.is_ascii_digit()))
        {
            return Token::Number(self.take(number_length(rest)));
        }
        if matches!(first, '\'' | '"' | '`') {
            return Token::Quoted(self.take(quoted_length(rest, first)));
        }
        self.at += first.len_utf8();
        Token::Sign(first)
    }

    /// Gives a token back.
    pub(super) fn put_back(&mut self, token: Token) {
        self.again = Some(token);
    }

    /// The character right behind the last token.
    pub(super) fn peek_char(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    pub(super) fn skip_char(&mut self) {
        self.at += self.peek_char().map_or(0, char::len_utf8);
    }

    fn take(&mut self, length: usize) -> String {
        let text = self.text[self.at..self.at + length].to_owned();
        self.at += length;
        text
    }

    /// Skips white space and comments.
    fn skip_blanks(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            self.at += rest.len() - trimmed.len();
            let end = if trimmed.starts_with("//") {
                trimmed.find('\n')
            } else if trimmed.starts_with("/*") {
                trimmed.find("*/").map(|end| end + 2)
            } else {
                return;
            };
            self.at += end.unwrap_or(trimmed.len());
        }
    }
}

fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut length = digits(0);
    if bytes.get(length) == Some(&b'.') {
        length += 1 + digits(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}

/// Up to and with the closing quote, or the end of the line.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            '\n' if quote != '`' => return at,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}
