//! Invented data for tests and demonstrations.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
