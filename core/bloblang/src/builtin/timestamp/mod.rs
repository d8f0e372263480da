//! Methods on points in time.

use super::Method;

pub(super) const METHODS: &[Method] = &[];
