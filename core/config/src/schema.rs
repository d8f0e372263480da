//! JSON schema from field tables, for editors and for the console's forms.

use sluice_value::{Object, Value};

use crate::lint::reserved_fields;
use crate::{ComponentKind, Field, Shape, Type};

/// One component as the schema shows it.
#[derive(Clone, Copy, Debug)]
pub struct SchemaComponent<'a> {
    pub kind: ComponentKind,
    pub name: &'a str,
    pub doc: &'a str,
    pub config: &'a Field,
}

/// The schema of documents with these top-level fields and components.
pub fn json_schema<'a>(
    fields: &[Field],
    components: impl IntoIterator<Item = SchemaComponent<'a>>,
) -> Value {
    let mut choices: Vec<Vec<Value>> = vec![Vec::new(); ComponentKind::ALL.len()];
    for component in components {
        let mut config = field_schema(component.config);
        if !component.doc.is_empty() {
            set(&mut config, "description", component.doc);
        }
        let at = ComponentKind::ALL.iter().position(|kind| *kind == component.kind);
        choices[at.unwrap_or_default()].push(object([
            ("type", "object".into()),
            ("properties", object([(component.name, config)])),
            ("required", texts([component.name])),
        ]));
    }
    let definitions = ComponentKind::ALL.into_iter().zip(choices).map(|(kind, mut choices)| {
        choices.push(object([("type", "object".into()), ("required", texts(["type"]))]));
        let beside =
            object([("type", "object".into()), ("properties", properties(reserved_fields(kind)))]);
        let all = vec![object([("anyOf", choices.into())]), beside];
        (kind.name(), object([("allOf", all.into())]))
    });
    let definitions = object(definitions);
    object([
        ("$schema", "http://json-schema.org/draft-07/schema#".into()),
        ("type", "object".into()),
        ("properties", properties(fields)),
        ("definitions", definitions),
    ])
}

fn properties(fields: &[Field]) -> Value {
    object(fields.iter().map(|field| (field.name, field_schema(field))))
}

fn field_schema(field: &Field) -> Value {
    let mut schema = shaped(field, field.shape);
    if !field.doc.is_empty() {
        set(&mut schema, "description", field.doc.as_str());
    }
    if let Some(default) = &field.default {
        set(&mut schema, "default", default.to_value());
    }
    for (name, is_set) in [("deprecated", field.deprecated), ("writeOnly", field.secret)] {
        if is_set {
            set(&mut schema, name, true);
        }
    }
    schema
}

fn shaped(field: &Field, shape: Shape) -> Value {
    match shape {
        Shape::Scalar => single(field),
        Shape::Array | Shape::Array2d => {
            let inner = if shape == Shape::Array2d { Shape::Array } else { Shape::Scalar };
            object([("type", "array".into()), ("items", shaped(field, inner))])
        }
        Shape::Map => object([
            ("type", "object".into()),
            ("additionalProperties", shaped(field, Shape::Scalar)),
        ]),
    }
}

fn single(field: &Field) -> Value {
    // Where a number is expected, a variable (`${NAME}`) may stand, and any scalar is a text.
    let or_variable =
        |name: &str| object([("type", texts([name, "string"])), ("pattern", "\\$\\{".into())]);
    let mut schema = match field.ty {
        Type::Bool => or_variable("boolean"),
        Type::Int | Type::Float => or_variable("number"),
        Type::String => object([("type", texts(["string", "number", "boolean"]))]),
        Type::Unknown => Value::Object(Object::new()),
        Type::Component(kind) => {
            object([("$ref", format!("#/definitions/{}", kind.name()).into())])
        }
        Type::Object if field.fields.is_empty() => object([("type", "object".into())]),
        Type::Object => {
            let required = field.fields.iter().filter(|field| field.is_required());
            let required: Vec<Value> = required.map(|field| field.name.into()).collect();
            let mut schema = object([
                ("type", "object".into()),
                ("properties", properties(field.fields)),
                ("additionalProperties", false.into()),
            ]);
            if !required.is_empty() {
                set(&mut schema, "required", required);
            }
            schema
        }
    };
    if field.options_linted && field.shape == Shape::Scalar {
        set(&mut schema, "enum", texts(field.options.iter().copied()));
    }
    schema
}

fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

fn texts<'a>(items: impl IntoIterator<Item = &'a str>) -> Value {
    items.into_iter().map(Value::from).collect::<Vec<_>>().into()
}

fn set(schema: &mut Value, name: &str, value: impl Into<Value>) {
    if let Value::Object(fields) = schema {
        fields.insert(name, value.into());
    }
}
