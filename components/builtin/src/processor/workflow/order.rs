//! Which branches must run before which.

use std::collections::{BTreeMap, BTreeSet};

use sluice_bloblang::{Base, Case, Expr, ExprKind, Key, Statement, StatementKind, Target};
use sluice_engine::Mapping;
use sluice_value::{EcoString, path};

use super::Branch;

/// A place that mappings read or write: `path` or `metadata`, and keys.
type Place = Vec<EcoString>;

/// Checks tiers given by hand.
///
/// # Errors
/// An empty tier; a branch that is named twice or not at all.
pub(super) fn check(
    order: &[Vec<String>],
    branches: &BTreeMap<String, Branch>,
) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for (at, tier) in order.iter().enumerate() {
        if tier.is_empty() {
            return Err(format!("explicit order tier '{at}' was empty"));
        }
        if let Some(name) = tier.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(format!("branch specified in order listed multiple times: {name}"));
        }
    }
    let missing: Vec<&str> =
        branches.keys().map(String::as_str).filter(|name| !seen.contains(name)).collect();
    match missing.as_slice() {
        [] => Ok(()),
        missing => {
            let missing = missing.join(" ");
            Err(format!("the following branches were missing from order: [{missing}]"))
        }
    }
}

/// Tiers by what the branches read and write.
///
/// # Errors
/// Branches depend on each other in a circle.
pub(super) fn infer(branches: &BTreeMap<String, Branch>) -> Result<Vec<Vec<String>>, String> {
    let places = |mapping: Option<&Mapping>, of: fn(&[Statement]) -> Vec<Place>| {
        mapping.map_or_else(Vec::new, |mapping| of(mapping.program().statements()))
    };
    let written: BTreeMap<&str, Vec<Place>> = branches
        .iter()
        .map(|(name, branch)| (name.as_str(), places(branch.result_map(), writes)))
        .collect();
    let mut waiting: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, branch) in branches {
        let wanted = places(branch.request_map(), reads);
        let needed = written.iter().filter(|(other, provided)| {
            **other != name.as_str()
                && provided.iter().any(|place| wanted.iter().any(|want| want.starts_with(place)))
        });
        waiting.insert(name, needed.map(|(other, _)| *other).collect());
    }
    let mut tiers = Vec::new();
    while !waiting.is_empty() {
        let ready =
            |needed: &BTreeSet<&str>| needed.is_disjoint(&waiting.keys().copied().collect());
        let tier: Vec<&str> =
            waiting.iter().filter(|(_, needed)| ready(needed)).map(|(name, _)| *name).collect();
        if tier.is_empty() {
            let names: Vec<&str> = waiting.into_keys().collect();
            return Err(format!(
                "failed to automatically resolve DAG, circular dependencies detected for \
                 branches: [{}]",
                names.join(" ")
            ));
        }
        waiting.retain(|name, _| !tier.contains(name));
        tiers.push(tier.into_iter().map(str::to_owned).collect());
    }
    Ok(tiers)
}

fn place(kind: &str, keys: &[EcoString]) -> Place {
    let mut place = vec![EcoString::from(kind)];
    place.extend_from_slice(keys);
    place
}

/// Places that a mapping assigns to.
fn writes(statements: &[Statement]) -> Vec<Place> {
    let mut places = Vec::new();
    for statement in statements {
        match &statement.kind {
            StatementKind::Assign { target: Target::Root(keys), .. } => {
                places.push(place("path", keys));
            }
            StatementKind::Assign { target: Target::Metadata(key), .. } => {
                places.push(place("metadata", key.as_slice()));
            }
            StatementKind::Assign { target: Target::Variable(_), .. } => {}
            StatementKind::If(branches) => {
                places.extend(branches.iter().flat_map(|(_, inner)| writes(inner)));
            }
        }
    }
    places
}

/// Places that a mapping reads.
fn reads(statements: &[Statement]) -> Vec<Place> {
    let mut found = Reads::default();
    found.statements(statements);
    found.0
}

#[derive(Default)]
struct Reads(Vec<Place>);

impl Reads {
    fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            match &statement.kind {
                StatementKind::Assign { value, .. } => self.expr(value, Some(&[])),
                StatementKind::If(branches) => {
                    for (condition, inner) in branches {
                        condition.iter().for_each(|condition| self.expr(condition, Some(&[])));
                        self.statements(inner);
                    }
                }
            }
        }
    }

    /// `this` is the path that `this` stands for in `expr`, if it is part of the document.
    fn expr(&mut self, expr: &Expr, this: Option<&[EcoString]>) {
        if let Some(keys) = path_of(expr, this) {
            self.0.push(place("path", &keys));
            return;
        }
        match &expr.kind {
            ExprKind::Metadata(key) => self.0.push(place("metadata", key.as_slice())),
            ExprKind::Map { target, body } => {
                self.expr(target, this);
                self.expr(body, path_of(target, this).as_deref());
            }
            ExprKind::Match { subject, cases } => {
                let inner = match subject {
                    Some(subject) => {
                        self.expr(subject, this);
                        path_of(subject, this)
                    }
                    None => this.map(<[EcoString]>::to_vec),
                };
                for (case, body) in cases {
                    if let Case::When(condition) = case {
                        self.expr(condition, inner.as_deref());
                    }
                    self.expr(body, inner.as_deref());
                }
            }
            ExprKind::Function(_) => {
                if let Some(key) = expr.annotation().strip_prefix("metadata field ") {
                    self.0.push(place("metadata", &[key.into()]));
                }
                expr.for_each_child(&mut |child, _| self.expr(child, this));
            }
            ExprKind::Method(call) => {
                // These look at the document again; other queries look at parts of the target.
                let same = matches!(call.method().name, "or" | "catch");
                expr.for_each_child(&mut |child, is_query| {
                    self.expr(child, this.filter(|_| same || !is_query));
                });
            }
            ExprKind::Object(fields) => {
                for (key, value) in fields {
                    if let Key::Computed(key) = key {
                        self.expr(key, this);
                    }
                    self.expr(value, this);
                }
            }
            _ => expr.for_each_child(&mut |child, _| self.expr(child, this)),
        }
    }
}

/// The path of the document that an expression is.
fn path_of(expr: &Expr, this: Option<&[EcoString]>) -> Option<Vec<EcoString>> {
    match &expr.kind {
        ExprKind::Path { base: Base::This, keys } => Some([this?, keys.as_slice()].concat()),
        ExprKind::Get { target, keys } => {
            Some([path_of(target, this)?.as_slice(), keys.as_slice()].concat())
        }
        ExprKind::Function(_) => {
            let annotation = expr.annotation();
            let keys = annotation.strip_prefix("json path `")?.strip_suffix('`')?;
            Some(path::split(keys))
        }
        _ => None,
    }
}
