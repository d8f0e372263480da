//! Run-time errors of mappings, worded as pipelines read them through `error()`.
//!
//! An [`Error`] remembers how it came about as well as its text, because wrapping depends on it:
//! a type error takes the name of the expression that produced the value, any other first error
//! is prefixed with that name once, and a failed assignment keeps only the innermost line.

use std::fmt;

use ecow::EcoString;
use sluice_value::Value;

use crate::Outcome;

/// Why a mapping, a query or a template could not be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Error(Box<Cause>);

#[derive(Clone, Debug, PartialEq)]
enum Cause {
    Message(EcoString),
    Type {
        expected: &'static [&'static str],
        actual: &'static str,
        from: Option<String>,
        shown: Option<String>,
    },
    /// Two operands that cannot be combined; the text names both sides.
    Mismatch(String),
    /// `this` was read where there is none; holds the dotted path that was wanted.
    NoContext(String),
    /// The source, prefixed once with the expression it came from.
    From(String, Error),
    /// The source with what was being done in front.
    Context(String, Error),
    Assignment(usize, Error),
    Recursion {
        entering: String,
        limit: usize,
    },
}

impl Error {
    pub fn new(text: impl Into<EcoString>) -> Self {
        Self(Box::new(Cause::Message(text.into())))
    }

    /// `found` is of a kind the operation cannot use; `expected` lists the kinds it can.
    pub fn expected(expected: &'static [&'static str], found: &Value) -> Self {
        Self::expected_outcome(expected, &Outcome::Borrowed(found))
    }

    /// As [`Error::expected`], for a result that may be a control outcome.
    pub fn expected_outcome(expected: &'static [&'static str], found: &Outcome<'_>) -> Self {
        let shown = match found.as_value() {
            Some(Value::String(text)) => Some(format!("\"{text}\"")),
            Some(text @ Value::RawString(_)) => Some(format!("\"{}\"", text.to_text())),
            Some(Value::Bool(b)) => Some(b.to_string()),
            Some(
                number @ (Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Number(_)),
            ) => Some(number.to_text()),
            _ => None,
        };
        Self(Box::new(Cause::Type { expected, actual: found.kind_name(), from: None, shown }))
    }

    pub(crate) fn mismatch(text: String) -> Self {
        Self(Box::new(Cause::Mismatch(text)))
    }

    pub(crate) fn no_context(path: String) -> Self {
        Self(Box::new(Cause::NoContext(path)))
    }

    pub(crate) fn recursion(entering: String, limit: usize) -> Self {
        Self(Box::new(Cause::Recursion { entering, limit }))
    }

    /// Puts what was being done in front: `doing: error`.
    pub fn context(self, doing: impl Into<String>) -> Self {
        Self(Box::new(Cause::Context(doing.into(), self)))
    }

    /// Names the expression the error came from, unless one is named already.
    pub fn from_expression(mut self, annotation: impl FnOnce() -> String) -> Self {
        match &mut *self.0 {
            Cause::Type { from, .. } => {
                from.get_or_insert_with(annotation);
                return self;
            }
            Cause::Mismatch(_) => return self,
            _ => {}
        }
        if self.chain().any(|cause| matches!(cause, Cause::From(..))) {
            return self;
        }
        Self(Box::new(Cause::From(annotation(), self)))
    }

    /// Says a control outcome instead of `null` in a type error.
    pub(crate) fn found_instead(mut self, name: &'static str) -> Self {
        if let Cause::Type { actual, .. } = &mut *self.0
            && *actual == "null"
        {
            *actual = name;
        }
        self
    }

    /// Wraps the failure of a statement of the mapping itself.
    pub(crate) fn in_statement(self, line: usize) -> Self {
        Self(Box::new(Cause::Assignment(line, self)))
    }

    /// Wraps the failure of a statement inside a map: of nested ones only the innermost is told.
    pub(crate) fn in_map_statement(self, line: usize) -> Self {
        let source = self;
        if let Some(inner) =
            source.innermost(|cause| matches!(cause, Cause::Assignment(..))).cloned()
        {
            return inner;
        }
        let recursion = source.innermost(|cause| matches!(cause, Cause::Recursion { .. })).cloned();
        recursion.unwrap_or(source).in_statement(line)
    }

    /// The path wanted from a missing `this`, if that is what the error is about.
    pub(crate) fn missing_context(&self) -> Option<&str> {
        self.chain().find_map(|cause| match cause {
            Cause::NoContext(path) => Some(path.as_str()),
            _ => None,
        })
    }

    fn innermost(&self, is: impl Fn(&Cause) -> bool) -> Option<&Error> {
        let mut at = Some(self);
        while let Some(error) = at {
            if is(&error.0) {
                return Some(error);
            }
            at = error.source_error();
        }
        None
    }

    fn chain(&self) -> impl Iterator<Item = &Cause> {
        std::iter::successors(Some(self), |error| error.source_error()).map(|error| &*error.0)
    }

    fn source_error(&self) -> Option<&Error> {
        match &*self.0 {
            Cause::From(_, source) | Cause::Context(_, source) | Cause::Assignment(_, source) => {
                Some(source)
            }
            _ => None,
        }
    }
}

impl std::error::Error for Error {}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Error {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Cause::Message(text) => f.write_str(text),
            Cause::Mismatch(text) => f.write_str(text),
            Cause::Type { expected, actual, from, shown } => {
                match expected {
                    [] => f.write_str("unexpected value")?,
                    [only] => write!(f, "expected {only} value")?,
                    [first @ .., last] => {
                        write!(f, "expected {} or {last} value", first.join(", "))?;
                    }
                }
                write!(f, ", got {actual}")?;
                if let Some(from) = from {
                    write!(f, " from {from}")?;
                }
                shown.as_ref().map_or(Ok(()), |shown| write!(f, " ({shown})"))
            }
            Cause::NoContext(path) if path.is_empty() => f.write_str("context was undefined"),
            Cause::NoContext(path) => {
                write!(f, "context was undefined, unable to reference `{path}`")
            }
            Cause::From(prefix, source) | Cause::Context(prefix, source) => {
                write!(f, "{prefix}: {source}")
            }
            Cause::Assignment(line, source) => {
                write!(f, "failed assignment (line {line}): {source}")
            }
            Cause::Recursion { entering, limit } => write!(
                f,
                "entering {entering} exceeded maximum allowed stacks of {limit}, \
                 this could be due to unbounded recursion"
            ),
        }
    }
}
