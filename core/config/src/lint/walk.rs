//! The walk over a document beside its field tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::lint::{
    Catalogue, ComponentEntry, Lint, LintKind, LintOptions, TextProblem, infer_component,
    reserved_fields, suggestion,
};
use crate::{ComponentKind, Field, Key, Node, NodeValue, Position, Shape, Style, Type, nearest};

/// Gathers findings. Labels must be unique over everything that one linter walks.
pub struct Linter<'c> {
    catalogue: &'c dyn Catalogue,
    options: LintOptions,
    /// Labels seen so far, and their lines.
    labels: BTreeMap<String, u32>,
    path: Vec<String>,
    /// Document paths that are not walked: what is wrong there is known.
    left_out: BTreeSet<String>,
    lints: Vec<Lint>,
}

impl<'c> Linter<'c> {
    pub fn new(catalogue: &'c dyn Catalogue, options: LintOptions) -> Self {
        let (labels, left_out) = (BTreeMap::new(), BTreeSet::new());
        Self { catalogue, options, labels, path: Vec::new(), left_out, lints: Vec::new() }
    }

    /// Does not walk what stands at these document paths.
    #[must_use]
    pub fn leaving_out(self, left_out: BTreeSet<String>) -> Self {
        Self { left_out, ..self }
    }

    /// What was found, in the order it was found.
    pub fn finish(self) -> Vec<Lint> {
        self.lints
    }

    /// Walks an object by its fields.
    pub fn object(&mut self, fields: &[Field], node: &Node) {
        if node.form.is_alias {
            return; // already walked where its anchor stands
        }
        let Some(present) = node.as_map() else {
            self.error(node, format!("expected object value, got {}", node.tag()));
            return;
        };
        for (key, value) in present {
            match fields.iter().find(|field| field.name == key.name) {
                Some(field) => self.below(&key.name, |linter| linter.field(field, value)),
                None if value.form.is_alias => {}
                None => {
                    let message = format!("field {} not recognised", key.name);
                    self.below(&key.name, |linter| linter.error_at_key(key, message));
                    let near = nearest(&key.name, fields.iter().map(|field| field.name));
                    self.hint(near.map(|near| format!("did you mean {near}?")));
                }
            }
        }
        for field in fields {
            let is_leaf = field.shape == Shape::Scalar
                && field.fields.is_empty()
                && !matches!(field.ty, Type::Component(_));
            let is_missing = !present.iter().any(|(key, _)| key.name == field.name);
            if is_missing && (field.lint_required || (is_leaf && field.is_required())) {
                let message = format!("field {} is required", field.name);
                self.below(field.name, |linter| linter.error(node, message));
            }
        }
    }

    /// Walks a component block.
    pub fn component(&mut self, kind: ComponentKind, node: &Node) {
        let Some(present) = node.as_map().filter(|fields| !fields.is_empty()) else { return };
        if node.form.is_alias {
            return;
        }
        let entry = match infer_component(self.catalogue, kind, node) {
            Ok(entry) => entry,
            Err(why) => {
                let message = "unable to infer component type";
                self.report(LintKind::UnknownComponent, node, message.into(), true);
                self.hint(suggestion(self.catalogue, kind, node).or(Some(why)));
                return;
            }
        };
        if entry.is_deprecated {
            self.deprecated(node, format!("component {} is deprecated", entry.name));
        }
        let config = present.iter().find(|(key, _)| key.name == entry.name);
        if let Some((key, config)) = config {
            self.below(&key.name, |linter| linter.field(entry.config, config));
        }
        self.beside_component(kind, node, present, entry, config.is_some());
    }

    /// The fields beside a component's own key.
    fn beside_component(
        &mut self,
        kind: ComponentKind,
        node: &Node,
        present: &[(Key, Node)],
        entry: ComponentEntry<'_>,
        has_config: bool,
    ) {
        let reserved = reserved_fields(kind);
        let mut has_label = false;
        for (key, value) in present {
            if key.name == entry.name || key.name == "type" {
                continue;
            }
            let field = reserved.iter().find(|field| field.name == key.name);
            match (key.name.as_str(), field) {
                (_, None) => {
                    let message = format!(
                        "field {} is invalid when the component type is {} ({kind})",
                        key.name, entry.name
                    );
                    self.below(&key.name, |linter| linter.error_at_key(key, message));
                }
                ("plugin", Some(field)) if has_config => {
                    self.error_at_key(key, "plugin object is ineffective".into());
                    self.field(field, value);
                }
                ("plugin", Some(_)) => {
                    self.below("plugin", |linter| linter.field(entry.config, value));
                }
                ("label", Some(field)) => {
                    has_label = true;
                    self.below("label", |linter| {
                        linter.label(node, value);
                        linter.field(field, value);
                    });
                }
                (_, Some(field)) => {
                    self.below(&key.name, |linter| {
                        let is_empty = value.as_list().is_some_and(<[Node]>::is_empty);
                        if key.name == "processors" && is_empty {
                            let message = "field processors is empty and can be removed";
                            linter.error(value, message.into());
                        }
                        linter.field(field, value);
                    });
                }
            }
        }
        let can_label = reserved.iter().any(|field| field.name == "label");
        if self.options.require_labels && can_label && !has_label && entry.name != "resource" {
            self.error(node, format!("label is required for {}", entry.name));
        }
    }

    fn label(&mut self, block: &Node, value: &Node) {
        let text = |name| block.get(name).and_then(Node::as_text).unwrap_or_default();
        if text("type") == "resource" || !text("resource").is_empty() {
            self.error(value, "label field should be omitted when pointing to a resource".into());
        }
        let Some(label) = value.as_text().filter(|label| !label.is_empty()) else { return };
        let is_plain =
            label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !is_plain || label.starts_with('_') {
            let message = format!(
                "invalid label '{label}': should match the regular expression /^[a-z0-9_]+$/ \
                 and must not start with an underscore"
            );
            self.error(value, message);
            return;
        }
        let line = line_of(value);
        match self.labels.get(label) {
            Some(other) => {
                let message = format!(
                    "label '{label}' collides with a previously defined label at line {other}"
                );
                self.error(value, message);
            }
            None => {
                self.labels.insert(label.to_owned(), line);
            }
        }
    }

    /// Walks the value of a field.
    pub fn field(&mut self, field: &Field, node: &Node) {
        self.value(field, field.shape, node);
    }

    /// Walks a value that is arranged as `shape` says. What is said of the field as a whole, is
    /// said of a list and of each of its items.
    fn value(&mut self, field: &Field, shape: Shape, node: &Node) {
        if field.deprecated {
            self.deprecated(node, format!("field {} is deprecated", field.name));
        }
        self.rules(field, node);
        if node.form.is_alias {
            return;
        }
        match shape {
            Shape::Scalar => self.single(field, node),
            Shape::Array | Shape::Array2d => {
                let Some(items) = node.as_list().or_else(|| list_below(field, node)) else {
                    self.error(node, "expected array value".into());
                    return;
                };
                let inner = if shape == Shape::Array2d { Shape::Array } else { Shape::Scalar };
                for (at, item) in items.iter().enumerate() {
                    self.below(&at.to_string(), |linter| linter.value(field, inner, item));
                }
            }
            Shape::Map => {
                let Some(fields) = node.as_map() else {
                    self.error(node, format!("expected object value, got {}", node.tag()));
                    return;
                };
                for (key, item) in fields {
                    self.below(&key.name, |linter| linter.value(field, Shape::Scalar, item));
                }
            }
        }
    }

    fn single(&mut self, field: &Field, node: &Node) {
        match field.ty {
            Type::Component(kind) => self.component(kind, node),
            Type::Object if !field.fields.is_empty() => self.object(field.fields, node),
            Type::Object if node.as_map().is_none() => {
                self.error(node, format!("expected object value, got {}", node.tag()));
            }
            Type::String | Type::Int | Type::Float | Type::Bool if node.as_scalar().is_none() => {
                self.error(node, format!("expected {} value", field.ty.name()));
            }
            _ => {}
        }
    }

    /// Options, rules of the component's author, and program texts.
    fn rules(&mut self, field: &Field, node: &Node) {
        let rule_line =
            if node.form.style == Style::Literal { node.at.line } else { line_of(node) };
        for message in field.rule.iter().flat_map(|rule| rule(node)) {
            let at = Position { line: rule_line, column: 1 };
            self.report_at(LintKind::Field, at, node.at, message, false);
        }
        let Some(scalar) = node.as_scalar() else { return };
        let text = node.as_text().unwrap_or_default();
        let is_option = |option: &&str| option.eq_ignore_ascii_case(text);
        if field.options_linted && !field.options.iter().any(is_option) {
            let at = Position { line: rule_line, column: 1 };
            let message = format!("value {text} is not a valid option for this field");
            self.report_at(LintKind::Field, at, node.at, message, false);
            self.hint(Some(format!("one of {}", field.options.join(", "))));
        }
        if text.is_empty() || field.ty != Type::String {
            return;
        }
        if let Some(problem) =
            self.check_if(field.interpolated, |it| it.interpolation_problem(&scalar.text))
        {
            self.text_problem(node, rule_line, problem);
        }
        if let Some(problem) = self.check_if(field.bloblang, |it| it.mapping_problem(&scalar.text))
        {
            self.text_problem(node, rule_line, problem);
        }
    }

    fn check_if(
        &self,
        applies: bool,
        check: impl FnOnce(&dyn Catalogue) -> Option<TextProblem>,
    ) -> Option<TextProblem> {
        if applies { check(self.catalogue) } else { None }
    }

    fn text_problem(&mut self, node: &Node, first_line: u32, problem: TextProblem) {
        let below = problem.line.max(1) - 1;
        let column = match node.form.header_column {
            0 => node.at.column,
            header => header,
        };
        let at = Position { line: first_line + below, column: column + problem.column };
        let quote = u32::from(matches!(node.form.style, Style::SingleQuoted | Style::DoubleQuoted));
        let column = node.at.column + quote + problem.column.max(1) - 1;
        let place = Position { line: node.at.line + below, column };
        self.report_at(LintKind::Field, at, place, problem.message, false);
    }

    fn deprecated(&mut self, node: &Node, message: String) {
        if self.options.reject_deprecated {
            self.report(LintKind::Deprecated, node, message, false);
        } else if self.options.warn_deprecated {
            self.report(LintKind::Deprecated, node, message, true);
        }
    }

    fn error(&mut self, node: &Node, message: String) {
        self.report(LintKind::Field, node, message, false);
    }

    fn error_at_key(&mut self, key: &Key, message: String) {
        let at = Position { line: key.at.line, column: 1 };
        self.report_at(LintKind::Field, at, key.at, message, false);
    }

    fn report(&mut self, kind: LintKind, node: &Node, message: String, is_warning: bool) {
        let at = Position { line: line_of(node), column: 1 };
        self.report_at(kind, at, node.at, message, is_warning);
    }

    fn report_at(
        &mut self,
        kind: LintKind,
        at: Position,
        place: Position,
        message: String,
        is_warning: bool,
    ) {
        let path = self.path.join(".");
        self.lints.push(Lint { kind, at, place, path, message, hint: None, is_warning });
    }

    /// Adds what to do about the last finding.
    fn hint(&mut self, hint: Option<String>) {
        if let Some(lint) = self.lints.last_mut() {
            lint.hint = hint;
        }
    }

    fn below(&mut self, key: &str, walk: impl FnOnce(&mut Self)) {
        self.path.push(key.to_owned());
        if self.left_out.is_empty() || !self.left_out.contains(&self.path.join(".")) {
            walk(self);
        }
        self.path.pop();
    }
}

/// The line that a node begins at: for a block scalar that of its header.
pub(crate) fn line_of(node: &Node) -> u32 {
    node.at.line - u32::from(node.form.header_column > 0)
}

impl Node {
    /// The short YAML tag of the value, such as `!!str`.
    pub fn tag(&self) -> &'static str {
        match &self.value {
            NodeValue::Scalar(scalar) => scalar.kind.tag(),
            NodeValue::List(_) => "!!seq",
            NodeValue::Map(_) => "!!map",
        }
    }
}

/// The list of a field that may also be written as `{ key: [...] }`.
fn list_below<'n>(field: &Field, node: &'n Node) -> Option<&'n [Node]> {
    match node.as_map()? {
        [(key, list)] if Some(key.name.as_str()) == field.list_key => list.as_list(),
        _ => None,
    }
}
