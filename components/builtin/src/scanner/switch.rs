//! `switch`: scanners chosen by name.

use std::sync::Arc;

use regex::Regex;
use sluice_config::{Block, FromText, Kinds, Parsed, config};
use sluice_engine::{BuildError, Registry, Scan, ScanError, Scanner, Scope};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .scanner("switch", build)
        .doc("Hands each stream to the first scanner whose pattern matches its name.");
}

/// A pattern of names; `None` where the text is empty.
#[derive(Clone, Debug)]
struct Name(Option<Regex>);

impl FromText for Name {
    fn from_text(text: &str, _: &str) -> Result<Self, String> {
        let failed = |error| format!("failed to compile regexp: {error}");
        let text = Some(text).filter(|text| !text.is_empty());
        text.map(Regex::new).transpose().map(Self).map_err(failed)
    }
}

config! {
    /// A scanner and the names it is for.
    struct Case {
        /// A regular expression; without one, all names match.
        re_match_name: Option<Parsed<Name>>,
        /// What cuts the stream.
        scanner: Block<Kinds::Scanner>,
    }
}

struct Switch {
    cases: Vec<(Option<Regex>, Arc<dyn Scanner>)>,
}

fn build(cases: Vec<Case>, scope: &Scope) -> Result<Arc<dyn Scanner>, BuildError> {
    let place = scope.below("switch");
    let cases = cases.into_iter().enumerate().map(|(at, case)| {
        let pattern = case.re_match_name.and_then(|Parsed(name)| name.0);
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
