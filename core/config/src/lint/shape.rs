//! Whether a document can be read as a configuration at all.
//!
//! The reference reads in two stages: the top level strictly, up to the first mistake, and the
//! rest by the linter. Here all mistakes of the first stage are told, the first one in the
//! reference's words and place; the linter then goes on with what could be understood.

use std::collections::BTreeSet;

use crate::lint::walk::line_of;
use crate::lint::{Components, Lint, LintKind, infer_component, suggestion};
use crate::node::{parse_float, parse_int};
use crate::{ComponentKind, Field, Node, NodeValue, Position, Scalar, ScalarKind, Shape, Type};

/// Why a document cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Line of the component at fault, where that is known.
    pub line: Option<u32>,
    pub place: Position,
    /// Document path of what is at fault.
    pub path: String,
    pub message: String,
    /// What to do about it, when that is known.
    pub hint: Option<String>,
}

/// `(line,1) message`, or the message alone.
impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "({line},1) {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Unreadable {}

impl Unreadable {
    /// As a finding. The first one of a document stands where the reference puts it.
    pub fn into_lint(self, is_first: bool) -> Lint {
        let reported = Position { line: self.line.unwrap_or(1), column: 1 };
        let at = if is_first { reported } else { self.place };
        let (kind, is_warning) = (LintKind::Read, false);
        let Self { place, path, message, hint, .. } = self;
        Lint { kind, at, place, path, message, hint, is_warning }
    }
}

/// Checks the values of top-level fields, and that each component right below them can be told.
/// Returns every mistake; what is wrong itself is not looked into further.
pub fn check_shape(components: &dyn Components, fields: &[Field], root: &Node) -> Vec<Unreadable> {
    let mut walk = Walk { components, keys: Vec::new(), names: Vec::new(), found: Vec::new() };
    walk.object(fields, root);
    let mistaken = walk.found.iter().map(|found| found.path.clone()).collect();
    walk.each_component(fields, root, &mistaken);
    walk.found
}

struct Walk<'c> {
    components: &'c dyn Components,
    /// Keys and indexes on the way to what is looked at.
    keys: Vec<String>,
    /// The fields among them.
    names: Vec<String>,
    found: Vec<Unreadable>,
}

impl Walk<'_> {
    /// Fields the table does not know are the linter's business; a list passes here as well.
    fn object(&mut self, fields: &[Field], node: &Node) {
        let Some(present) = node.as_map() else { return };
        for (key, value) in present {
            if let Some(field) = fields.iter().find(|field| field.name == key.name) {
                self.names.push(key.name.clone());
                self.below(&key.name, |walk| walk.value(field, field.shape, value));
                self.names.pop();
            }
        }
        for field in fields.iter().filter(|it| it.is_required() && node.get(it.name).is_none()) {
            let message =
                format!("field '{}' is required and was not present in the config", field.name);
            self.below(field.name, |walk| walk.wrong(node, &message));
        }
    }

    fn value(&mut self, field: &Field, shape: Shape, node: &Node) {
        match shape {
            Shape::Array | Shape::Array2d => {
                let inner = if shape == Shape::Array2d { Shape::Array } else { Shape::Scalar };
                let Some(items) = node.as_list() else { return self.expected("array", node) };
                for (at, item) in items.iter().enumerate() {
                    self.below(&at.to_string(), |walk| walk.value(field, inner, item));
                }
            }
            Shape::Map => {
                let Some(fields) = node.as_map() else { return self.expected("map", node) };
                for (key, item) in fields {
                    self.below(&key.name, |walk| walk.value(field, Shape::Scalar, item));
                }
            }
            Shape::Scalar if field.ty == Type::Object => self.object(field.fields, node),
            Shape::Scalar => self.scalar(field.ty, node),
        }
    }

    fn scalar(&mut self, ty: Type, node: &Node) {
        let fits = match (&node.value, ty) {
            (_, Type::Unknown | Type::Component(_) | Type::Object) => true,
            (NodeValue::Scalar(scalar), ty) => is_of_type(scalar, ty),
            _ => false,
        };
        if !fits {
            let shown = node.as_text().map(|text| format!(" `{text}`")).unwrap_or_default();
            let (line, tag) = (line_of(node), node.tag());
            let message = format!("yaml: line {line}: cannot read {tag}{shown} as {}", ty.name());
            self.wrong(node, &message);
        }
    }

    fn expected(&mut self, what: &str, node: &Node) {
        let message = format!("line {}: expected {what} value, got {}", line_of(node), node.tag());
        self.wrong(node, &message);
    }

    fn wrong(&mut self, node: &Node, message: &str) {
        let names: String = self.names.iter().map(|name| format!("field '{name}': ")).collect();
        self.found.push(Unreadable {
            line: None,
            place: node.at,
            path: self.keys.join("."),
            message: format!("{names}{message}"),
            hint: None,
        });
    }

    /// Looks at the components that stand in these fields, with the processors beside them, but
    /// not at those inside their configurations.
    fn each_component(&mut self, fields: &[Field], node: &Node, mistaken: &BTreeSet<String>) {
        for field in fields {
            let Some(value) = node.get(field.name) else { continue };
            self.below(field.name, |walk| match field.ty {
                Type::Component(kind) => walk.blocks(kind, value, mistaken),
                Type::Object if field.shape == Shape::Scalar => {
                    walk.each_component(field.fields, value, mistaken);
                }
                _ => {}
            });
        }
    }

    fn blocks(&mut self, kind: ComponentKind, node: &Node, mistaken: &BTreeSet<String>) {
        if mistaken.contains(&self.keys.join(".")) {
            return;
        }
        if let Some(items) = node.as_list() {
            for (at, item) in items.iter().enumerate() {
                self.below(&at.to_string(), |walk| walk.blocks(kind, item, mistaken));
            }
            return;
        }
        if let Err(message) = infer_component(self.components, kind, node) {
            self.found.push(Unreadable {
                line: Some(line_of(node)),
                place: node.at,
                path: self.keys.join("."),
                message,
                hint: suggestion(self.components, kind, node),
            });
            return;
        }
        if let Some(beside) = node.get("processors").filter(|list| list.as_list().is_some()) {
            self.below("processors", |walk| {
                walk.blocks(ComponentKind::Processor, beside, mistaken);
            });
        }
    }

    fn below(&mut self, key: &str, walk: impl FnOnce(&mut Self)) {
        self.keys.push(key.to_owned());
        walk(self);
        self.keys.pop();
    }
}

fn is_of_type(scalar: &Scalar, ty: Type) -> bool {
    let text = scalar.text.as_str();
    match ty {
        _ if scalar.kind == ScalarKind::Null => true,
        Type::Int => {
            let is_whole = || parse_float(text).is_some_and(|float| float.fract() == 0.0);
            scalar.kind != ScalarKind::String && (parse_int(text).is_some() || is_whole())
        }
        Type::Float => matches!(scalar.kind, ScalarKind::Int | ScalarKind::Float),
        Type::Bool => {
            let words = ["true", "false", "yes", "no", "on", "off", "y", "n"];
            words.iter().any(|word| text.eq_ignore_ascii_case(word))
        }
        _ => true,
    }
}
