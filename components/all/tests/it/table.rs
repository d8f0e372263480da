//! Comparing one component's table with the reference's.

use sluice_config::{Field, Shape, Type};
use sluice_engine::ComponentSpec;
use sluice_value::Value;

/// Flags that reach from an object to its fields.
#[derive(Clone, Copy, Default)]
struct Inherited {
    advanced: bool,
    deprecated: bool,
}

/// A line for each difference: `input.kafka.addresses: default: theirs [], ours none`.
pub(crate) fn differences(name: &str, theirs: &Value, ours: &ComponentSpec) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, theirs: &str, ours: &str| {
        if theirs != ours {
            found.push(format!("{name}: {what}: theirs {theirs}, ours {ours}"));
        }
    };
    differ("type", text(theirs, "config_type"), ours.config.ty.name());
    differ("kind", text(theirs, "config_kind"), shape(ours.config.shape));
    differ("status", text(theirs, "status"), ours.status.name());
    compare(name, fields(theirs), ours.config.fields, Inherited::default(), &mut found);
    if ours.doc.trim().is_empty() {
        found.push(format!("{name}: no documentation"));
    }
    found
}

fn compare(
    path: &str,
    theirs: &[Value],
    ours: &[Field],
    inherited: Inherited,
    found: &mut Vec<String>,
) {
    for their in theirs {
        let path = format!("{path}.{}", text(their, "name"));
        match ours.iter().find(|our| our.name == text(their, "name")) {
            None => found.push(format!("{path}: missing")),
            Some(our) => field(&path, their, our, inherited, found),
        }
    }
    for our in ours {
        if !theirs.iter().any(|their| text(their, "name") == our.name) {
            found.push(format!("{path}.{}: ours alone", our.name));
        }
    }
}

fn field(path: &str, their: &Value, our: &Field, inherited: Inherited, found: &mut Vec<String>) {
    let mut differ = |what: &str, theirs: String, ours: String| {
        if theirs != ours {
            found.push(format!("{path}: {what}: theirs {theirs}, ours {ours}"));
        }
    };
    let here = Inherited {
        advanced: inherited.advanced || our.advanced,
        deprecated: inherited.deprecated || our.deprecated,
    };
    differ("type", text(their, "type").into(), our.ty.name().into());
    differ("kind", text(their, "kind").into(), shape(our.shape).into());
    let is_leaf = our.shape == Shape::Scalar
        && our.fields.is_empty()
        && !matches!(our.ty, Type::Component(_));
    let flags = [
        ("optional", our.optional),
        ("required", our.is_required()),
        ("lint_required", our.lint_required || (is_leaf && our.is_required())),
        ("advanced", here.advanced),
        ("deprecated", here.deprecated),
        ("secret", our.secret),
        ("interpolated", our.interpolated),
        ("bloblang", our.bloblang),
        ("options_linted", our.options_linted),
    ];
    for (name, ours) in flags {
        differ(name, flag(their, name).to_string(), ours.to_string());
    }
    let default = our.default.as_ref().map(|default| plain(&default.to_value()));
    let none = || "none".to_owned();
    differ(
        "default",
        their.get("default").map_or_else(none, |it| unbranded(&plain(it))),
        default.map_or_else(none, |it| unbranded(&it)),
    );
    let options = their.get("options").and_then(Value::as_array);
    let options: Vec<&str> = options.into_iter().flatten().filter_map(Value::as_str).collect();
    differ("options", options.join(" "), our.options.join(" "));
    if our.doc.trim().is_empty() {
        found.push(format!("{path}: no documentation"));
    }
    compare(path, fields(their), our.fields, here, found);
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn flag(object: &Value, key: &str) -> bool {
    object.get(key).and_then(Value::as_bool).unwrap_or_default()
}

fn fields(object: &Value) -> &[Value] {
    object.get("fields").and_then(Value::as_array).map_or(&[], |fields| fields)
}

fn shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Scalar => "scalar",
        Shape::Array => "array",
        Shape::Array2d => "2darray",
        Shape::Map => "map",
    }
}

/// JSON with numbers in one form, so that `1` and `1.0` are the same.
fn plain(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(","))
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, field)| format!("{key}:{}", plain(field)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        number if number.as_f64().is_some() => number.as_f64().unwrap_or_default().to_string(),
        other => other.to_string(),
    }
}

fn unbranded(text: &str) -> String {
    text.replace("bento", "sluice")
}
