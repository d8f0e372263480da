//! Bloblang, the mapping language of the stream engine.
//!
//! A [`Program`] is compiled once from text against an [`Environment`] and then evaluated for any
//! number of messages, from any number of threads. What may differ between evaluations comes with
//! the [`Input`]: the batch (through the [`Messages`] trait), placeholder values ([`Params`]) and
//! resources. A [`Template`] is text with expressions inside, as configuration fields hold it.
//!
//! ```
//! use sluice_bloblang::{Body, Environment, Input, Program, Single};
//! use sluice_value::json;
//!
//! let program = Program::parse("root.sum = this.a + 1", &Environment::default())?;
//! let message = Single { value: json::parse(br#"{"a":2}"#)?, ..Single::default() };
//! let mapped = program.map(&Input::new(&message, 0))?;
//! assert_eq!(mapped.body, Body::Value(json::parse(br#"{"sum":3}"#)?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The way through the crate: `parse` makes the tree of `expr` and reports `diagnostic`s; `eval`
//! walks it inside a `context`; `program` runs statements; `builtin` holds functions and methods,
//! one file each. What editors and people need beside that is in `docs`, `assist` and `format`.
//!
//! Holds always: nothing here panics on any mapping or input, and no value of a message or
//! parameter can change what a program does, only what it computes with.
//! Lives elsewhere: values, JSON and number texts (`sluice-value`), messages, files and caches.

pub mod analysis;
pub mod assist;
mod budget;
pub mod builtin;
pub mod compare;
mod context;
mod diagnostic;
pub mod docs;
mod environment;
mod error;
mod eval;
mod expr;
mod format;
pub mod formats;
pub mod gofmt;
pub mod layout;
mod message;
pub mod number;
mod outcome;
mod parse;
pub mod path;
mod program;
mod template;
pub mod time;

pub use budget::Limits;
pub use context::Context;
pub use diagnostic::{Diagnostic, Diagnostics};
pub use environment::Environment;
pub use error::Error;
pub use expr::{
    Base, Bounds, Case, Expr, ExprKind, Fields, Key, Literal, Operator, Span, TextPart,
};
pub use format::format;
pub use message::{
    Cache, Failure, FailureSource, Host, Input, Messages, NoHost, Params, Resources, Single,
};
pub use outcome::Outcome;
pub use program::{Body, Mapped, Origin, Program, Statement, StatementKind, Target};
pub use template::Template;
