//! What is wrong with the text of a mapping, for people: place, underlined source, hint.

use std::fmt;

use crate::Span;

/// One problem of a mapping or template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable name of the kind of problem, such as `unknown-function`.
    pub code: &'static str,
    /// What is wrong, as one sentence without a full stop.
    pub message: String,
    /// What could be done about it.
    pub hint: Option<String>,
    /// Counted from one. Tools of the reference report the same line and column: the place where
    /// reading could not go on, which for a bad call is just behind its closing bracket.
    pub line: usize,
    pub column: usize,
    /// The source text to underline.
    pub span: Span,
    /// The file the source text is from, when it was imported.
    pub file: Option<String>,
    /// True for problems that only show when literal arguments are prepared (a bad regular
    /// expression); the reference's linter does not find those.
    pub in_argument_value: bool,
    /// The message in the reference's words, for mappings compiled at run time.
    pub(crate) reference: String,
    /// Source lines shown below the message, rendered at construction.
    excerpt: String,
}

/// All problems found in one text, most important first. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostic {
    pub(crate) fn new(
        code: &'static str,
        message: String,
        hint: Option<String>,
        text: &str,
        at: usize,
        span: Span,
    ) -> Self {
        let (line, column) = position(text, at);
        Self {
            code,
            message,
            hint,
            line,
            column,
            span,
            file: None,
            in_argument_value: false,
            reference: String::new(),
            excerpt: excerpt(text, span),
        }
    }

    /// What is wrong in the reference's words, which its tools match on.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// The short form: `line 1 char 5: message`.
    pub fn short(&self) -> String {
        format!("line {} char {}: {}", self.line, self.column, self.message)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error[{}]: {}", self.code, self.message)?;
        let file = self.file.as_ref().map(|file| format!("{file}, ")).unwrap_or_default();
        writeln!(f, "  --> {file}line {} char {}", self.line, self.column)?;
        f.write_str(&self.excerpt)?;
        match &self.hint {
            Some(hint) => writeln!(f, "  = help: {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diagnostic) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}
impl std::error::Error for Diagnostics {}

impl Diagnostics {
    /// The problem the reference would report.
    pub fn first(&self) -> &Diagnostic {
        &self.0[0]
    }
}

/// Line and column of a byte offset, both from one.
///
/// Compatible with the reference to the letter: it subtracts the lengths of lines in bytes from a
/// position in characters, so that positions behind other than ASCII text come out too early.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let mut left = text[..at].chars().count();
    let mut line = 0;
    for length in text.split('\n').map(str::len) {
        if left <= length {
            break;
        }
        left -= length + 1;
        line += 1;
    }
    (line + 1, left + 1)
}

/// The lines of `span` with a gutter, and a marker below the first.
fn excerpt(text: &str, span: Span) -> String {
    let start = span.start.min(text.len());
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let number = text[..line_start].matches('\n').count() + 1;
    let line = text[line_start..line_end].trim_end_matches('\r');
    let lead: String = text[line_start..start.min(line_start + line.len())]
        .chars()
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let end = span.end.min(line_start + line.len()).max(start);
    let width = text.get(start..end).map_or(0, |marked| marked.chars().count()).max(1);
    let gutter = " ".repeat(number.to_string().len());
    format!("{gutter} |\n{number} | {line}\n{gutter} | {lead}{}\n", "^".repeat(width))
}
