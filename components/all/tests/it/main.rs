//! Whether our components take the configurations that the reference's components take.
//!
//! `reference/components.json` holds its field tables. A component is compared when this build
//! registers it, so a crate's own feature is enough while working on it:
//! `COMPONENT=input.kafka cargo test -p sluice-components --features kafka field_tables`.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod differences;
mod table;

use std::collections::BTreeSet;

use sluice_config::ComponentKind;
use sluice_value::{Value, json};

use differences::{KNOWN, MISSING};

fn reference() -> Value {
    json::parse(include_bytes!("../reference/components.json")).unwrap()
}

/// `input.kafka` of a component as the reference describes it.
fn name_of(component: &Value) -> String {
    let text = |key| component.get(key).and_then(Value::as_str).unwrap();
    format!("{}.{}", text("kind"), text("name"))
}

fn kind_of(component: &Value) -> ComponentKind {
    let name = component.get("kind").and_then(Value::as_str).unwrap();
    ComponentKind::ALL.into_iter().find(|kind| kind.name() == name).unwrap()
}

#[test]
fn field_tables_are_those_of_the_reference() {
    let only = std::env::var("COMPONENT").unwrap_or_default();
    let registry = sluice_components::registry();
    let (mut found, mut compared) = (Vec::new(), BTreeSet::new());
    for component in reference().get("components").unwrap().as_array().unwrap() {
        let name = name_of(component);
        let own = component.get("name").and_then(Value::as_str).unwrap();
        let Some(spec) = registry.get(kind_of(component), own) else { continue };
        if name.starts_with(&only) {
            found.extend(table::differences(&name, component, spec));
            compared.insert(name);
        }
    }
    assert!(only.is_empty() || !compared.is_empty(), "this build has no component {only}");
    let is_known = |found: &String| KNOWN.iter().any(|(known, _)| found.starts_with(known));
    let unknown: Vec<&String> = found.iter().filter(|it| !is_known(it)).collect();
    assert!(unknown.is_empty(), "{} differences:\n{}", unknown.len(), lines(unknown));
    let is_compared = |known: &str| {
        compared
            .iter()
            .any(|it| known.starts_with(&format!("{it}.")) || known.starts_with(&format!("{it}:")))
    };
    let stale: Vec<&str> = KNOWN
        .iter()
        .map(|(known, _)| *known)
        .filter(|known| is_compared(known) && !found.iter().any(|it| it.starts_with(known)))
        .collect();
    assert!(stale.is_empty(), "no differences any more:\n{}", lines(stale));
}

/// Only a build with everything can tell.
#[cfg(feature = "full")]
#[test]
fn every_component_of_the_reference_is_there() {
    let registry = sluice_components::registry();
    let is_there = |component: &&Value| {
        let name = component.get("name").and_then(Value::as_str).unwrap();
        registry.get(kind_of(component), name).is_some()
    };
    let reference = reference();
    let all = reference.get("components").unwrap().as_array().unwrap();
    let absent: BTreeSet<String> = all.iter().filter(|it| !is_there(it)).map(name_of).collect();
    let listed: BTreeSet<String> = MISSING.iter().map(|(name, _)| (*name).to_owned()).collect();
    let unlisted: Vec<_> = absent.difference(&listed).collect();
    assert!(unlisted.is_empty(), "missing:\n{}", lines(unlisted));
    let stale: Vec<_> = listed.difference(&absent).collect();
    assert!(stale.is_empty(), "no longer missing:\n{}", lines(stale));
}

fn lines<T: std::fmt::Display>(items: Vec<T>) -> String {
    items.iter().map(|item| format!("  {item}\n")).collect()
}
