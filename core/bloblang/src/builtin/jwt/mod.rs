//! Methods that sign and read JSON web tokens.

use super::Method;

pub(super) const METHODS: &[Method] = &[];
