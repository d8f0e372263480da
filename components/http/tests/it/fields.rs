//! The field tables against those of the reference, recorded in `fields.json`.

use serde_json::Value as Json;
use sluice_config::{ComponentKind, Field, Shape};
use sluice_engine::{Registry, Status};

/// Fields that the reference does not know, by component.
const OWN: [(&str, &str); 7] = [
    // Documented for streams inside APIs.
    ("output http_server", "consumer_group"),
    // Documented for the orchestration example, in place of `payload`.
    ("input http_client", "body"),
    ("output http_client", "body"),
    ("processor http", "body"),
    // Later versions of the reference have it.
    ("input http_client", "follow_redirects"),
    ("output http_client", "follow_redirects"),
    ("processor http", "follow_redirects"),
];

#[test]
fn tables_agree_with_the_reference() {
    let mut registry = Registry::default();
    sluice_http::register(&mut registry);
    let recorded: Vec<Json> = serde_json::from_str(include_str!("fields.json")).unwrap();
    let mut problems = Vec::new();
    for component in &recorded {
        let name = component["name"].as_str().unwrap();
        let place = format!("{} {name}", component["kind"].as_str().unwrap());
        let fields = match component["kind"].as_str().unwrap() {
            "root" => sluice_http::ServiceConfig::fields(),
            kind => {
                let kind = ComponentKind::ALL.into_iter().find(|known| known.name() == kind);
                let spec = registry.get(kind.unwrap(), name).unwrap();
                assert_eq!(spec.status, Status::Stable);
                assert!(!spec.doc.is_empty());
                let categories: Vec<_> = spec.categories.iter().map(|c| Json::from(*c)).collect();
                assert_eq!(component["categories"], Json::from(categories));
                spec.config.fields
            }
        };
        compare(&place, "", &component["fields"], fields, &mut problems);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn compare(place: &str, path: &str, expected: &Json, fields: &[Field], problems: &mut Vec<String>) {
    let expected = expected.as_array().unwrap();
    for field in fields {
        let known = expected.iter().any(|e| e["name"] == field.name);
        if !known && !OWN.contains(&(place, field.name)) {
            problems.push(format!("{place} {path}{}: unknown to the reference", field.name));
        }
        if field.doc.is_empty() {
            problems.push(format!("{place} {path}{}: undocumented", field.name));
        }
    }
    for expected in expected {
        let name = expected["name"].as_str().unwrap();
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            problems.push(format!("{place} {path}{name}: missing"));
            continue;
        };
        let mut check = |what: &str, ours: Json, theirs: &Json| {
            if ours != *theirs {
                problems.push(format!("{place} {path}{name}: {what} is {ours}, not {theirs}"));
            }
        };
        check("type", field.ty.name().into(), &expected["type"]);
        let shape = match field.shape {
            Shape::Scalar => "scalar",
            Shape::Array => "array",
            Shape::Array2d => "2darray",
            Shape::Map => "map",
        };
        check("kind", shape.into(), &expected["kind"]);
        let default = field.default.as_ref().map(|node| node.to_value().to_string());
        let default = default.map_or(Json::Null, |text| serde_json::from_str(&text).unwrap());
        check("default", normal(&default), &normal(&expected["default"]));
        let flag = |name: &str| Json::from(expected[name].as_bool().unwrap_or(false));
        for (flag_name, ours) in [
            ("optional", field.optional),
            ("interpolated", field.interpolated),
            ("bloblang", field.bloblang),
            ("secret", field.secret),
            ("deprecated", field.deprecated),
            ("options_linted", field.options_linted),
            ("lint_required", field.lint_required),
        ] {
            check(flag_name, ours.into(), &flag(flag_name));
        }
        if path.is_empty() {
            check("advanced", field.advanced.into(), &flag("advanced"));
        }
        let options: Vec<_> = field.options.iter().map(|option| Json::from(*option)).collect();
        let options = if options.is_empty() { Json::Null } else { options.into() };
        check("options", options, &expected["options"]);
        if let Json::Array(_) = &expected["fields"] {
            compare(place, &format!("{path}{name}."), &expected["fields"], field.fields, problems);
        }
    }
}

/// `0` and `0.0` are the same default.
fn normal(json: &Json) -> Json {
    json.as_f64().map_or_else(|| json.clone(), Json::from)
}
