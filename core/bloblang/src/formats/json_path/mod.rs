//! JSONPath expressions: `$.rows[?(@.id > 1)].name`.
//!
//! A path that can only lead to one place yields the value there, or an error. One with a
//! wildcard, a range, a filter, several keys or `..` yields an array of all matches. Between
//! brackets stand expressions with arithmetic, comparison and logic, where `@` is the value that
//! is looked at and `$` the whole document.
//!
//! Numbers of a document are numbers in comparisons.

mod eval;
mod expr;
mod infix;
mod operate;
mod parse;
mod scan;
mod text;

use sluice_value::Value;

/// A compiled path.
#[derive(Clone, Debug)]
pub struct JsonPath(expr::Expr);

impl JsonPath {
    /// # Errors
    /// The text is no path.
    pub fn new(text: &str) -> Result<Self, String> {
        parse::parse(text).map(Self)
    }

    /// # Errors
    /// The path leads nowhere, or to too many places.
    pub fn find(&self, document: &Value) -> Result<Value, String> {
        eval::eval(&self.0, document)
    }
}

#[cfg(test)]
mod tests;
