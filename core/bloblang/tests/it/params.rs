//! Placeholders: compiled once, filled in at evaluation, never able to change a program.

use std::collections::BTreeMap;

use sluice_bloblang::{Body, Environment, Input, Program, Template};
use sluice_value::json;

use crate::support::message;

fn environment() -> Environment {
    Environment::default().with_placeholders(["tyk_context", "tyk_meta", "secret_env"])
}

fn params(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[track_caller]
fn check(mapping: &str, document: &str, values: &[(&str, &str)], expected: &str) {
    let program = Program::parse(mapping, &environment()).expect("it is a mapping");
    let (message, values) = (message(document), params(values));
    let mapped = program.map(&Input::new(&message, 0).with_params(&values)).expect("it runs");
    let actual = match mapped.body {
        Body::Value(value) => String::from_utf8_lossy(&value.to_body()).into_owned(),
        Body::Deleted => "deleted".to_owned(),
        Body::Unchanged => document.to_owned(),
    };
    assert_eq!(actual, expected);
}

#[test]
fn a_placeholder_inside_a_string_is_filled_in() {
    check(
        r#"root = if this.user != "$tyk_context.user" { deleted() }"#,
        r#"{"user":"alice"}"#,
        &[("tyk_context.user", "alice")],
        r#"{"user":"alice"}"#,
    );
    check(
        r#"root.a = "<$tyk_context.a|$tyk_meta.b-c.d>""#,
        "{}",
        &[("tyk_context.a", "1"), ("tyk_meta.b-c.d", "2")],
        r#"{"a":"<1|2>"}"#,
    );
    check(r#"root.a = """$tyk_context.a""""#, "{}", &[("tyk_context.a", "x")], r#"{"a":"x"}"#);
    check(r#"root = {"$tyk_context.a": 1}"#, "{}", &[("tyk_context.a", "k")], r#"{"k":1}"#);
}

#[test]
fn a_bare_placeholder_is_a_number_or_boolean_if_it_looks_like_one() {
    let mapping = "root.v = $tyk_context.v\nroot.t = $tyk_context.v.type()";
    for (value, expected) in [
        ("12", r#"{"t":"number","v":12}"#),
        ("-1.50", r#"{"t":"number","v":-1.50}"#),
        ("true", r#"{"t":"bool","v":true}"#),
        ("12a", r#"{"t":"string","v":"12a"}"#),
        ("", r#"{"t":"string","v":""}"#),
        ("[1]", r#"{"t":"string","v":"[1]"}"#),
    ] {
        check(mapping, "{}", &[("tyk_context.v", value)], expected);
    }
}

#[test]
fn other_names_stay_variables_and_text() {
    check("let tyk = 5\nroot.a = $tyk + 1", "{}", &[], r#"{"a":6}"#);
    check(
        r#"root.a = "$other.name $tyk_context $""#,
        "{}",
        &[],
        r#"{"a":"$other.name $tyk_context $"}"#,
    );
}

#[test]
fn missing_values_read_as_empty_text() {
    check(r#"root.a = "<$tyk_context.none>""#, "{}", &[], r#"{"a":"<>"}"#);
}

#[test]
fn hostile_values_are_only_data() {
    let long = "x".repeat(1_000_000);
    for value in [
        "\" + deleted() + \"",
        "x\" { } root = deleted() #",
        "${! deleted() }",
        "line\nroot = \"gone\"",
        "$tyk_context.other",
        "\\\"\\",
        "\u{0}",
        long.as_str(),
    ] {
        let expected = {
            let mut out = Vec::new();
            json::write_string(value, &mut out);
            format!(r#"{{"a":{}}}"#, String::from_utf8_lossy(&out))
        };
        let values = [("tyk_context.v", value), ("tyk_context.other", "leaked")];
        check(r#"root.a = "$tyk_context.v""#, "{}", &values, &expected);

        let template = Template::parse("a ${! \"$tyk_context.v\" } $tyk_context.v", &environment());
        let template = template.expect("it is a template");
        let (message, values) = (message("{}"), params(&values));
        let text = template.render(&Input::new(&message, 0).with_params(&values)).expect("it runs");
        assert_eq!(text, format!("a {value} {value}"));
    }
}

#[test]
fn programs_and_templates_tell_their_placeholders() {
    let program = Program::parse(
        "map m { root = \"$tyk_meta.b\" }\nroot.a = $tyk_context.a\nroot.b = \"$tyk_context.a\"",
        &environment(),
    );
    assert_eq!(program.expect("it is a mapping").placeholders(), ["tyk_meta.b", "tyk_context.a"]);
    let template = Template::parse("$secret_env.K ${! $tyk_context.a }", &environment());
    let template = template.expect("it is a template");
    assert_eq!(template.placeholders(), ["secret_env.K", "tyk_context.a"]);
    assert_eq!(template.as_static(), None);
}

#[test]
fn a_template_without_expressions_is_static() {
    let template = Template::parse("plain $x ${{! kept }}", &environment()).expect("it is one");
    assert_eq!(template.as_static(), Some("plain $x ${! kept }"));
}
