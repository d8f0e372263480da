//! Whether a document can be read as a configuration at all.
//!
//! The reference reads in two stages: the top level strictly, up to the first mistake, and the
//! rest by the linter. A document that fails here is not linted, so only one text comes out.

use crate::lint::walk::line_of;
use crate::lint::{Components, infer_component};
use crate::node::{parse_float, parse_int};
use crate::{ComponentKind, Field, Node, NodeValue, Position, Scalar, ScalarKind, Shape, Type};

/// Why a document cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Line of the component at fault, where that is known.
    pub line: Option<u32>,
    pub place: Position,
    pub message: String,
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

/// Checks the values of top-level fields, then that each component right below them can be told.
///
/// # Errors
/// The first mistake.
pub fn check_shape(
    components: &dyn Components,
    fields: &[Field],
    root: &Node,
) -> Result<(), Unreadable> {
    object(fields, root).map_err(|Wrong { place, message }| Unreadable {
        line: None,
        place,
        message,
    })?;
    each_component(fields, root, &mut |kind, block| {
        infer_component(components, kind, block).map(|_| ()).map_err(|message| Unreadable {
            line: Some(line_of(block)),
            place: block.at,
            message,
        })
    })
}

struct Wrong {
    place: Position,
    message: String,
}

/// Fields the table does not know are the linter's business; a list passes here as well.
fn object(fields: &[Field], node: &Node) -> Result<(), Wrong> {
    for (key, value) in node.as_map().unwrap_or_default() {
        if let Some(field) = fields.iter().find(|field| field.name == key.name) {
            value_of(field, field.shape, value).map_err(|wrong| Wrong {
                message: format!("field '{}': {}", key.name, wrong.message),
                ..wrong
            })?;
        }
    }
    let missing = fields.iter().find(|field| field.is_required() && node.get(field.name).is_none());
    match missing {
        Some(field) if node.as_map().is_some() => Err(Wrong {
            place: node.at,
            message: format!(
                "field '{}' is required and was not present in the config",
                field.name
            ),
        }),
        _ => Ok(()),
    }
}

fn value_of(field: &Field, shape: Shape, node: &Node) -> Result<(), Wrong> {
    let expected = |what: &str| Wrong {
        place: node.at,
        message: format!("line {}: expected {what} value, got {}", line_of(node), node.tag()),
    };
    match shape {
        Shape::Array | Shape::Array2d => {
            let inner = if shape == Shape::Array2d { Shape::Array } else { Shape::Scalar };
            let items = node.as_list().ok_or_else(|| expected("array"))?;
            items.iter().try_for_each(|item| value_of(field, inner, item))
        }
        Shape::Map => {
            let fields = node.as_map().ok_or_else(|| expected("map"))?;
            fields.iter().try_for_each(|(_, item)| value_of(field, Shape::Scalar, item))
        }
        Shape::Scalar if field.ty == Type::Object => object(field.fields, node),
        Shape::Scalar => scalar(field.ty, node),
    }
}

fn scalar(ty: Type, node: &Node) -> Result<(), Wrong> {
    let fits = match (&node.value, ty) {
        (_, Type::Unknown | Type::Component(_) | Type::Object) => true,
        (NodeValue::Scalar(scalar), ty) => is_of_type(scalar, ty),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let shown = node.as_text().map(|text| format!(" `{text}`")).unwrap_or_default();
    let message =
        format!("yaml: line {}: cannot read {}{shown} as {}", line_of(node), node.tag(), ty.name());
    Err(Wrong { place: node.at, message })
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

type Visit<'a> = dyn FnMut(ComponentKind, &Node) -> Result<(), Unreadable> + 'a;

/// Visits the components that stand in these fields, with the processors beside them, but not
/// those inside their configurations.
fn each_component(fields: &[Field], node: &Node, visit: &mut Visit<'_>) -> Result<(), Unreadable> {
    for field in fields {
        let Some(value) = node.get(field.name) else { continue };
        match field.ty {
            Type::Component(kind) => blocks(value, &mut |block| {
                visit(kind, block)?;
                let beside = block.get("processors").filter(|list| list.as_list().is_some());
                beside.map_or(Ok(()), |list| {
                    blocks(list, &mut |block| visit(ComponentKind::Processor, block))
                })
            })?,
            Type::Object if field.shape == Shape::Scalar => {
                each_component(field.fields, value, visit)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn blocks(
    node: &Node,
    visit: &mut dyn FnMut(&Node) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    match node.as_list() {
        Some(items) => items.iter().try_for_each(|item| blocks(item, visit)),
        None => visit(node),
    }
}
