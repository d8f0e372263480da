//! Methods with regular expressions.

use super::Method;

pub(super) const METHODS: &[Method] = &[];
