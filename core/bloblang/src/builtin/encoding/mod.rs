//! Methods that encode, encrypt, hash and compress.

use super::Method;

pub(super) const METHODS: &[Method] = &[];
