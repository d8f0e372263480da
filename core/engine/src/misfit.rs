//! What building a document would refuse because of its text: all of it, and nothing is built.
//!
//! Every component of the document is read by its own type, as its builder will; programs are
//! parsed. The linter is more lenient (as the reference's is) and a build stops at the first
//! component that fails.
//!
//! Lives elsewhere: what depends on the world, such as files and other components, shows when the
//! component is built.

use std::collections::BTreeSet;

use sluice_config::lint::{infer_component, reserved_fields, suggestion};
use sluice_config::{
    ComponentKind, Field, Node, Parameters, Position, Problem, Problems, Reader, Shape, Type,
};

use crate::mapping::mistakes;
use crate::{BuildError, Registry};

/// What does not fit in one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub kind: ComponentKind,
    pub label: String,
    /// Document path of the component's block.
    pub path: String,
    pub problem: Problem,
}

/// As the component's builder would say it.
impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let error = BuildError::from(Problems(vec![self.problem.clone()]));
        error.of_component(self.kind, &self.label, &format!("root.{}", self.path)).fmt(f)
    }
}

/// Looks for misfits.
pub struct Misfits<'a> {
    registry: &'a Registry,
    parameters: Option<&'a dyn Parameters>,
    filled: Option<&'a BTreeSet<String>>,
    path: String,
    said: BTreeSet<(Position, String)>,
    found: Vec<Misfit>,
}

/// A component on the way to a field.
#[derive(Clone, Copy)]
struct Owner<'a> {
    kind: ComponentKind,
    label: &'a str,
    path: &'a str,
}

impl<'a> Misfits<'a> {
    pub fn new(registry: &'a Registry) -> Self {
        let (path, said, found) = (String::new(), BTreeSet::new(), Vec::new());
        Self { registry, parameters: None, filled: None, path, said, found }
    }

    /// The document is a template with these placeholders.
    #[must_use]
    pub fn with_parameters(self, parameters: &'a dyn Parameters) -> Self {
        Self { parameters: Some(parameters), ..self }
    }

    /// What fields at these document paths will hold is not known yet.
    #[must_use]
    pub fn with_filled(self, filled: &'a BTreeSet<String>) -> Self {
        Self { filled: Some(filled), ..self }
    }

    /// Everything in the components that stand in these fields of a document.
    pub fn find(mut self, fields: &[Field], root: &Node) -> Vec<Misfit> {
        self.fields(fields, root, None);
        self.found
    }

    fn fields(&mut self, fields: &[Field], node: &Node, owner: Option<Owner<'_>>) {
        for field in fields {
            if let Some(value) = node.get(field.name).filter(|value| !value.is_null()) {
                self.below(field.name, |walk| walk.value(field, field.shape, value, owner));
            }
        }
    }

    fn value(&mut self, field: &Field, shape: Shape, node: &Node, owner: Option<Owner<'_>>) {
        match shape {
            Shape::Array | Shape::Array2d => {
                let inner = if shape == Shape::Array2d { Shape::Array } else { Shape::Scalar };
                let below = field.list_key.and_then(|key| node.get(key));
                let items = node.as_list().or_else(|| below?.as_list()).unwrap_or_default();
                for (at, item) in items.iter().enumerate() {
                    self.below(&at.to_string(), |walk| walk.value(field, inner, item, owner));
                }
            }
            Shape::Map => {
                for (key, item) in node.as_map().unwrap_or_default() {
                    self.below(&key.name, |walk| walk.value(field, Shape::Scalar, item, owner));
                }
            }
            Shape::Scalar => match (field.ty, owner) {
                (Type::Component(kind), _) => self.component(kind, node),
                (Type::Object, _) => self.fields(field.fields, node, owner),
                (_, Some(owner)) => {
                    let is_template = self.parameters.is_some();
                    let problems = mistakes(self.registry, field, node, &self.path, is_template);
                    self.add(owner, problems);
                }
                (_, None) => {}
            },
        }
    }

    fn component(&mut self, kind: ComponentKind, block: &Node) {
        let label = block.get("label").and_then(Node::as_text).unwrap_or_default();
        let path = self.path.clone();
        let owner = Owner { kind, label, path: &path };
        let name = match infer_component(self.registry, kind, block) {
            Ok(entry) => entry.name,
            Err(message) => {
                let hint = suggestion(self.registry, kind, block);
                let path = path.clone();
                let problem = Problem { at: block.at, path, message, hint };
                return self.add(owner, Problems(vec![problem]));
            }
        };
        let Some(spec) = self.registry.get(kind, name) else { return };
        let absent = Node::new(block.at, Node::default().value);
        let config = block.get(name).or_else(|| block.get("plugin")).unwrap_or(&absent);
        let parameters = self.parameters;
        self.below(name, |walk| {
            let reader = Reader::new().with_parameters(parameters).at_path(walk.path.clone());
            let mut problems = spec.misfits(config, reader);
            let is_known = |path: &str| !walk.filled.is_some_and(|filled| filled.contains(path));
            problems.0.retain(|problem| is_known(&problem.path));
            walk.add(owner, problems);
            walk.value(&spec.config, spec.config.shape, config, Some(owner));
        });
        let beside = reserved_fields(kind).iter().find(|field| field.name == "processors");
        if let (Some(field), Some(list)) = (beside, block.get("processors")) {
            self.below("processors", |walk| walk.value(field, field.shape, list, None));
        }
    }

    /// What an alias repeats is said once.
    fn add(&mut self, owner: Owner<'_>, problems: Problems) {
        for problem in problems.0 {
            if problem.at.line > 0 && !self.said.insert((problem.at, problem.message.clone())) {
                continue;
            }
            let Owner { kind, label, path } = owner;
            let (label, path) = (label.to_owned(), path.to_owned());
            self.found.push(Misfit { kind, label, path, problem });
        }
    }

    fn below(&mut self, key: &str, walk: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        walk(self);
        self.path.truncate(length);
    }
}
