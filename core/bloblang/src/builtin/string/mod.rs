//! Methods on text.

mod uppercase;

use super::Method;

pub(super) const METHODS: &[Method] = &[uppercase::METHOD];
