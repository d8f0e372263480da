//! `switch`: scanners chosen by name.

use std::sync::Arc;

use regex::Regex;
use sluice_config::{Block, Kinds, config};
use sluice_engine::{BuildError, Registry, Scan, ScanError, Scanner, Scope};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .scanner("switch", build)
        .doc("Hands each stream to the first scanner whose pattern matches its name.");
}

config! {
    /// A scanner and the names it is for.
    struct Case {
        /// A regular expression; without one, all names match.
        re_match_name: Option<String>,
        /// What cuts the stream.
        scanner: Block<Kinds::Scanner>,
    }
}

struct Switch {
    cases: Vec<(Option<Regex>, Arc<dyn Scanner>)>,
}

fn build(cases: Vec<Case>, scope: &Scope) -> Result<Arc<dyn Scanner>, BuildError> {
    let place = scope.below("switch");
    let cases = cases.iter().enumerate().map(|(at, case)| {
        let pattern = case.re_match_name.as_deref().filter(|pattern| !pattern.is_empty());
        let failed = |error| BuildError::new(format!("failed to compile regexp: {error}"));
        let pattern = pattern.map(|pattern| Regex::new(pattern).map_err(failed)).transpose()?;
        Ok((pattern, place.below(at).build_scanner(&case.scanner, "scanner")?))
    });
    Ok(Arc::new(Switch { cases: cases.collect::<Result<_, BuildError>>()? }))
}

impl Scanner for Switch {
    fn begin(&self, name: &str) -> Result<Box<dyn Scan>, ScanError> {
        let matches = |pattern: &Option<Regex>| pattern.as_ref().is_none_or(|it| it.is_match(name));
        match self.cases.iter().find(|(pattern, _)| matches(pattern)) {
            Some((_, scanner)) => scanner.begin(name),
            None => Err(ScanError("no scanner in switch matched file".into())),
        }
    }
}
