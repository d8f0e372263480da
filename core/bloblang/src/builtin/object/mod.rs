//! Methods on objects and arrays.

mod index;
mod length;
mod map_each;

use super::Method;

pub(super) const METHODS: &[Method] = &[index::METHOD, length::METHOD, map_each::METHOD];
