//! Which component a block holds.

use std::sync::OnceLock;

use crate::lint::{ComponentEntry, Components};
use crate::{ComponentKind, Field, Node, Shape, Type, nearest};

/// The fields that stand beside a component of this kind, whatever it is.
pub fn reserved_fields(kind: ComponentKind) -> &'static [Field] {
    static TABLES: OnceLock<Vec<Vec<Field>>> = OnceLock::new();
    let tables = TABLES.get_or_init(|| ComponentKind::ALL.map(reserved).into());
    let at = ComponentKind::ALL.iter().position(|other| *other == kind).unwrap_or_default();
    &tables[at]
}

fn reserved(kind: ComponentKind) -> Vec<Field> {
    use ComponentKind::{Cache, Input, Metrics, Output, Processor, RateLimit};
    let mut fields = Vec::new();
    if matches!(kind, Input | Output | Processor | Cache | RateLimit) {
        let mut label = Field::new("label");
        label.doc = "Names the component in metrics and logs.".into();
        label.default = Some(Node::from(""));
        fields.push(label);
    }
    if matches!(kind, Input | Output) {
        let mut processors = Field::new("processors");
        processors.doc = match kind {
            Input => "Processors of what the input reads, before anything else sees it.",
            _ => "Processors of what the output is about to write.",
        }
        .into();
        processors.ty = Type::Component(Processor);
        processors.shape = Shape::Array;
        processors.default = Some(Node::from([""; 0]));
        fields.push(processors);
    }
    if kind == Metrics {
        let mut mapping = Field::new("mapping");
        mapping.doc =
            "Renames or drops series: `this` is the name, metadata are the labels.".into();
        mapping.bloblang = true;
        mapping.default = Some(Node::from(""));
        fields.push(mapping);
    }
    let mut ty = Field::new("type");
    ty.doc = "Says which component is meant, where that is not evident.".into();
    ty.optional = true;
    fields.push(ty);
    let mut plugin = Field::new("plugin");
    plugin.doc = "Configuration of the component that `type` names.".into();
    plugin.ty = Type::Object;
    plugin.optional = true;
    fields.push(plugin);
    fields
}

/// Finds the component that a block holds: the one its `type` names, or else the only key that
/// names one.
///
/// # Errors
/// The block is no map, or none or several of its keys name a component.
pub fn infer_component<'c>(
    components: &'c dyn Components,
    kind: ComponentKind,
    block: &Node,
) -> Result<ComponentEntry<'c>, String> {
    let Some(fields) = block.as_map() else {
        return Err(format!("invalid type {}, expected object", block.tag()));
    };
    if let Some(name) = block.get("type").and_then(Node::as_text) {
        let entry = components.component(kind, name);
        return entry.ok_or_else(|| format!("{kind} type '{name}' was not recognised"));
    }
    let mut candidates = Vec::new();
    let mut found: Option<ComponentEntry<'c>> = None;
    for (key, _) in fields {
        let name = key.name.as_str();
        if reserved_fields(kind).iter().any(|field| field.name == name) {
            continue;
        }
        candidates.push(name);
        let Some(entry) = components.component(kind, name) else { continue };
        match found {
            Some(other) if other.name != entry.name => {
                let (first, second) = (other.name.min(entry.name), other.name.max(entry.name));
                return Err(format!(
                    "unable to infer {kind} type, multiple candidates '{first}' and '{second}'"
                ));
            }
            _ => found = Some(entry),
        }
    }
    if let Some(entry) = found {
        return Ok(entry);
    }
    if candidates.is_empty() {
        return Err(format!("an explicit {kind} type must be specified"));
    }
    candidates.sort_unstable();
    Err(format!("unable to infer {kind} type from candidates: [{}]", candidates.join(" ")))
}

/// Which component was probably meant by a block whose component cannot be told.
pub fn suggestion(
    components: &dyn Components,
    kind: ComponentKind,
    block: &Node,
) -> Option<String> {
    let given = block.get("type").and_then(Node::as_text);
    let keys = block.as_map().unwrap_or_default().iter().map(|(key, _)| key.name.as_str());
    let is_known = |name: &&str| components.component(kind, name).is_some();
    let near = given.into_iter().chain(keys).filter(|name| !is_known(name)).find_map(|name| {
        let reserved = reserved_fields(kind).iter().any(|field| field.name == name);
        if reserved { None } else { nearest(name, components.names(kind)) }
    });
    near.map(|near| format!("did you mean {near}?"))
}
