//! Methods that read and write document formats.

use super::Method;

pub(super) const METHODS: &[Method] = &[];
