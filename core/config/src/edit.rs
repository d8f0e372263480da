//! Changing documents by path, along their field tables.

use std::collections::BTreeMap;

use crate::lint::{Components, infer_component, reserved_fields};
use crate::{ComponentKind, Field, Node, NodeValue, Shape, Type};

/// Sets the value at a path of field names and list indexes (`-` appends, negative indexes count
/// from the end). Fields and components the path goes through are made where they are missing.
///
/// # Errors
/// The path up to where it leaves the tables, and why: `input.nope: field not recognised`.
pub fn set_path(
    components: &dyn Components,
    fields: &[Field],
    root: &mut Node,
    path: &[&str],
    value: Node,
) -> Result<(), String> {
    set_in_object(components, fields, root, path, value)
}

fn set_in_object(
    components: &dyn Components,
    fields: &[Field],
    node: &mut Node,
    path: &[&str],
    value: Node,
) -> Result<(), String> {
    let Some((key, rest)) = path.split_first() else {
        return Err("a path must name a field".into());
    };
    let Some(field) = fields.iter().find(|field| field.name == *key) else {
        return Err(format!("{key}: field not recognised"));
    };
    let result = set_in_field(components, field, field.shape, child(node, key), rest, value);
    result.map_err(|error| format!("{key}.{error}"))
}

fn set_in_field(
    components: &dyn Components,
    field: &Field,
    shape: Shape,
    node: &mut Node,
    path: &[&str],
    value: Node,
) -> Result<(), String> {
    let inner = if shape == Shape::Array2d { Shape::Array } else { Shape::Scalar };
    match (shape, path.split_first()) {
        (Shape::Map, None) => Err("cannot set map directly".into()),
        (Shape::Scalar, None) => {
            *node = value;
            Ok(())
        }
        (Shape::Array | Shape::Array2d, None) => {
            let is_list = value.as_list().is_some();
            *node = if is_list { value } else { nested(value, shape == Shape::Array2d) };
            Ok(())
        }
        (Shape::Array | Shape::Array2d, Some((key, rest))) => {
            set_in_field(components, field, inner, item(node, key)?, rest, value)
                .map_err(|error| format!("{key}.{error}"))
        }
        (Shape::Map, Some((key, rest))) => {
            set_in_field(components, field, inner, child(node, key), rest, value)
                .map_err(|error| format!("{key}.{error}"))
        }
        (Shape::Scalar, Some((key, rest))) => match field.ty {
            Type::Component(kind) => set_in_component(components, kind, node, path, value),
            Type::Object if !field.fields.is_empty() => {
                set_in_object(components, field.fields, node, path, value)
            }
            Type::Unknown => {
                let target = child(node, key);
                set_in_field(components, field, shape, target, rest, value)
            }
            _ => Err(format!("{key}: field not recognised")),
        },
    }
}

fn set_in_component(
    components: &dyn Components,
    kind: ComponentKind,
    node: &mut Node,
    path: &[&str],
    value: Node,
) -> Result<(), String> {
    let (key, rest) = (path[0], &path[1..]);
    let beside = reserved_fields(kind).iter().find(|field| field.name == key);
    let own = || components.component(kind, key).map(|entry| entry.config);
    let Some(field) = beside.or_else(own) else {
        return Err(format!("{key}: field not recognised"));
    };
    set_in_field(components, field, field.shape, child(node, key), rest, value)
        .map_err(|error| format!("{key}.{error}"))
}

/// The value of a key, made when it is missing.
fn child<'n>(node: &'n mut Node, key: &str) -> &'n mut Node {
    if node.get(key).is_none() {
        node.insert(key, Node::default());
    }
    node.get_mut(key).expect("just made")
}

fn item<'n>(node: &'n mut Node, key: &str) -> Result<&'n mut Node, String> {
    if !matches!(node.value, NodeValue::List(_)) {
        node.value = NodeValue::List(Vec::new());
    }
    let NodeValue::List(items) = &mut node.value else { unreachable!("made a list") };
    if key == "-" {
        items.push(Node::default());
        return Ok(items.last_mut().expect("just pushed"));
    }
    let index: i64 =
        key.parse().map_err(|_| format!("{key}: failed to parse path segment as array index"))?;
    let index = if index < 0 { index + items.len() as i64 } else { index };
    let index =
        usize::try_from(index).map_err(|_| format!("{key}: target index less than zero"))?;
    items.get_mut(index).ok_or_else(|| format!("{key}: target index greater than array length"))
}

fn nested(value: Node, twice: bool) -> Node {
    let list = Node::new(value.at, NodeValue::List(vec![value]));
    if twice { Node::new(list.at, NodeValue::List(vec![list])) } else { list }
}

/// The paths of all labelled components.
pub fn labels(
    components: &dyn Components,
    fields: &[Field],
    root: &Node,
) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    each_block(components, fields, root, &mut Vec::new(), &mut |_, block, path| {
        if let Some(label) = block.get("label").and_then(Node::as_text) {
            found.insert(label.to_owned(), path.to_vec());
        }
    });
    found
}

type Visit<'a> = dyn FnMut(ComponentKind, &Node, &[String]) + 'a;

/// Visits every component block of a document, outer ones first.
pub fn each_block(
    components: &dyn Components,
    fields: &[Field],
    node: &Node,
    path: &mut Vec<String>,
    visit: &mut Visit<'_>,
) {
    for (key, value) in node.as_map().unwrap_or_default() {
        if let Some(field) = fields.iter().find(|field| field.name == key.name) {
            path.push(key.name.clone());
            in_field(components, field, field.shape, value, path, visit);
            path.pop();
        }
    }
}

fn in_field(
    components: &dyn Components,
    field: &Field,
    shape: Shape,
    node: &Node,
    path: &mut Vec<String>,
    visit: &mut Visit<'_>,
) {
    let inner = if shape == Shape::Array2d { Shape::Array } else { Shape::Scalar };
    match (shape, &node.value, field.ty) {
        (Shape::Array | Shape::Array2d, NodeValue::List(items), _) => {
            for (at, item) in items.iter().enumerate() {
                path.push(at.to_string());
                in_field(components, field, inner, item, path, visit);
                path.pop();
            }
        }
        (Shape::Map, NodeValue::Map(fields), _) => {
            for (key, item) in fields {
                path.push(key.name.clone());
                in_field(components, field, inner, item, path, visit);
                path.pop();
            }
        }
        (Shape::Scalar, NodeValue::Map(_), Type::Component(kind)) => {
            visit(kind, node, path);
            each_block(components, reserved_fields(kind), node, path, visit);
            if let Ok(entry) = infer_component(components, kind, node)
                && let Some(config) = node.get(entry.name)
            {
                path.push(entry.name.to_owned());
                in_field(components, entry.config, entry.config.shape, config, path, visit);
                path.pop();
            }
        }
        (Shape::Scalar, NodeValue::Map(_), Type::Object) => {
            each_block(components, field.fields, node, path, visit);
        }
        _ => {}
    }
}

/// The keys of a JSON pointer such as `/pipeline/processors/0`.
pub fn pointer_keys(pointer: &str) -> Option<Vec<String>> {
    let keys = pointer.strip_prefix('/')?;
    Some(keys.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect())
}

/// The keys of a path with dots, in which `~1` stands for a dot.
pub fn dotted_keys(path: &str) -> Vec<String> {
    path.split('.').map(|key| key.replace("~1", ".").replace("~0", "~")).collect()
}
