//! General functions: constants, control, identifiers, random numbers.

mod deleted;
mod nothing;
mod range;
mod throw;

use super::Function;

pub(super) const FUNCTIONS: &[Function] =
    &[deleted::FUNCTION, nothing::FUNCTION, range::FUNCTION, throw::FUNCTION];
