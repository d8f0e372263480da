//! Which metadata keys or header names pass.

use regex::Regex;
use sluice_config::config;
use sluice_engine::BuildError;

use crate::fields::EMPTY;

config! {
    /// Which keys pass: those that begin with a prefix or match a pattern.
    pub struct FilterConfig {
        /// Keys that begin with one of these pass.
        include_prefixes: Vec<String> = EMPTY => advanced,
        /// Keys in which one of these regular expressions matches pass.
        include_patterns: Vec<String> = EMPTY => advanced,
    }
}

/// Passes nothing until it is told to.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    prefixes: Vec<String>,
    patterns: Vec<Regex>,
}

impl Filter {
    pub(crate) fn new(config: &FilterConfig) -> Result<Self, BuildError> {
        let compile = |pattern: &String| {
            Regex::new(pattern).map_err(|error| {
                BuildError::new(format!("failed to compile include pattern {pattern:?}: {error}"))
            })
        };
        Ok(Self {
            prefixes: config.include_prefixes.clone(),
            patterns: config.include_patterns.iter().map(compile).collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.patterns.is_empty()
    }

    pub(crate) fn passes(&self, key: &str) -> bool {
        self.prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()))
            || self.patterns.iter().any(|pattern| pattern.is_match(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_pass_by_prefix_or_pattern_only() {
        let filter = Filter::new(&FilterConfig {
            include_prefixes: vec!["x-".into()],
            include_patterns: vec!["^(etag|age)$".into()],
        });
        let filter = filter.unwrap();
        assert!(filter.passes("x-a") && filter.passes("age") && !filter.passes("page"));
        assert!(Filter::default().is_empty() && !Filter::default().passes(""));
    }
}
