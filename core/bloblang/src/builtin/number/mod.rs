//! Methods on numbers.

mod floor;

use super::Method;

pub(super) const METHODS: &[Method] = &[floor::METHOD];
