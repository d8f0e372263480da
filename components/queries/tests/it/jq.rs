use crate::support::{one, refusal, through};

#[track_caller]
fn check(program: &str, input: &str, expected: &str) {
    let program = serde_free_yaml(program);
    assert_eq!(one(&format!("{{ jq: {{ query: {program} }} }}"), input), expected, "{program}");
}

/// A text as a quoted scalar of YAML.
fn serde_free_yaml(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[test]
fn results_become_the_message() {
    check(".a.b", r#"{"a":{"b":5}}"#, "5");
    check(".l[]", r#"{"l":[1,2]}"#, "[1,2]");
    check(".l[]", r#"{"l":[]}"#, "dropped");
    check(".s", r#"{"s":"hi"}"#, r#""hi""#);
    check("{sum: (.a + .b), keys: keys}", r#"{"a":1,"b":2}"#, r#"{"keys":["a","b"],"sum":3}"#);
    check(".big", r#"{"big":12345678901234567890123}"#, "12345678901234567890123");
}

#[test]
fn raw_texts_go_in_and_out() {
    assert_eq!(one("{ jq: { query: '{t: .}', raw: true } }", "plain"), r#"{"t":"plain"}"#);
    let raw = "{ jq: { query: '.l[]', output_raw: true } }";
    assert_eq!(one(raw, r#"{"l":["a","b",1]}"#), "ab1");
}

#[test]
fn a_program_sees_metadata_but_not_the_environment() {
    let with = r#"{ mutation: 'meta k = "v"' }, { jq: { query: '[$metadata.k, env, $ENV]' } }"#;
    assert_eq!(one(with, "{}"), r#"["v",{},{}]"#);
}

#[test]
fn errors_are_told_in_the_words_of_the_reference() {
    check(".a + 1", r#"{"a":"x"}"#, r#"failed: cannot add: string ("x") and number (1)"#);
    check(".a.b", r#"{"a":[1]}"#, "failed: expected an object but got: array ([1])");
    check(".[]", "5", "failed: cannot iterate over: number (5)");
    check("error(\"no\")", "{}", "failed: error: no");
    check("1 / 0", "{}", "failed: cannot divide number (1) by: number (0)");
    check("try error(\"x\") catch .", "{}", "\"x\"");
    assert_eq!(
        through("{ jq: { query: .v } }", &["{\"v\":1}", "bad", "{\"v\":3}"]),
        ["1", "bad", "3"]
    );
    check(".", "bad", "failed: invalid character 'b' looking for beginning of value");
}

#[test]
fn bad_programs_are_refused_at_start() {
    let refused = |program: &str| refusal(&format!("{{ jq: {{ query: '{program}' }} }}"));
    assert!(refused(".a |").ends_with("error parsing jq query: unexpected EOF"));
    assert!(refused("{a").ends_with("error parsing jq query: unexpected EOF"));
    assert!(refused(". & 1").ends_with("error parsing jq query: unexpected token \"&\""));
    assert!(refused("nope(1)").ends_with("error compiling jq query: function not defined: nope/1"));
    assert!(refused("$x").ends_with("error compiling jq query: variable not defined: $x"));
    assert!(refused(&"[".repeat(100_000)).ends_with("the program is too large"));
}

#[test]
fn paths_can_be_assigned_and_deleted() {
    check(".a.b = 1", "{}", r#"{"a":{"b":1}}"#);
    check(".l[2] |= 5", r#"{"l":[1]}"#, r#"{"l":[1,null,5]}"#);
    check("del(.[0,2])", "[1,2,3]", "[2]");
    check("del(.a.b, .c)", r#"{"c":1}"#, "{}");
    check("map_values(. + 1)", r#"{"a":1,"b":2}"#, r#"{"a":2,"b":3}"#);
    check(".[1:3] = [9]", "[1,2,3,4]", "[1,9,4]");
    check("[paths]", r#"{"a":[1]}"#, r#"[["a"],["a",0]]"#);
    check("(.. | select(type == \"number\")) |= . * 2", "[1,[2]]", "[2,[4]]");
    check("to_entries", r#"{"a":1}"#, r#"[{"key":"a","value":1}]"#);
    check("with_entries(.value += 1)", r#"{"a":1}"#, r#"{"a":2}"#);
}

#[test]
fn functions_answer_like_jq() {
    for (program, input, expected) in [
        ("join(\",\")", r#"["a",null,1,true]"#, r#""a,,1,true""#),
        ("group_by(.k) | map(length)", r#"[{"k":1},{"k":2},{"k":1}]"#, "[2,1]"),
        ("unique", "[2,1,2]", "[1,2]"),
        ("[limit(3; repeat(1))]", "null", "[1,1,1]"),
        ("[range(0; 10; 3)]", "null", "[0,3,6,9]"),
        ("test(\"^a.c$\")", "\"abc\"", "true"),
        ("gsub(\"(?<x>[a-z])\"; \"<\\(.x)>\")", "\"ab1\"", "\"<a><b>1\""),
        ("split(\", \")", "\"a, b\"", r#"["a","b"]"#),
        ("ascii_downcase, length", "\"AbÄ\"", r#"["abÄ",3]"#),
        ("@csv", r#"["a\"b",1,null]"#, r#""\"a\"\"b\",1,""#),
        ("@base64, @uri, @html", "\"<é>\"", r#"["PMOpPg==","%3C%C3%A9%3E","&lt;é&gt;"]"#),
        ("@base32 | ., @base32d", "\"hello\"", r#"["NBSWY3DP","hello"]"#),
        ("tojson, (tojson | fromjson)", "[1]", r#"["[1]",[1]]"#),
        ("tonumber + 1", "\"41\"", "42"),
        ("indices(\"a\"), index(\"z\")", "\"abca\"", "[[0,3],null]"),
        ("[.[] | select(. > 1)] | add / length", "[1,2,4]", "3"),
        ("reduce .[] as [$a, $b] (0; . + $a * $b)", "[[1,2],[3,4]]", "14"),
        ("[foreach .[] as $x (0; . + $x)]", "[1,2,3]", "[1,3,6]"),
        ("def f($n): if $n < 2 then 1 else $n * f($n - 1) end; f(10)", "null", "3628800"),
        ("[.[] as $x | .[] as $y | $x * $y]", "[1,2]", "[1,2,2,4]"),
        ("label $out | .[] | if . > 1 then ., break $out else . end", "[1,2,3]", "[1,2]"),
        ("todate, (todate | fromdate)", "0", r#"["1970-01-01T00:00:00Z",0]"#),
        ("[tostream] | fromstream(.[])", r#"{"a":[1,{}]}"#, r#"{"a":[1,{}]}"#),
        ("transpose", "[[1,2],[3]]", "[[1,3],[2,null]]"),
        ("sort_by(.a) | map(.a)", r#"[{"a":2},{"a":null},{"a":"x"}]"#, r#"[null,2,"x"]"#),
        (". * {b: {c: 2}}", r#"{"a":1,"b":{"d":3}}"#, r#"{"a":1,"b":{"c":2,"d":3}}"#),
        (".a // \"none\"", "{}", "\"none\""),
        ("walk(if type == \"array\" then sort else . end)", "[3,[2,1],0]", "[0,3,[1,2]]"),
        ("nan | isnan, (nan < 1)", "null", "[true,true]"),
        ("10 / 4, 7 % 3, -(2), 3.0", "null", "[2.5,1,-2,3.0]"),
        ("\"x\" * 3, \"a,b\" / \",\"", "null", r#"["xxx",["a","b"]]"#),
        ("[splits(\", *\")]", "\"a, b,c\"", r#"["a","b","c"]"#),
        ("IN(1, 2), has(\"a\")?", "2", "true"),
        ("input_line_number, ([leaf_paths] | length)", "[1]", "[0,1]"),
    ] {
        check(program, input, expected);
    }
}

#[test]
fn programs_without_end_fail() {
    let endless = "failed: the jq program did not end within 5 million steps";
    check("last(repeat(1))", "{}", endless);
    check("def f: f; f", "{}", endless);
    check("[.[] as $a | .[] as $b | .[] as $c | .[] as $d | .[] as $e | 1]", &wide(200), endless);
}

fn wide(items: usize) -> String {
    format!("[{}]", vec!["1"; items].join(","))
}

#[test]
fn programs_that_grow_without_end_fail() {
    let memory = "failed: the jq program needs more than 256 MiB of memory";
    check("reduce range(100) as $i (\"x\"; . + .)", "{}", memory);
    check("\"x\" * 1e18", "{}", memory);
    check("reduce range(100) as $i ([1]; . + .)", "{}", memory);
    check("reduce range(1000000) as $i (0; [.])", "{}", "failed: value nested too deeply");
    check("def f: 1 + f; f", "{}", "failed: the jq program recurses too deeply");
}

#[test]
fn what_is_too_deep_for_its_threads_stack_runs_on_one_of_its_own() {
    let on_threads_stack = std::thread::Builder::new().stack_size(8 << 20).spawn(|| {
        check("def f: if . == 0 then 0 else 1 + (. - 1 | f) end; f", "1000", "1000");
        check("try (def f: 1 + f; f) catch \"deep\"", "{}", r#""deep""#);
        check(". + 1", "1", "2");
    });
    on_threads_stack.unwrap().join().unwrap();
}

#[test]
fn patterns_have_alternatives() {
    check(".[] as [$a] ?// $a | $a", "[[1],2]", "[1,2]");
    check("[.[] as {a:$a} ?// [$b] | [$a,$b]]", r#"[{"a":1},[2]]"#, "[[1,null],[null,2]]");
    check(
        r#".[] as [$a] ?// $b | if $a != null then error("no \($a)") else {$a,$b} end"#,
        "[[3]]",
        r#"{"a":null,"b":[3]}"#,
    );
    check(". as [$a] ?// $a | [$a, .] | length", "[7]", "2");
    let items = r#"[{"a":1},[[2]],3]"#;
    check("[.[] | (. as {a:$x} ?// [[$x]] ?// $x | $x), 0]", items, "[1,0,2,0,3,0]");
    check("if true then . as [$a] ?// $a | $a else 0 end", "5", "5");
    check(
        ". as [$a] ?// {b: {$c}} | . as [$d] ?// $d | [$a,$c,$d]",
        r#"{"b":{"c":1}}"#,
        r#"[null,1,{"b":{"c":1}}]"#,
    );
    check("def f: . as [$a] ?// $a | $a; [f] # as ?//", "4", "[4]");
    check(r#".a?//"d?//\(1)""#, "3", r#""d?//1""#);
    check(". as [$a] ?// {b:$a} | $a", "3", "failed: expected an object but got: number (3)");
    let folded = "{ jq: { query: 'reduce .[] as [$a] ?// $a (0; . + $a)' } }";
    assert!(refusal(folded).contains("`?//` is only understood where a `|` follows"));
}

#[test]
fn what_other_programs_do_with_more_inputs_is_refused_by_name() {
    for name in ["input", "inputs"] {
        let refused = refusal(&format!("{{ jq: {{ query: '[{name}]' }} }}"));
        assert!(refused.contains(&format!("{name}/0 is not allowed")), "{refused}");
    }
}

#[test]
fn trimming_leaves_what_is_no_text_alone() {
    check("map(ltrimstr(\"a\"))", r#"["ab","b",1,null]"#, r#"["b","b",1,null]"#);
    check("map(rtrimstr(\"b\"))", r#"["ab","a","b",[2]]"#, r#"["a","a","",[2]]"#);
    check("ltrimstr(1), trimstr(\"x\"), rtrimstr(\"\")", "\"xax\"", r#"["xax","a","xax"]"#);
}

#[test]
fn a_program_knows_where_it_is() {
    check("$__loc__", "{}", r#"{"file":"<top-level>","line":1}"#);
    let both = r#"{"__loc__":{"file":"<top-level>","line":1},"a":1}"#;
    check("{$__loc__, a}", r#"{"a":1}"#, both);
    check("{a, $__loc__}", r#"{"a":1}"#, both);
    check(r#""at \($__loc__.line)""#, "{}", r#""at 1""#);
    check("def f: $__loc__.line; [f, {a: $__loc__} .a.line]", "{}", "[1,1]");
    assert_eq!(one("{ jq: { query: \".a |\\n\\n$__loc__.line\" } }", r#"{"a":1}"#), "3");
}
