//! Functions and methods: one file each, collected by one plain list per family.
//!
//! # Adding a built-in
//! 1. Write `src/builtin/<family>/<name>.rs` (a Rust keyword gets an underscore at the end, as
//!    `type_.rs`). It holds one constant, `FUNCTION` or `METHOD`, and the code it points to:
//!
//! ```text
//! //! `repeat`: a text several times over.
//!
//! pub(super) const METHOD: Method = Method::new(
//!     "repeat",
//!     &[Category::String],
//!     "Returns a string that contains the target `count` times.",
//!     MethodCode::Eval(repeat),
//! )
//! .params(&[Param::integer("count", "How often.")])
//! .examples(&[Example::new(
//!     "root.line = this.c.repeat(3)",
//!     &[(r#"{"c":"ab"}"#, r#"{"line":"ababab"}"#)],
//! )]);
//! ```
//!
//! 2. Name it in the `mod` lines and in `FUNCTIONS` or `METHODS` of the family's `mod.rs`.
//! 3. Every example with runs is executed by the tests of `builtin::tests`; edge cases belong to
//!    `tests/cases`.
//!
//! # Choosing the code form
//! - [`MethodCode::Value`]: `fn(&Value) -> Result<Value, Error>`, for methods without arguments.
//! - [`MethodCode::Eval`]: also gets [`Args`] and the [`Context`](crate::Context). The target is a
//!   `Cow`: owned when it was computed, so that changing it in place is free. Return
//!   [`Outcome::Borrowed`](crate::Outcome) where the answer already exists.
//! - [`MethodCode::Prepare`]: checks and prepares arguments (regular expressions, paths, layouts)
//!   and returns the code as a closure. Literal arguments are prepared when the mapping is
//!   compiled, and an error then refuses the mapping; computed ones for each evaluation. State of
//!   a call site (a counter, a seeded generator) lives in the closure.
//! - [`MethodCode::PrepareWithHost`]: the same with files at hand.
//! - [`MethodCode::Lazy`]: gets the target unevaluated (`catch`, `from`); errors are its own.
//! - Functions have the same choice without a target.
//!
//! Arguments are converted before the code sees them (an `integer` parameter is a
//! [`Value::Int`](sluice_value::Value), a `string` also admits bytes: use `args.bytes(0)` where
//! they may be binary), and errors name the target's expression unless the declaration says
//! `.plain_errors()`, which built-ins do that are plugins in the reference. Type errors come from
//! [`Error::expected`](crate::Error::expected); texts are the reference's, letter for letter.
//! Text targets: [`text_of`] and [`bytes_of`] accept what the reference takes for a string.
//! What the reference computes for constants when it compiles a mapping says `.folded()`.
//! Growth (repetition, ranges, decompression) is limited by [`MAX_GROWTH`].

mod args;
mod call;
mod coercion;
mod encoding;
mod environment;
mod fake;
mod flow;
mod general;
mod geoip;
mod jwt;
mod message;
mod number;
mod object;
mod parsing;
mod regexp;
mod spec;
mod string;
#[cfg(test)]
mod tests;
mod timestamp;

use std::borrow::Cow;

use sluice_value::Value;

use crate::Error;

pub use args::{Arg, Args, Query};
pub(crate) use args::{ArgExpr, ArgList, ArgProblem};
pub use call::{Call, MethodCall, PreparedFunction, PreparedMethod};
pub(crate) use call::{FunctionEntry, MethodEntry};
pub(crate) use regexp::Pattern;
pub use spec::{
    Category, Default, Example, Function, FunctionClosure, FunctionCode, Method, MethodClosure,
    MethodCode, MethodEval, MethodLazy, Param, ParamKind, Params, Run, Status,
};
pub(crate) use string::lowercase;

/// All functions, family by family.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    [general::FUNCTIONS, message::FUNCTIONS, environment::FUNCTIONS, fake::FUNCTIONS]
        .into_iter()
        .flatten()
}

/// All methods, family by family.
pub fn methods() -> impl Iterator<Item = &'static Method> {
    [
        flow::METHODS,
        coercion::METHODS,
        string::METHODS,
        number::METHODS,
        object::METHODS,
        parsing::METHODS,
        encoding::METHODS,
        regexp::METHODS,
        timestamp::METHODS,
        jwt::METHODS,
        geoip::METHODS,
    ]
    .into_iter()
    .flatten()
}

/// Most bytes a single call may produce out of little.
pub const MAX_GROWTH: usize = 256 * 1024 * 1024;
/// Most elements a single call may produce out of little.
pub const MAX_ELEMENTS: usize = 10_000_000;

/// The target as text: strings, bytes (broken UTF-8 replaced) and timestamps.
///
/// # Errors
/// It is of another kind.
pub fn text_of(value: &Value) -> Result<Cow<'_, str>, Error> {
    match value {
        Value::String(text) => Ok(Cow::Borrowed(text)),
        Value::RawString(content) | Value::Bytes(content) => Ok(String::from_utf8_lossy(content)),
        Value::Timestamp(_) => Ok(Cow::Owned(value.to_text())),
        _ => Err(Error::expected(&["string"], value)),
    }
}

/// The target as bytes: strings, bytes and timestamps.
///
/// # Errors
/// It is of another kind.
pub fn bytes_of(value: &Value) -> Result<Cow<'_, [u8]>, Error> {
    crate::compare::content(value).ok_or_else(|| Error::expected(&["bytes"], value))
}

/// The bytes of strings and bytes, but not of timestamps.
fn content_of(target: &Value) -> Result<&[u8], Error> {
    match target {
        Value::String(text) => Ok(text.as_bytes()),
        Value::RawString(content) | Value::Bytes(content) => Ok(content),
        _ => Err(Error::expected(&["string"], target)),
    }
}
