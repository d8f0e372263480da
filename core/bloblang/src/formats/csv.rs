//! Tables of comma separated values.

use std::fmt;

/// How a table is read.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub delimiter: char,
    /// Quotes may stand inside fields.
    pub lazy_quotes: bool,
}

/// Where and why a text is no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsvError {
    Delimiter,
    BareQuote {
        line: usize,
        column: usize,
    },
    /// A quote inside a quoted field, or one that is missing at its end.
    Quote {
        first_line: usize,
        line: usize,
        column: usize,
    },
    FieldCount {
        line: usize,
    },
}

impl fmt::Display for CsvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delimiter => f.write_str("csv: invalid field or comment delimiter"),
            Self::BareQuote { line, column } => write!(
                f,
                "parse error on line {line}, column {column}: bare \" in non-quoted-field"
            ),
            Self::Quote { first_line, line, column } => {
                if first_line != line {
                    write!(f, "record on line {first_line}; ")?;
                }
                write!(
                    f,
                    "parse error on line {line}, column {column}: extraneous or missing \" in \
                     quoted-field"
                )
            }
            Self::FieldCount { line } => {
                write!(f, "record on line {line}: wrong number of fields")
            }
        }
    }
}

impl std::error::Error for CsvError {}

/// Iterates over the records of a table. All have as many fields as the first; empty lines are
/// left out.
pub struct Records<'a> {
    rest: &'a [u8],
    line: usize,
    fields: Option<usize>,
    delimiter: ([u8; 4], usize),
    options: Options,
}

impl<'a> Records<'a> {
    pub fn new(text: &'a [u8], options: Options) -> Self {
        let mut delimiter = [0; 4];
        let length = options.delimiter.encode_utf8(&mut delimiter).len();
        Self { rest: text, line: 0, fields: None, delimiter: (delimiter, length), options }
    }

    /// A line with its break, which is always `\n`.
    fn read_line(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let Some(end) = memchr::memchr(b'\n', self.rest) else {
            let content = std::mem::take(&mut self.rest);
            let content = content.strip_suffix(b"\r").unwrap_or(content);
            return Some(Line { content, has_break: false });
        };
        let content = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        Some(Line { content, has_break: true })
    }

    fn record(&mut self, mut line: Line<'a>) -> Result<Vec<Vec<u8>>, CsvError> {
        let (delimiter, length) = self.delimiter;
        let delimiter = &delimiter[..length];
        let first_line = self.line;
        let mut fields = Vec::with_capacity(self.fields.unwrap_or_default());
        // Columns count bytes from one.
        let mut column = 1;
        loop {
            let Some(quoted) = line.content.strip_prefix(b"\"") else {
                let end = memchr::memmem::find(line.content, delimiter);
                let field = &line.content[..end.unwrap_or(line.content.len())];
                if !self.options.lazy_quotes
                    && let Some(at) = memchr::memchr(b'"', field)
                {
                    return Err(CsvError::BareQuote { line: self.line, column: column + at });
                }
                fields.push(field.to_vec());
                let Some(end) = end else { return Ok(fields) };
                line.content = &line.content[end + length..];
                column += end + length;
                continue;
            };
            line.content = quoted;
            column += 1;
            let mut field = Vec::new();
            let mut field_line = self.line;
            let is_last = loop {
                if let Some(at) = memchr::memchr(b'"', line.content) {
                    field.extend_from_slice(&line.content[..at]);
                    line.content = &line.content[at + 1..];
                    column += at + 1;
                    if let Some(rest) = line.content.strip_prefix(b"\"") {
                        field.push(b'"');
                        line.content = rest;
                        column += 1;
                    } else if let Some(rest) = line.content.strip_prefix(delimiter) {
                        line.content = rest;
                        column += length;
                        break false;
                    } else if line.content.is_empty() {
                        break true;
                    } else if self.options.lazy_quotes {
                        field.push(b'"');
                    } else {
                        let column = column - 1;
                        return Err(CsvError::Quote { first_line, line: self.line, column });
                    }
                    continue;
                }
                field.extend_from_slice(line.content);
                column += line.content.len();
                if line.has_break {
                    field.push(b'\n');
                    column += 1;
                }
                let Some(next) = self.read_line() else {
                    if self.options.lazy_quotes {
                        break true;
                    }
                    return Err(CsvError::Quote { first_line, line: field_line, column });
                };
                line = next;
                field_line += 1;
                column = 1;
            };
            fields.push(field);
            if is_last {
                return Ok(fields);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Line<'a> {
    content: &'a [u8],
    has_break: bool,
}

impl Iterator for Records<'_> {
    type Item = Result<Vec<Vec<u8>>, CsvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.options.delimiter, '\0' | '"' | '\r' | '\n' | char::REPLACEMENT_CHARACTER)
        {
            self.rest = &[];
            return self.fields.replace(0).is_none().then_some(Err(CsvError::Delimiter));
        }
        let line = loop {
            let line = self.read_line()?;
            if !line.content.is_empty() || !line.has_break {
                break line;
            }
        };
        let first_line = self.line;
        let record =
            self.record(line).and_then(|record| match *self.fields.get_or_insert(record.len()) {
                expected if expected == record.len() => Ok(record),
                _ => Err(CsvError::FieldCount { line: first_line }),
            });
        if record.is_err() {
            self.rest = &[];
        }
        Some(record)
    }
}
