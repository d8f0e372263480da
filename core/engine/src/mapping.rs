//! Mappings, checks and interpolated text, compiled for the engine's messages.

use sluice_config::{Interpolated, Query};
use sluice_message::{Batch, Message};
use sluice_value::Value;

use crate::{BuildError, Scope};

/// How a mapping treats the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Builds a new document.
    Mapping,
    /// Changes the document in place.
    Mutation,
}

/// A compiled mapping.
pub struct Mapping;

/// A compiled query for any value.
pub struct Program;

/// A compiled query for a truth value.
pub struct Check;

/// Compiled text with `${! }` parts.
pub struct Text {
    fixed: String,
}

impl Mapping {
    /// The message that `batch[at]` maps to; `None` when the mapping deletes it.
    ///
    /// # Errors
    /// Why the mapping failed, as the message's failure says it. The message itself is untouched
    /// by a mapping; by a mutation it keeps what was assigned before the failure.
    pub fn map(&self, _batch: &Batch, _at: usize) -> Result<Option<Message>, String> {
        Err("unavailable".into())
    }
}

impl Program {
    /// The value of the query for one message of a batch.
    ///
    /// # Errors
    /// Why the query failed.
    pub fn eval(&self, _messages: &[Message], _at: usize) -> Result<Value, String> {
        Err("unavailable".into())
    }
}

impl Check {
    /// # Errors
    /// The query failed or gave something else than a truth value.
    pub fn is_true(&self, _messages: &[Message], _at: usize) -> Result<bool, String> {
        Err("unavailable".into())
    }
}

impl Text {
    /// The text when it is the same for every message.
    pub fn fixed(&self) -> Option<&str> {
        Some(&self.fixed)
    }

    /// The text for one message of a batch.
    ///
    /// # Errors
    /// Why a query in it failed.
    pub fn render(&self, _messages: &[Message], _at: usize) -> Result<String, String> {
        Ok(self.fixed.clone())
    }
}

impl Scope {
    /// Compiles a mapping; once per template, however many instances there are.
    ///
    /// # Errors
    /// Every mistake in it, with its place in the document.
    pub fn mapping(&self, _query: &Query, _mode: Mode) -> Result<Mapping, BuildError> {
        Ok(Mapping)
    }

    /// Compiles a query.
    ///
    /// # Errors
    /// As [`Scope::mapping`].
    pub fn query(&self, _query: &Query) -> Result<Program, BuildError> {
        Ok(Program)
    }

    /// Compiles a query for a truth value.
    ///
    /// # Errors
    /// As [`Scope::mapping`].
    pub fn check(&self, _query: &Query) -> Result<Check, BuildError> {
        Ok(Check)
    }

    /// Compiles interpolated text.
    ///
    /// # Errors
    /// As [`Scope::mapping`].
    pub fn text(&self, text: &Interpolated) -> Result<Text, BuildError> {
        Ok(Text { fixed: text.text.clone() })
    }
}
