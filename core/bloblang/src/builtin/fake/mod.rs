//! Invented data for tests and demonstrations.

#[expect(clippy::module_inception, reason = "the family has one function, of the same name")]
mod fake;
mod invent;
mod tables;
#[cfg(test)]
mod tests;

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[fake::FUNCTION];
