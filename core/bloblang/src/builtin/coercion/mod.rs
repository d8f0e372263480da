//! Methods that turn values into other kinds, or insist on one.

mod not_null;
mod number;
mod string;

use super::Method;

pub(super) const METHODS: &[Method] = &[not_null::METHOD, number::METHOD, string::METHOD];
