//! Components, functions and fields as JSON, for `list` and the tools behind it.

use sluice_bloblang::builtin::{Default, Example, Function, Method, Param, Params};
use sluice_config::{Field, Shape};
use sluice_engine::ComponentSpec;
use sluice_value::{Object, Value};

pub fn component(spec: &ComponentSpec) -> Value {
    let mut all = Object::new();
    all.insert("name", spec.name.into());
    all.insert("type", spec.kind.name().into());
    all.insert("status", spec.status.name().into());
    let (summary, description) = spec.doc.split_once("\n\n").unwrap_or((spec.doc, ""));
    put_text(&mut all, "summary", summary.trim());
    put_text(&mut all, "description", description.trim());
    if !spec.categories.is_empty() {
        all.insert("categories", texts(spec.categories));
    }
    all.insert("config", field(&spec.config));
    Value::Object(all)
}

pub fn field(field: &Field) -> Value {
    let mut all = Object::new();
    all.insert("name", field.name.into());
    all.insert("type", field.ty.name().into());
    let kind = match field.shape {
        Shape::Scalar => "scalar",
        Shape::Array => "array",
        Shape::Array2d => "2darray",
        Shape::Map => "map",
    };
    all.insert("kind", kind.into());
    put_text(&mut all, "description", &field.doc);
    let flags = [
        ("is_advanced", field.advanced),
        ("is_deprecated", field.deprecated),
        ("is_optional", field.optional),
        ("is_secret", field.secret),
        ("interpolated", field.interpolated),
        ("bloblang", field.bloblang),
    ];
    for (name, _) in flags.into_iter().filter(|(_, is_set)| *is_set) {
        all.insert(name, true.into());
    }
    if let Some(default) = &field.default {
        all.insert("default", default.to_value());
    }
    if !field.options.is_empty() {
        all.insert("options", texts(field.options));
    }
    if !field.fields.is_empty() {
        let children = field.fields.iter().map(self::field).collect::<Vec<_>>();
        all.insert("children", children.into());
    }
    Value::Object(all)
}

fn put_text(all: &mut Object, name: &str, text: &str) {
    if !text.is_empty() {
        all.insert(name, text.into());
    }
}

fn texts(items: &[&str]) -> Value {
    items.iter().map(|item| Value::from(*item)).collect::<Vec<_>>().into()
}

/// JSON on several lines, indented by two.
pub fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: &Value, indent: usize, out: &mut String) {
    let pad = |indent: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", indent));
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                pad(indent + 1, out);
                write(item, indent + 1, out);
            }
            pad(indent, out);
            out.push(']');
        }
        Value::Object(fields) if !fields.is_empty() => {
            out.push('{');
            for (at, (key, field)) in fields.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                pad(indent + 1, out);
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push_str(": ");
                write(field, indent + 1, out);
            }
            pad(indent, out);
            out.push('}');
        }
        flat => out.push_str(&flat.to_string()),
    }
}

pub fn function(spec: &Function) -> Value {
    let mut all = word(spec.name, spec.status.name(), spec.summary, spec.params, spec.examples);
    all.insert("category", spec.category.name().into());
    all.insert("impure", spec.impure.into());
    Value::Object(all)
}

pub fn method(spec: &Method) -> Value {
    let mut all = word(spec.name, spec.status.name(), spec.summary, spec.params, spec.examples);
    let categories = spec.categories.iter().map(|category| Value::from(category.name()));
    all.insert("categories", categories.collect::<Vec<_>>().into());
    Value::Object(all)
}

fn word(name: &str, status: &str, summary: &str, params: Params, examples: &[Example]) -> Object {
    let mut all = Object::new();
    all.insert("name", name.into());
    all.insert("status", status.into());
    all.insert("description", summary.into());
    let mut shown = Object::new();
    match params {
        Params::Variadic => {
            shown.insert("variadic", true.into());
        }
        Params::Named(named) => {
            shown.insert("named", named.iter().map(param).collect::<Vec<_>>().into());
        }
    }
    all.insert("params", Value::Object(shown));
    if !examples.is_empty() {
        all.insert("examples", examples.iter().map(example).collect::<Vec<_>>().into());
    }
    all
}

fn param(param: &Param) -> Value {
    let mut all = Object::new();
    all.insert("name", param.name.into());
    all.insert("description", param.summary.into());
    all.insert("type", param.kind.name().into());
    all.insert("no_dynamic", param.literal_only.into());
    let default = match param.default {
        Default::Required => None,
        Default::Optional => {
            all.insert("is_optional", true.into());
            None
        }
        Default::String(text) => Some(text.into()),
        Default::Integer(n) => Some(n.into()),
        Default::Bool(b) => Some(b.into()),
    };
    if let Some(default) = default {
        all.insert("default", default);
    }
    Value::Object(all)
}

fn example(example: &Example) -> Value {
    let mut all = Object::new();
    all.insert("mapping", example.mapping.into());
    all.insert("summary", example.summary.into());
    let results = example
        .runs
        .iter()
        .map(|(input, output)| Value::from(vec![Value::from(*input), Value::from(*output)]));
    all.insert("results", results.collect::<Vec<_>>().into());
    Value::Object(all)
}
