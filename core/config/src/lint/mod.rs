//! Linting: everything that is questionable in a document, by the field tables alone.
//!
//! The linter walks a document beside the tables. It asks a [`Catalogue`] which components exist
//! and whether mappings and interpolated texts parse. Nothing is built and nothing stops at the
//! first finding. What cannot be read at all is found before, by [`check_shape`], and left out of
//! the walk ([`Linter::leaving_out`]).
//!
//! Texts, lines, columns and their order are those of the reference: tools match on them. Where
//! the reference's column is of no use to a reader, [`Lint::place`] has the true one.
//! Lives elsewhere: environment variables ([`env`](crate::env)), printing (the program).

mod infer;
mod shape;
mod walk;

pub use infer::{infer_component, reserved_fields, suggestion};
pub use shape::{Unreadable, check_shape};
pub use walk::Linter;

use crate::{ComponentKind, Field, Position};

/// Which components exist.
pub trait Components {
    fn component(&self, kind: ComponentKind, name: &str) -> Option<ComponentEntry<'_>>;

    /// The names of all components of a kind.
    fn names(&self, kind: ComponentKind) -> Vec<&str>;
}

/// Where the linter learns what exists and what parses.
pub trait Catalogue: Components {
    /// Why a mapping or query does not parse, if so.
    fn mapping_problem(&self, text: &str) -> Option<TextProblem>;

    /// Why a text with `${! }` parts does not parse, if so.
    fn interpolation_problem(&self, text: &str) -> Option<TextProblem>;
}

/// What field tables tell of a component.
#[derive(Clone, Copy, Debug)]
pub struct ComponentEntry<'a> {
    /// The component's name as its table owns it.
    pub name: &'a str,
    /// What stands under the component's key.
    pub config: &'a Field,
    pub is_deprecated: bool,
}

/// A mistake inside a program text, its place counted from the text's beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextProblem {
    pub line: u32,
    pub column: u32,
    pub message: String,
}

/// What to be strict about.
#[derive(Clone, Copy, Debug, Default)]
pub struct LintOptions {
    /// Deprecated fields and components are errors.
    pub reject_deprecated: bool,
    /// Deprecated fields and components are warnings, unless they are errors.
    pub warn_deprecated: bool,
    /// Components without a label are errors.
    pub require_labels: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LintKind {
    /// The file could not be read.
    Read,
    /// Which component a nested block holds cannot be told. Building it fails.
    UnknownComponent,
    Deprecated,
    MissingVariable,
    Field,
    /// A value that its component cannot read. Building it fails; the reference's linter is silent.
    Unfit,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    pub kind: LintKind,
    /// Line and column as they are reported.
    pub at: Position,
    /// Where the finding is to be seen in the document.
    pub place: Position,
    /// Document path, such as `input.kafka.addresses`.
    pub path: String,
    pub message: String,
    /// What to do about it, when that is known. Not part of the reference's text.
    pub hint: Option<String>,
    pub is_warning: bool,
}

impl Lint {
    /// An error at a line, of a document that was not walked.
    pub fn error(kind: LintKind, line: u32, message: impl Into<String>) -> Self {
        let at = Position { line, column: 1 };
        let message = message.into();
        Self { kind, at, place: at, path: String::new(), message, hint: None, is_warning: false }
    }
}

/// `(line,column) message`.
impl std::fmt::Display for Lint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({},{}) {}", self.at.line, self.at.column, self.message)
    }
}

#[cfg(test)]
mod tests;
