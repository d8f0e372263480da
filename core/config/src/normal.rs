//! Documents in their normal form: fields in the order of the tables, defaults filled in,
//! component types told by their key, secrets covered.

use crate::lint::{Components, infer_component, reserved_fields};
use crate::{ComponentKind, Field, Key, Node, NodeValue, Position, Shape, Type};

/// What stands for a secret.
pub const SECRET: &str = "!!!SECRET_SCRUBBED!!!";

/// How to write a document out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Normal {
    /// Components that only say their `type` get all their fields, as an example to edit.
    pub expand: bool,
    /// Leaves out advanced fields.
    pub hide_advanced: bool,
    /// Leaves out deprecated fields.
    pub hide_deprecated: bool,
    /// Covers secrets.
    pub scrub: bool,
}

impl Normal {
    /// A document's top level with every field, and the components in it as they are written.
    /// Fields that the tables do not have are left out.
    pub fn document(self, components: &dyn Components, fields: &[Field], root: &Node) -> Node {
        self.object(components, fields, root, true)
    }

    /// A component's block.
    pub fn block(self, components: &dyn Components, kind: ComponentKind, block: &Node) -> Node {
        self.component(components, kind, block)
    }

    fn object(
        self,
        components: &dyn Components,
        fields: &[Field],
        node: &Node,
        fill: bool,
    ) -> Node {
        let shown = fields.iter().filter(|field| {
            !(self.hide_advanced && field.advanced || self.hide_deprecated && field.deprecated)
        });
        let entries = shown.filter_map(|field| {
            let present = node.get(field.name);
            let value = match present.or(field.default.as_ref()) {
                Some(value) if present.is_some() || fill => value.clone(),
                None if fill && is_filled_object(field) => Node::empty_map(),
                _ => return None,
            };
            Some((key(field.name), self.field(components, field, field.shape, &value, fill)))
        });
        Node { value: NodeValue::Map(entries.collect()), ..node.clone() }
    }

    fn field(
        self,
        components: &dyn Components,
        field: &Field,
        shape: Shape,
        node: &Node,
        fill: bool,
    ) -> Node {
        let inner = if shape == Shape::Array2d { Shape::Array } else { Shape::Scalar };
        let nested = |node: &Node| self.field(components, field, inner, node, false);
        let value = match (shape, &node.value, field.ty) {
            (Shape::Array | Shape::Array2d, NodeValue::List(items), _) => {
                NodeValue::List(items.iter().map(nested).collect())
            }
            (Shape::Map, NodeValue::Map(fields), _) => NodeValue::Map(
                fields.iter().map(|(key, node)| (key.clone(), nested(node))).collect(),
            ),
            (Shape::Scalar, NodeValue::Map(_), Type::Component(kind)) => {
                return self.component(components, kind, node);
            }
            (Shape::Scalar, NodeValue::Map(_), Type::Object) if !field.fields.is_empty() => {
                return self.object(components, field.fields, node, fill);
            }
            (Shape::Scalar, NodeValue::Scalar(_), _) if self.scrub && field.secret => {
                return scrubbed(node);
            }
            _ => return node.clone(),
        };
        Node { value, ..node.clone() }
    }

    /// Label, then the component, then what stands beside it. A block whose component cannot be
    /// told stays as it is, except that nothing secret can be told from it either: it is emptied
    /// when secrets are to be covered.
    fn component(self, components: &dyn Components, kind: ComponentKind, node: &Node) -> Node {
        let Ok(entry) = infer_component(components, kind, node) else {
            return if self.scrub { Node::empty_map() } else { node.clone() };
        };
        let mut entries = Vec::new();
        if let Some(label) = node.get("label").filter(|label| label.as_text() != Some("")) {
            entries.push((key("label"), label.clone()));
        }
        let given = node.get(entry.name).or_else(|| node.get("plugin"));
        let config = match given {
            Some(config) => self.field(components, entry.config, entry.config.shape, config, false),
            None if self.expand => self.example(components, entry.config),
            None => Node::empty_map(),
        };
        entries.push((key(entry.name), config));
        for field in reserved_fields(kind) {
            if matches!(field.name, "label" | "type" | "plugin") {
                continue;
            }
            let value = node.get(field.name);
            if let Some(value) = value.filter(|it| it.as_list().is_none_or(|it| !it.is_empty())) {
                let value = self.field(components, field, field.shape, value, false);
                entries.push((key(field.name), value));
            }
        }
        Node { value: NodeValue::Map(entries), ..node.clone() }
    }

    /// A value for a field that somebody will edit: its default, or an empty one that says so.
    fn example(self, components: &dyn Components, field: &Field) -> Node {
        if let Some(default) = &field.default {
            return self.field(components, field, field.shape, default, false);
        }
        if field.shape == Shape::Scalar && field.ty == Type::Object {
            let shown = field.fields.iter().filter(|field| {
                !(self.hide_advanced && field.advanced || self.hide_deprecated && field.deprecated)
            });
            let entries = shown.map(|field| (key(field.name), self.example(components, field)));
            return Node::new(Position::default(), NodeValue::Map(entries.collect()));
        }
        let mut node = match (field.shape, field.ty) {
            (Shape::Array | Shape::Array2d, _) => Node::from([""; 0]),
            (Shape::Map, _) | (_, Type::Object) => Node::empty_map(),
            (_, Type::String) => Node::from(""),
            (_, Type::Int) => Node::from(0),
            (_, Type::Float) => Node::from(0.0),
            (_, Type::Bool) => Node::from(false),
            (_, Type::Component(_) | Type::Unknown) => Node::default(),
        };
        node.form.comment =
            if field.optional { "No default (optional)" } else { "No default (required)" };
        node
    }
}

/// An object that exists without being written, because all it needs has defaults.
fn is_filled_object(field: &Field) -> bool {
    field.ty == Type::Object && field.shape == Shape::Scalar && !field.is_required()
}

/// References to variables are no secrets; an empty text hides nothing.
fn scrubbed(node: &Node) -> Node {
    let text = node.as_text().unwrap_or_default().trim();
    let is_variable =
        text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).is_some_and(|inside| {
            let name = inside.split(':').next().unwrap_or_default();
            !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
        });
    if text.is_empty() || is_variable { node.clone() } else { Node::from(SECRET) }
}

fn key(name: &str) -> Key {
    Key { at: Position::default(), name: name.to_owned() }
}
