//! The built-ins are those of the reference: names, parameters, types, defaults and status.
//!
//! `tests/builtins.json` is the reference's own table. Names of ours that it lacks would be as
//! wrong as missing ones: mappings written here should run there.

use std::{collections::BTreeMap, fmt::Write as _};

use sluice_bloblang::builtin::{self, Category, Default, Param, Params, Status};
use sluice_value::{Value, json};

#[test]
fn functions_are_those_of_the_reference() {
    let ours = builtin::functions().map(|function| {
        let mut facts = facts(function.name, function.status, &[function.category]);
        facts += if function.impure { " impure" } else { "" };
        (function.name, facts + &described(function.params))
    });
    compare("functions", ours.collect());
}

#[test]
fn methods_are_those_of_the_reference() {
    let ours = builtin::methods().map(|method| {
        let facts = facts(method.name, method.status, method.categories);
        (method.name, facts + &described(method.params))
    });
    compare("methods", ours.collect());
}

fn facts(name: &str, status: Status, categories: &[Category]) -> String {
    // What is hidden or deprecated stands in no category of its own there.
    if matches!(status, Status::Hidden | Status::Deprecated) {
        return format!("{name} {}", status.name());
    }
    let mut names: Vec<_> = categories.iter().map(|category| category.name()).collect();
    names.sort_unstable();
    format!("{name} {} [{}]", status.name(), names.join(", "))
}

fn described(params: Params) -> String {
    match params {
        Params::Variadic => " variadic".to_owned(),
        Params::Named(params) => params.iter().map(described_one).collect(),
    }
}

fn described_one(param: &Param) -> String {
    let default = match param.default {
        Default::Required => String::new(),
        Default::Optional => " optional".to_owned(),
        Default::String(text) => format!(" = {}", Value::string(text)),
        Default::Integer(number) => format!(" = {number}"),
        Default::Bool(flag) => format!(" = {flag}"),
    };
    format!("\n  {}: {}{default}", param.name, param.kind.name())
}

#[track_caller]
fn compare(table: &str, ours: BTreeMap<&str, String>) {
    let document = json::parse(&std::fs::read("tests/builtins.json").expect("it can be read"))
        .expect("it is JSON");
    let entries = document.get(table).and_then(Value::as_array).expect("it is a table");
    let theirs: BTreeMap<_, _> = entries.iter().map(recorded).collect();
    let mut differences = Vec::new();
    for (name, facts) in &theirs {
        match ours.get(name) {
            Some(our) if our == facts => {}
            Some(our) => differences.push(format!("reference {facts}\nours      {our}")),
            None => differences.push(format!("{name} is missing")),
        }
    }
    let unknown = ours.keys().filter(|name| !theirs.contains_key(*name));
    differences.extend(unknown.map(|name| format!("{name} is not in the reference")));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn recorded(entry: &Value) -> (&str, String) {
    let text = |value: &'static str| entry.get(value).and_then(Value::as_str).unwrap_or_default();
    let is = |flag: &str| entry.get(flag).and_then(Value::as_bool).unwrap_or_default();
    let mut facts = format!("{} {}", text("name"), text("status"));
    if !matches!(text("status"), "hidden" | "deprecated") {
        let category = entry.get("category").and_then(Value::as_str).unwrap_or("General");
        write!(facts, " [{category}]").expect("texts take all");
    }
    facts += if is("impure") { " impure" } else { "" };
    facts += if is("variadic") { " variadic" } else { "" };
    let params = entry.get("params").and_then(Value::as_array);
    for param in params.into_iter().flatten() {
        let text = |key: &'static str| param.get(key).and_then(Value::as_str).unwrap_or_default();
        write!(facts, "\n  {}: {}", text("name"), text("type")).expect("texts take all");
        match param.get("default") {
            // A default in a wrapper of the reference's own, where a query may stand instead.
            Some(Value::Object(wrapped)) => {
                write!(facts, " = {}", wrapped.get("Value").expect("it wraps a value"))
                    .expect("texts take all");
            }
            Some(default) => write!(facts, " = {default}").expect("texts take all"),
            None if param.get("optional").is_some() => facts += " optional",
            None => {}
        }
    }
    (text("name"), facts)
}
