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

#[test]
fn every_mistake_with_arguments_is_told_apart() {
    for (mapping, message, hint) in [
        (
            "root = this.a.replace_all(\"x\")",
            "`replace_all` needs `new`",
            Some("`replace_all` takes (old: string, new: string)"),
        ),
        (
            "root = this.a.uppercase(1)",
            "`uppercase` was given 1 argument and takes at most 0",
            Some("`uppercase` takes no arguments"),
        ),
        (
            "root = this.a.replace_all(old: \"x\", \"y\")",
            "arguments by name and by position cannot be mixed in one call",
            Some("name all of them or none"),
        ),
        (
            "root = this.a.replace_all(old: \"x\", old: \"y\")",
            "the argument `old` is given twice",
            None,
        ),
        ("root = this.a.append(value: 1)", "`append` takes its arguments by position only", None),
        (
            "root = range(0, stop: this.n)",
            "arguments by name and by position cannot be mixed in one call",
            Some("name all of them or none"),
        ),
        (
            "root = random_int(min: this.n)",
            "the argument `min` of `random_int` must be a constant",
            Some("it is needed before the first message comes"),
        ),
    ] {
        let problems = problems(mapping);
        let first = problems.first();
        assert_eq!(
            (first.code, first.message.as_str(), first.hint.as_deref()),
            ("arguments", message, hint),
            "{mapping}"
        );
    }
}

#[test]
fn codes_are_stable() {
    for (mapping, code) in [
        ("root = ", "syntax"),
        ("root = this.a.b(", "syntax"),
        ("root = nope()", "unknown-function"),
        ("root = this.nope()", "unknown-method"),
        ("root = range()", "arguments"),
        ("root = this.re_match(\"(\")", "argument-value"),
        ("root = 5 / 0", "constant"),
        ("root = \"\\q\"", "string"),
        ("root = 99999999999999999999", "number"),
        ("root = {5: 1}", "object-key"),
        ("root = this.(this -> this)", "context-name"),
        ("import \"none.blobl\"", "import"),
        ("map a {\n  root = 1\n}\nmap a {\n  root = 2\n}\nroot = 1", "map-name"),
    ] {
        assert_eq!(problems(mapping).first().code, code, "{mapping}");
    }
}

#[test]
fn problems_of_maps_and_blocks_are_reported_with_the_others() {
    let problems = problems(
        "map m {\n  root = this.nope()\n}\n\nif this.a {\n  root.b = nada()\n}\nroot.c = this.c.uppercas()\n",
    );
    let found: Vec<_> = problems.0.iter().map(|problem| (problem.line, problem.code)).collect();
    assert!(found.contains(&(2, "unknown-method")), "{found:?}");
    assert!(found.contains(&(8, "unknown-method")), "{found:?}");
}

#[test]
fn text_other_than_ascii_is_underlined_where_it_stands() {
    check(
        "root.\"ä\" = \"žluť\".upercase()",
        "
error[unknown-method]: there is no method `upercase`
  --> line 1 char 29
  |
1 | root.\"ä\" = \"žluť\".upercase()
  |                   ^^^^^^^^
  = help: did you mean `uppercase`?
",
    );
}
