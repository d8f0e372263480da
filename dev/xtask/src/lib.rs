//! Rules of the repository that a program can check.

pub mod layers;
pub mod texts;

use std::path::Path;

use anyhow::Result;

/// Checks everything and returns what is wrong, a line each.
///
/// # Errors
/// The repository cannot be read.
pub fn tidy(root: &Path) -> Result<Vec<String>> {
    let mut problems = layers::check(root)?;
    problems.extend(texts::check(root)?);
    Ok(problems)
}
