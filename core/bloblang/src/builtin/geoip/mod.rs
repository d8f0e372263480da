//! Methods that locate network addresses.

use super::Method;

pub(super) const METHODS: &[Method] = &[];
