//! Hostile mappings end with an error, not with the process.

use sluice_bloblang::{Environment, Input, Limits, Program};

use crate::support::{map, message, problems};

#[track_caller]
fn fails(mapping: &str, expected: &str) {
    let error =
        map(mapping, r#"{"a":[1,2,3],"s":"xxxxxxxxxx"}"#).expect_err("it has a limit").to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn nesting_in_the_text_is_bounded() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("{\"a\":", "}"), ("this.(", ")"), ("if true { ", " }")]
    {
        let mapping = format!("root = {}1{}", open.repeat(5000), close.repeat(5000));
        assert_eq!(problems(&mapping).first().code, "nesting");
    }
    let blocks = format!("{}root = 1{}", "if true {\n".repeat(5000), "\n}".repeat(5000));
    assert_eq!(problems(&blocks).first().code, "nesting");
}

#[test]
fn nested_matches_are_read_once_per_level() {
    // Twice per level would take 2^150 steps.
    let mapping = format!("root = {}1", "match { ".repeat(150));
    problems(&mapping);
}

#[test]
fn unclosed_brackets_behind_terms_are_read_once_per_level() {
    problems(&format!("root = {}1", "a[".repeat(150)));
}

#[test]
fn long_chains_are_bounded() {
    for part in [".a()", ".string()", " + 1", ".(this)", " | 1"] {
        let mapping = format!("root = this{}", part.repeat(20_000));
        problems(&mapping);
    }
    let fields = format!("root = this{}", ".a".repeat(20_000));
    assert_eq!(map(&fields, "{}").expect("a path is no tree"), "null");
}

#[test]
fn reasonable_sizes_work() {
    let sum = format!("root = 0{}", " + this.n".repeat(1000));
    assert_eq!(map(&sum, r#"{"n":1}"#).expect("it fits"), "1000");
    let deep = format!("root = {}1{}", "(1 + ".repeat(90), ")".repeat(90));
    assert_eq!(map(&deep, "{}").expect("it fits"), "91");
}

#[test]
fn recursion_ends_after_five_thousand_maps() {
    fails(
        "map m {\n  root = this.apply(\"m\")\n}\nroot = this.apply(\"m\")",
        "entering map m exceeded maximum allowed stacks of 5000, this could be due to unbounded recursion",
    );
}

#[test]
fn recursion_below_the_limit_works() {
    let mapping = "map down {\n  root = if this > 0 { (this - 1).apply(\"down\") } else { \"ground\" }\n}\n\
                   root = 4000.apply(\"down\")";
    assert_eq!(map(mapping, "{}").expect("it ends"), "ground");
}

#[test]
fn growth_is_bounded() {
    fails("root = range(0, 9223372036854775800 + this.a.length())", "limited");
    fails("root = this.s.repeat(9223372036854775807)", "limited");
    fails("root = this.s.repeat(10000000).replace_all(\"x\", \"yyyyyyyyyy\")", "limited");
    fails("root = this.s + \"%999999[1]d\".repeat(1000).format(1)", "limited");
    fails("root = range(0, 100000).fold([], item -> [item.tally])", "nested too deeply");
}

/// Small limits, which are reached soon.
#[track_caller]
fn exceeds(mapping: &str, expected: &str) {
    let limits = Limits { steps: 100_000, bytes: 1_000_000 };
    let environment = Environment::default().with_limits(limits);
    let program = Program::parse(mapping, &environment).expect("it is a mapping");
    let message = message(r#"{"a":[1,2,3]}"#);
    let error = program.map(&Input::new(&message, 0)).expect_err("it has a limit").to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn shared_parts_do_not_add_up_to_a_bomb() {
    // Each is small in memory, and terabytes when written out.
    let lines = |line: &str| format!("let a = \"lol\"\n{}root.a = $a", line.repeat(60));
    let bytes = "limited to 1000000 bytes";
    exceeds(&lines("let a = [$a, $a]\n"), bytes);
    exceeds(&lines("let a = {\"x\": $a, \"y\": $a}\n"), bytes);
    exceeds(&format!("root.a = 1\n{}", "root.a = [root.a, root.a]\n".repeat(60)), bytes);
    exceeds(&format!("root.a = 1\n{}", "root.b = root\nroot.c = root\n".repeat(40)), bytes);
    exceeds(&format!("root = this{}", ".(a -> [a, a])".repeat(60)), bytes);
    exceeds(&format!("root = this{}.string()", ".(a -> [a, a])".repeat(60)), bytes);
    exceeds(
        &format!(
            "map two {{\n  root = [this, this]\n}}\nroot = this{}",
            ".apply(\"two\")".repeat(60)
        ),
        bytes,
    );
    exceeds("root = range(0, 40).fold(\"lol\", item -> [item.tally, item.tally])", bytes);
    exceeds("let a = range(0, 1000)\nlet b = $a.map_each($a)\nroot = $a.map_each($b)", bytes);
    exceeds(&format!("meta a = 1\n{}root = @a", "meta a = [@a, @a]\n".repeat(60)), bytes);
    exceeds(&lines("let a = $a + $a\n"), "limited to 100000 steps");
    exceeds(&lines("let a = $a.concat($a)\n").replace("\"lol\"", "[1]"), "limited to");
}

#[test]
fn mutations_are_watched() {
    // What one statement makes is what the next one reads.
    let lines = "root.a = [this.a, this.a]\n".repeat(60);
    for mapping in [lines.clone(), format!("if true {{\n{lines}}}")] {
        let limits = Limits { steps: 100_000, bytes: 1_000_000 };
        let environment = Environment::default().with_limits(limits);
        let program = Program::parse(&mapping, &environment).expect("it is a mapping");
        let message = message(r#"{"a":[1,2,3]}"#);
        let (_, failure) = program.mutate(&Input::new(&message, 0));
        let failure = failure.expect("it has a limit").to_string();
        assert!(failure.contains("limited to 1000000 bytes"), "{failure}");
    }
}

#[test]
fn queries_that_read_more_than_their_element_are_watched() {
    let bytes = "limited to 1000000 bytes";
    let large = "let all = this.a.map_each(n -> range(0, 100))\n";
    exceeds(&format!("{large}root = range(0, 9000).map_each($all)"), bytes);
    exceeds("root = range(0, 30000).map_each(n -> [this, this, this])", bytes);
    exceeds("root = range(0, 30000).map_each(n -> [json(), json(), json()])", bytes);
    exceeds("root = range(0, 30000).map_each(_ -> [this.a, this.a, this.a])", bytes);
    exceeds("root = this.(all -> range(0, 30000).map_each(n -> [all, all, all]))", bytes);
}

#[test]
fn evaluation_ends() {
    let steps = "limited to 100000 steps";
    exceeds("root = range(0, 1000).map_each(range(0, 1000).map_each(x -> x + 1).length())", steps);
    exceeds(
        "map f {\n  root = if this < 2 { 1 } else { (this - 1).apply(\"f\") + (this - 2).apply(\"f\") }\n}\n\
         root = 60.apply(\"f\")",
        steps,
    );
    exceeds(
        "let a = range(0, 40000)\n\
         root = [$a.concat([1]), $a.concat([2]), $a.concat([3])].length()",
        steps,
    );
}

#[test]
fn odd_numbers_do_no_harm() {
    assert_eq!(
        map("root = -9223372036854775807 - this.a.index(0) - 1", r#"{"a":[1]}"#).expect("it wraps"),
        "9223372036854775807"
    );
    assert_eq!(map("root = (-9223372036854775807 - 1) % -1", "{}").expect("no overflow"), "0");
    fails("root = this.a.index(-9223372036854775807 - 1)", "out of bounds");
    fails(
        "root = this.a.slice(-9223372036854775807 - 1, -9223372036854775807).index(0)",
        "out of bounds",
    );
    assert_eq!(
        map("root = this.a[9223372036854775807:0:-9223372036854775807]", r#"{"a":[1,2]}"#)
            .expect("a slice"),
        "[2]"
    );
}
