//! Methods that read and write document formats.

mod bloblang;
mod format_json;
mod parse_json;

use super::Method;

pub(super) const METHODS: &[Method] = &[bloblang::METHOD, format_json::METHOD, parse_json::METHOD];
