//! Functions that look at the message: content, metadata, batch, failure, tracing.

mod batch_index;
mod content;
mod json;
mod metadata;

use super::Function;

pub(super) const FUNCTIONS: &[Function] =
    &[batch_index::FUNCTION, content::FUNCTION, json::FUNCTION, metadata::FUNCTION];
