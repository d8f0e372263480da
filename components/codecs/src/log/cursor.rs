//! A place in a line.

/// What is left of a line, and how much came before.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

pub(super) const PRIORITY: &str = "expecting a priority value within angle brackets";
pub(super) const PRIORITY_VALUE: &str =
    "expecting a priority value in the range 1-191 or equal to 0";

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        &self.line[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    /// Goes past `expected`, if it comes next.
    pub(super) fn eat(&mut self, expected: u8) -> bool {
        let is_next = self.peek() == Some(expected);
        self.at += usize::from(is_next);
        is_next
    }

    /// # Errors
    /// `problem`, when something else comes next.
    pub(super) fn expect(&mut self, expected: u8, problem: &str) -> Result<(), String> {
        if self.eat(expected) { Ok(()) } else { Err(self.error(problem)) }
    }

    /// Goes past what belongs to a word of limited length.
    pub(super) fn word(&mut self, most: usize, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().take(most).take_while(|byte| belongs(**byte)).count();
        self.at += length;
        &rest[..length]
    }

    pub(super) fn skip(&mut self, length: usize) {
        self.at = self.line.len().min(self.at + length);
    }

    /// A priority in its brackets.
    pub(super) fn priority(&mut self) -> Result<i64, String> {
        self.expect(b'<', PRIORITY)?;
        let digits = self.word(3, |byte| byte.is_ascii_digit());
        let is_plain = digits.len() == 1 || !digits.starts_with(b"0");
        let priority = number(digits).filter(|number| *number <= 191 && is_plain);
        let priority = priority.ok_or_else(|| self.error(PRIORITY_VALUE))?;
        self.expect(b'>', PRIORITY_VALUE)?;
        Ok(priority)
    }

    pub(super) fn error(&self, problem: &str) -> String {
        format!("{problem} [col {}]", self.at)
    }
}

pub(super) fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
