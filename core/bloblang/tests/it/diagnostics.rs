//! What authors of mappings are told.

use crate::support::problems;

#[track_caller]
fn check(mapping: &str, expected: &str) {
    assert_eq!(problems(mapping).to_string(), expected.trim_start_matches('\n'));
}

#[test]
fn an_unknown_method_is_underlined_and_a_similar_one_named() {
    check(
        "root.a = 1\nroot.b = this.name.upercase()",
        r"
error[unknown-method]: there is no method `upercase`
  --> line 2 char 30
  |
2 | root.b = this.name.upercase()
  |                    ^^^^^^^^
  = help: did you mean `uppercase`?
",
    );
}

#[test]
fn functions_and_methods_are_told_apart() {
    let problems = problems("root = this.uuid_v4()");
    assert_eq!(
        problems.first().hint.as_deref(),
        Some("`uuid_v4` is a function: write `uuid_v4()` without a value in front")
    );
}

#[test]
fn arguments_are_explained() {
    check(
        "root = this.a.replace_all(old: \"x\", neu: \"y\")",
        r#"
error[arguments]: `replace_all` has no parameter `neu`
  --> line 1 char 46
  |
1 | root = this.a.replace_all(old: "x", neu: "y")
  |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: did you mean `new`?
"#,
    );
}

#[test]
fn habits_from_other_languages_get_a_hint() {
    for (mapping, hint) in [
        ("root = this.a and this.b", "write `&&` for and"),
        ("root = this.a ?? 1", "write `|` for a fallback value: `this.a | \"default\"`"),
        ("root = this.a ? 1 : 2", "write `if condition { a } else { b }`"),
        ("root = if this.a = 1 { 2 }", "write `==` to compare"),
        ("root = 'x'", "strings stand in double quotes"),
        ("root.a = 1;", "statements end with the line"),
    ] {
        let problems = problems(mapping);
        assert_eq!(problems.first().hint.as_deref(), Some(hint), "{mapping}");
    }
}

#[test]
fn several_problems_are_reported_at_once() {
    let problems =
        problems("root.a = nope()\nroot.b = this.b\nroot.c = this.c.nada()\nroot.d = 5 / 0\n");
    let codes: Vec<_> = problems.0.iter().map(|problem| (problem.line, problem.code)).collect();
    assert_eq!(codes, [(1, "unknown-function"), (3, "unknown-method"), (4, "constant")]);
}

#[test]
fn the_text_may_end_anywhere() {
    check(
        "root.a = this.b.",
        r"
error[syntax]: expected a method or a field name, but the text ends here
  --> line 1 char 17
  |
1 | root.a = this.b.
  |                 ^
",
    );
}
