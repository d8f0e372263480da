//! Hostile mappings end with an error, not with the process.

use crate::support::{map, problems};

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
