use crate::support::{one, refusal};

#[track_caller]
fn check(query: &str, input: &str, expected: &str) {
    let quoted = query.replace('\'', "''");
    assert_eq!(
        one(&format!("{{ jmespath: {{ query: '{quoted}' }} }}"), input),
        expected,
        "{query}"
    );
}

#[test]
fn queries_find_what_the_standard_says() {
    let people =
        r#"{"people":[{"n":"a","age":30,"t":[1,2]},{"n":"b","age":20,"t":[3]},{"n":"c"}]}"#;
    for (query, expected) in [
        ("people[0].n", "\"a\""),
        ("people[-1].n", "\"c\""),
        ("people[9]", "null"),
        ("people[*].age", "[30,20]"),
        ("people[].t", "[[1,2],[3]]"),
        ("people[].t[]", "[1,2,3]"),
        ("people[:2].n", "[\"a\",\"b\"]"),
        ("people[::-1].n", "[\"c\",\"b\",\"a\"]"),
        ("people[?age > `20`].n", "[\"a\"]"),
        ("people[?age && n != 'a'] | [0].n", "\"b\""),
        ("people[?!age].n | [0]", "\"c\""),
        ("people[*].[n, age]", "[[\"a\",30],[\"b\",20],[\"c\",null]]"),
        ("people[0].{name: n, \"x y\": age}", r#"{"name":"a","x y":30}"#),
        ("sort_by(people[:2], &age)[*].n", "[\"b\",\"a\"]"),
        ("max_by(people[:2], &age).n", "\"a\""),
        ("map(&age, people)", "[30,20,null]"),
        ("sum(people[].t[])", "6"),
        ("avg(people[].t[])", "2"),
        ("people[0].*", "[30,\"a\",[1,2]]"),
        ("missing || 'none'", "\"none\""),
        ("type(people)", "\"array\""),
        ("to_string(`1.50`)", "\"1.5\""),
        ("merge(people[0], `{\"n\": 1}`).n", "1"),
        ("not_null(x, people[1].n)", "\"b\""),
        ("reverse('abc')", "\"cba\""),
        ("contains(people[0].t, `2`)", "true"),
        ("people[0].t == `[1, 2]`", "true"),
        ("keys(@)", "[\"people\"]"),
        ("@.people | length(@)", "3"),
        ("people[0].age < 'x'", "null"),
    ] {
        check(query, people, expected);
    }
    check("a", r#"{"a":1.50}"#, "1.5");
}

#[test]
fn failures_mark_the_message() {
    check("a", "nope", "failed: invalid character 'o' in literal null (expecting 'u')");
    check(
        "length(a)",
        r#"{"a":1}"#,
        "failed: Invalid type for: 1, expected: []jmespath.jpType{\"string\", \"array\", \"object\"}",
    );
    check(
        "abs(a)",
        r#"{"a":{"b":[1,"x",null]}}"#,
        "failed: Invalid type for: map[b:[1 x <nil>]], expected: []jmespath.jpType{\"number\"}",
    );
    check("nope(a)", "{}", "failed: Unknown function: nope");
    check("length()", "{}", "failed: Incorrect number of args.");
    check("a[::0]", r#"{"a":[1]}"#, "failed: Invalid slice, step cannot be 0");
}

#[test]
fn bad_queries_are_refused_at_start() {
    let refused = |query: &str| {
        let error = refusal(&format!("{{ jmespath: {{ query: '{query}' }} }}"));
        error.rsplit("failed to compile JMESPath query: ").next().unwrap().to_owned()
    };
    assert_eq!(refused("a["), "SyntaxError: Expected tStar, received: tEOF");
    assert_eq!(refused(""), "SyntaxError: Incomplete expression");
    assert_eq!(refused("a.1"), "SyntaxError: Expected identifier, lbracket, or lbrace");
    assert_eq!(
        refused("a b"),
        "SyntaxError: Unexpected token at the end of the expression: tUnquotedIdentifier"
    );
    assert_eq!(refused("{a: b"), "SyntaxError: Expected tComma, received: tEOF");
    assert_eq!(refused(&"[".repeat(10_000)), "SyntaxError: Expression too deep");
    assert_eq!(refused(&"!".repeat(100_000)), "SyntaxError: Expression too deep");
}

#[test]
fn results_that_double_without_end_fail() {
    let query = vec!["[@,@][]"; 40].join(" | ");
    check(&query, "[1]", "failed: the JMESPath query visits more than 10 million values");
}
