//! The formatter changes no program, whatever it is given. These tests look at what it prints
//! before that is compared with the original, so that the comparison cannot hide a mistake.

use std::fmt::Write as _;

use std::sync::LazyLock;

use proptest::{collection::vec, prelude::*, sample::select};
use sluice_value::{Value, json};

use super::print;
use crate::{Environment, Program};

/// The printed form is the same program and stays as it is when printed again. False for a text
/// that is no mapping.
fn survives(mapping: &str) -> Result<bool, String> {
    let environment = Environment::default();
    let Ok(program) = Program::parse(mapping, &environment) else { return Ok(false) };
    let printed = print(mapping, &environment);
    match Program::parse(&printed, &environment) {
        Ok(again) if again == program => {}
        Ok(_) => return Err(format!("{mapping}\n--- became another program\n{printed}")),
        Err(problems) => return Err(format!("{mapping}\n---\n{printed}\n{problems}")),
    }
    let twice = print(&printed, &environment);
    if twice != printed {
        return Err(format!("{mapping}\n---\n{printed}\n--- and then\n{twice}"));
    }
    Ok(true)
}

/// The mappings of all recorded cases.
fn recorded() -> &'static [String] {
    static MAPPINGS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut mappings = Vec::new();
        for entry in std::fs::read_dir("tests/cases").expect("the case directory is there") {
            let content = std::fs::read(entry.expect("it can be listed").path());
            let cases = json::parse(&content.expect("it can be read")).expect("it is JSON");
            let cases = cases.as_object().and_then(|file| file.get("cases"));
            for case in cases.and_then(Value::as_array).expect("a file lists cases") {
                let mapping = case.as_object().and_then(|case| case.get("mapping"));
                mappings.extend(mapping.and_then(Value::as_str).map(ToOwned::to_owned));
            }
        }
        mappings.sort_unstable();
        mappings
    });
    &MAPPINGS
}

#[test]
fn recorded_mappings_stay_the_same_program() {
    let count = recorded().iter().filter(|mapping| survives(mapping).unwrap()).count();
    assert!(count > 1000, "{count} mappings");
}

#[test]
fn documented_mappings_stay_the_same_program() {
    let functions = crate::builtin::functions().flat_map(|spec| spec.examples);
    let methods = crate::builtin::methods().flat_map(|spec| spec.examples);
    for example in functions.chain(methods) {
        assert!(survives(example.mapping).unwrap(), "{}", example.mapping);
    }
}

#[test]
fn a_path_below_a_number_stays_apart_from_it() {
    assert!(survives("root.a = 1. 5\nroot.b = this.n. 5\n").unwrap());
}

/// What may stand where the grammar allows spaces, but no line break.
fn spaces() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", " ", "  ", "\t"])
}

/// What may stand where the grammar requires spaces.
fn apart() -> impl Strategy<Value = &'static str> {
    select(vec![" ", " ", "   ", "\t"])
}

/// What may stand where the grammar allows lines to break.
fn blank() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", " ", "\n", "\n\n\n", " # why\n", "\n  # so\n\n # that\n\t", "\r\n"])
}

fn atom() -> impl Strategy<Value = String> {
    let fixed = select(vec![
        "this",
        "this.a",
        "root.b",
        "a",
        "@",
        "@key",
        "@\"any key\"",
        "$x",
        "1",
        "0",
        "2.50",
        "-3",
        "null",
        "true",
        "false",
        "\"text\"",
        "\"a # \\\" b\"",
        "\"\"\"\n  raw \" text\n\"\"\"",
        "deleted()",
        "this.\"x y\".0",
        "this.if.match",
        "content()",
        "now()",
        "[]",
        "{}",
    ]);
    fixed.prop_map(ToOwned::to_owned)
}

/// Expressions with spaces and line breaks wherever the grammar takes them.
fn expression() -> impl Strategy<Value = String> {
    atom().prop_recursive(5, 60, 4, |inner| {
        let operators = vec![
            "+", "-", "*", "/", "%", "|", "||", "&&", "==", "!=", "<", "<=", ">", ">=",
        ];
        prop_oneof![
            (inner.clone(), spaces(), select(operators), blank(), inner.clone())
                .prop_map(|(left, s, op, b, right)| format!("({left}){s}{op}{b}{right}")),
            (select(vec!["!", "-"]), spaces(), inner.clone())
                .prop_map(|(sign, s, value)| format!("{sign}{s}({value})")),
            (blank(), inner.clone(), blank()).prop_map(|(b, value, c)| format!("({b}{value}{c})")),
            (inner.clone(), blank(), select(vec!["b", "\"c d\"", "string()", "uppercase()"]))
                .prop_map(|(value, b, name)| format!("({value}).{b}{name}")),
            (inner.clone(), blank(), inner.clone(), blank(), apart(), apart()).prop_map(
                |(value, b, body, c, s, t)| format!("({value}).map_each({b}v{s}->{t}{body}{c})")
            ),
            (inner.clone(), blank(), inner.clone(), blank())
                .prop_map(|(value, b, index, c)| format!("({value})[{b}{index}{c}]")),
            (inner.clone(), blank(), inner.clone(), blank(), inner.clone())
                .prop_map(|(value, b, from, c, to)| format!("({value})[{b}{from}{c}:{b}{to}]")),
            (inner.clone(), spaces(), spaces(), inner.clone()).prop_map(|(value, s, t, last)| {
                format!("({value}).or({s}{last}{t}).replace_all(old:{s}\"a\"{t},new:{t}\"b\")")
            }),
            (vec(inner.clone(), 1..4), blank(), spaces(), blank()).prop_map(|(items, b, s, c)| {
                format!("[{b}{}{c}]", items.join(&format!("{s},{b}")))
            }),
            (vec(inner.clone(), 1..4), blank(), spaces(), blank()).prop_map(|(items, b, s, c)| {
                let fields: Vec<String> = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| format!("\"k{at}\"{s}:{b}{item}"))
                    .collect();
                format!("{{{b}{}{c}}}", fields.join(&format!("{s},{c}")))
            }),
            (inner.clone(), apart(), blank(), inner.clone(), inner.clone()).prop_map(
                |(condition, a, b, yes, no)| format!(
                    "(if{a}{condition}{b}{{{b}{yes}{b}}}{b}else if{a}this.z{b}{{1}}{b}else{b}{{{no}{b}}})"
                )
            ),
            (inner.clone(), apart(), blank(), spaces(), inner.clone()).prop_map(
                |(subject, a, b, s, body)| format!(
                    "(match{a}{subject}{b}{{{b}-1{s}=>{s}{body}\n{{\"a\": 1}} => 2,{b}this == 3{s}=>{s}4\n_{s}=>{s}5{b}}})"
                )
            ),
        ]
    })
}

fn statement() -> impl Strategy<Value = String> {
    let target = select(vec![
        "root",
        "root.a",
        "root.\"b c\".0",
        "let x",
        "let \"y\"",
        "meta k",
        "meta",
        "out",
    ]);
    let plain = (target, apart(), apart(), expression())
        .prop_map(|(target, a, b, value)| format!("{target}{a}={b}{value}"));
    plain.prop_recursive(3, 12, 3, |inner| {
        (expression(), apart(), blank(), vec(inner, 1..3), spaces()).prop_map(
            |(condition, a, b, body, s)| {
                let body = body.join(&format!("{s}\n{b}"));
                format!("if{a}{condition}{b}{{{b}{body}{b}}}{b}else{b}{{{b}{body}\n}}")
            },
        )
    })
}

fn mapping() -> impl Strategy<Value = String> {
    (blank(), vec((statement(), spaces(), blank()), 1..5), any::<bool>()).prop_map(
        |(head, statements, has_map)| {
            let mut text = head.to_owned();
            if has_map {
                text.push_str("map \"a map\" {\n  root = this # all\n}\n");
            }
            for (statement, s, b) in statements {
                let _ = write!(text, "{statement}{s}\n{b}");
            }
            text
        },
    )
}

#[test]
fn generated_mappings_are_mappings() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let count = (0..200)
        .filter(|_| {
            let tree = mapping().new_tree(&mut runner).unwrap();
            Program::parse(&tree.current(), &Environment::default()).is_ok()
        })
        .count();
    // Constants that cannot be added or indexed are refused; most must be accepted.
    assert!(count > 100, "{count} of 200 parse");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn generated_mappings_stay_the_same_program(mapping in mapping()) {
        prop_assert_eq!(survives(&mapping).err(), None);
    }

    /// However the author spaced it, the program stays and formatting comes to an end.
    #[test]
    fn wild_spacing_changes_no_program(
        which in any::<prop::sample::Index>(),
        spaces in vec((any::<prop::sample::Index>(), "[ \t]{0,3}|\n| # c\n"), 0..8),
    ) {
        let mut mapping = which.get(recorded()).clone();
        for (at, space) in spaces {
            let places: Vec<usize> = mapping.char_indices().map(|(at, _)| at).collect();
            if !places.is_empty() {
                mapping.insert_str(*at.get(&places), &space);
            }
        }
        prop_assert_eq!(survives(&mapping).err(), None);
    }
}
