//! What one evaluation may use up, so that no mapping runs forever or eats all memory.
//!
//! Steps are queries run on elements, maps applied and elements or bytes grown out of little.
//! Besides, a value is small in memory when its parts are shared (`[$a, $a]`), but is printed and
//! compared in full: forty such lines would make a document of a terabyte. So what computed
//! values amount to when written out is bounded where they are kept, handed on or printed.

use std::cell::Cell;

use sluice_value::Value;

use crate::{
    Error,
    builtin::{MAX_ELEMENTS, MAX_GROWTH},
};

/// What one evaluation of a program may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Queries run on elements, maps applied, elements made.
    pub steps: usize,
    /// What a value may amount to when it is written out.
    pub bytes: usize,
}

impl Default for Limits {
    /// Far more than a mapping of messages needs: a second or two of work.
    fn default() -> Self {
        Self { steps: 20_000_000, bytes: MAX_GROWTH }
    }
}

/// Arrays and texts below this size are not worth counting.
const SMALL: usize = 1024;

/// What is left for one evaluation.
pub(crate) struct Budget {
    steps: Cell<usize>,
    limits: Limits,
    /// Whether values may share parts at all.
    watches: bool,
}

impl Budget {
    pub(crate) fn new(limits: Limits, watches: bool) -> Self {
        Self { steps: Cell::new(limits.steps), limits, watches }
    }

    #[inline]
    pub(crate) fn spend(&self, steps: usize) -> Result<(), Error> {
        match self.steps.get().checked_sub(steps) {
            Some(left) => {
                self.steps.set(left);
                Ok(())
            }
            None => {
                Err(Error::new(format!("evaluation is limited to {} steps", self.limits.steps)))
            }
        }
    }

    /// Pays for a value that a built-in made.
    #[inline]
    pub(crate) fn spend_on(&self, made: &Value) -> Result<(), Error> {
        let size = match made {
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            Value::String(text) => text.len() / 16,
            Value::RawString(content) | Value::Bytes(content) => content.len() / 16,
            _ => return Ok(()),
        };
        if size < SMALL { Ok(()) } else { self.spend(size) }
    }

    /// Refuses a value that would be too large written out.
    #[inline]
    pub(crate) fn check(&self, value: &Value) -> Result<(), Error> {
        let is_container = matches!(value, Value::Array(_) | Value::Object(_));
        if !self.watches || !is_container {
            return Ok(());
        }
        let bytes = self.limits.bytes;
        let mut left = bytes;
        if !fits(value, &mut left) {
            return Err(Error::new(format!(
                "a value is limited to {bytes} bytes when written out"
            )));
        }
        self.spend((bytes - left) / 64)
    }
}

/// Refuses an array that a built-in is about to make too large.
pub(crate) fn check_elements(count: usize, what: &str) -> Result<(), Error> {
    if count <= MAX_ELEMENTS {
        return Ok(());
    }
    Err(Error::new(format!("{what} is limited to {MAX_ELEMENTS} values")))
}

/// Takes what a value amounts to from `left`, if there is as much.
fn fits(value: &Value, left: &mut usize) -> bool {
    let size = match value {
        Value::String(text) => text.len() + 2,
        Value::RawString(content) | Value::Bytes(content) => content.len() + 2,
        Value::Object(fields) => fields.keys().map(|key| key.len() + 4).sum::<usize>() + 2,
        Value::Array(items) => items.len() + 2,
        _ => 4,
    };
    let Some(rest) = left.checked_sub(size) else { return false };
    *left = rest;
    match value {
        Value::Array(items) => items.iter().all(|item| fits(item, left)),
        Value::Object(fields) => fields.values().all(|field| fits(field, left)),
        _ => true,
    }
}
