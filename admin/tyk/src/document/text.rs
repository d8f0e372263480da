//! JSON and YAML text to values.

use serde_json::{Map, Number, Value};
use sluice_config::{Node, NodeValue, Position, Problem, Problems, ScalarKind};

use super::problem;

/// Reads JSON if `text` looks like it, YAML otherwise.
pub(crate) fn parse(text: &str) -> Result<Value, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with(['{', '[']) { parse_json(text) } else { parse_yaml(text) }
}

pub(crate) fn parse_json(text: &str) -> Result<Value, Problem> {
    serde_json::from_str(text).map_err(|error| {
        let full = error.to_string();
        // The place is reported apart.
        let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
        Problem { at: position(error.line(), error.column()), ..problem("", message) }
    })
}

/// Plain scalars that are no number, boolean or null are texts: `$tyk_context.x` needs no quotes.
pub(crate) fn parse_yaml(text: &str) -> Result<Value, Problem> {
    let node = sluice_config::parse(text)
        .map_err(|error| Problem { at: error.at, ..problem("", error.message) })?;
    to_json(&node)
}

fn to_json(node: &Node) -> Result<Value, Problem> {
    match &node.value {
        NodeValue::Scalar(scalar) => Ok(match scalar.kind {
            ScalarKind::String => Value::String(scalar.text.clone()),
            ScalarKind::Null => Value::Null,
            ScalarKind::Bool => Value::Bool(scalar.text.eq_ignore_ascii_case("true")),
            ScalarKind::Int | ScalarKind::Float => number(node),
        }),
        NodeValue::List(items) => items.iter().map(to_json).collect(),
        NodeValue::Map(members) => {
            let mut object = Map::with_capacity(members.len());
            for (key, member) in members {
                if object.insert(key.name.clone(), to_json(member)?).is_some() {
                    let message = format!("key `{}` stands here a second time", key.name);
                    return Err(Problem { at: key.at, ..problem("", message) });
                }
            }
            Ok(Value::Object(object))
        }
    }
}

/// A number as JSON can state it; the text where it can't (`.inf`, `0o7` is read by value).
fn number(node: &Node) -> Value {
    let written = node.as_text().unwrap_or_default();
    if let Ok(number) = serde_json::from_str::<Number>(written) {
        return Value::Number(number);
    }
    match node.to_value() {
        sluice_value::Value::Int(number) => number.into(),
        sluice_value::Value::UInt(number) => number.into(),
        sluice_value::Value::Float(number) => {
            Number::from_f64(number).map_or_else(|| written.into(), Value::Number)
        }
        _ => written.into(),
    }
}

/// Gives problems the places their paths have in `text`.
pub(crate) fn locate(problems: Problems, text: &str) -> Problems {
    let Ok(root) = sluice_config::parse(text) else { return problems };
    let located = problems.0.into_iter().map(|problem| {
        if problem.at.line > 0 {
            return problem;
        }
        Problem { at: place(&root, &problem.path), ..problem }
    });
    Problems(located.collect())
}

/// The place of `path`, or of the nearest thing around it.
fn place(root: &Node, path: &str) -> Position {
    let mut node = root;
    let mut rest = path;
    while !rest.is_empty() {
        // Keys may hold dots, so the longest that fits is taken.
        let next = match &node.value {
            NodeValue::Map(members) => members
                .iter()
                .filter(|(key, _)| {
                    let after = rest.strip_prefix(key.name.as_str());
                    after.is_some_and(|after| after.is_empty() || after.starts_with('.'))
                })
                .max_by_key(|(key, _)| key.name.len())
                .map(|(key, member)| (key.name.len(), member)),
            NodeValue::List(items) => {
                let index = rest.split('.').next().unwrap_or_default();
                let item = index.parse::<usize>().ok().and_then(|index| items.get(index));
                item.map(|item| (index.len(), item))
            }
            NodeValue::Scalar(_) => None,
        };
        let Some((length, inner)) = next else { break };
        node = inner;
        rest = rest[length..].trim_start_matches('.');
    }
    node.at
}

fn position(line: usize, column: usize) -> Position {
    let small = |number| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: small(line), column: small(column) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_keeps_texts_and_order() {
        let text =
            "z: $tyk_context.jwt.claims.sub\na: [1, 2.50, true, null, '3', ~]\nb: |\n  x: y\n";
        let value = parse(text).unwrap();
        assert_eq!(
            value.to_string(),
            r#"{"z":"$tyk_context.jwt.claims.sub","a":[1,2.50,true,null,"3",null],"b":"x: y\n"}"#
                .replace("2.50", "2.5")
        );
    }

    #[test]
    fn json_and_yaml_mean_the_same() {
        let document =
            json!({"a": {"b": [1, -2, 3.5, "x", true, null, {}], "c": ""}, "d.e": "é\n\""});
        let text = serde_json::to_string_pretty(&document).unwrap();
        assert_eq!(parse_json(&text).unwrap(), document);
        assert_eq!(parse_yaml(&text).unwrap(), document);
    }

    #[test]
    fn broken_text_is_located() {
        let json = parse("{\n  \"a\": 1,\n}").unwrap_err();
        assert_eq!(
            (json.at.line, json.to_string().contains("trailing comma")),
            (3, true),
            "{json}"
        );
        let yaml = parse("a: 1\nb: [1,\nc: 2\n").unwrap_err();
        assert!(yaml.at.line > 0, "{yaml}");
        let twice = parse("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!((twice.at.line, twice.to_string().contains("`a`")), (3, true), "{twice}");
    }

    #[test]
    fn problems_find_their_line_by_path() {
        let text = "a:\n  b.c:\n    - x: 1\n    - x: 2\n";
        let problems = Problems(vec![problem("a.b.c.1.x", "m"), problem("a.gone", "m")]);
        let lines: Vec<_> = locate(problems, text).0.iter().map(|p| p.at.line).collect();
        assert_eq!(lines, [4, 2]);
    }
}
