//! The written reference of components is that of the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::Place;

fn committed() -> PathBuf {
    std::path::absolute("../../docs/components").unwrap()
}

/// Files below a directory by their names.
fn texts(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().display().to_string();
                found.insert(name, std::fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_component_reference_is_current() {
    let place = Place::with(&[]);
    let outcome = place.run(&["docs", "components"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let (written, committed) = (texts(&place.path("components")), texts(&committed()));
    let names = written.keys().chain(committed.keys());
    let mut stale: Vec<&String> =
        names.filter(|name| written.get(*name) != committed.get(*name)).collect();
    stale.dedup();
    let how = "cargo run -p sluice -- docs docs/components";
    assert!(stale.is_empty(), "run `{how}`; these are not current: {stale:?}");
}

#[test]
fn examples_of_the_component_reference_pass_the_linter() {
    let place = Place::with(&[]);
    let reference = committed().display().to_string();
    let outcome = place.run(&["lint", "--skip-env-var-check", &format!("{reference}/...")]);
    assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "{}", outcome.stdout);
}
