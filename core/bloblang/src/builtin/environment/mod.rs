//! Functions that read the world: environment, files, clock, caches.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
