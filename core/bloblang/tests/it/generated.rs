//! Built-ins that never yield the same twice: their shape, range, order and uniqueness.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use regex_automata::meta::Regex;
use sluice_bloblang::{Body, Environment, Host, Input, Program, Single};
use sluice_value::Value;

const DRAWS: usize = 2000;

/// What an expression yields, evaluation after evaluation.
#[track_caller]
fn draws(expression: &str, count: usize) -> Vec<Value> {
    draws_in(expression, count, &Environment::default())
}

#[track_caller]
fn draws_in(expression: &str, count: usize, environment: &Environment) -> Vec<Value> {
    let program = Program::parse(&format!("root = [{expression}]"), environment);
    let program = program.expect("it is a mapping");
    let message = Single::default();
    let mut values = Vec::new();
    for _ in 0..count {
        match program.map(&Input::new(&message, 0)).expect("it runs").body {
            Body::Value(Value::Array(items)) => values.extend(items),
            other => panic!("{other:?} is no array"),
        }
    }
    values
}

#[track_caller]
fn texts(expression: &str, count: usize) -> Vec<String> {
    let text = |value: Value| value.as_str().expect("it is text").to_owned();
    draws(expression, count).into_iter().map(text).collect()
}

#[track_caller]
fn integers(expression: &str, count: usize) -> Vec<i64> {
    let integer = |value: Value| value.as_i64().expect("it is a whole number");
    draws(expression, count).into_iter().map(integer).collect()
}

#[track_caller]
fn have_shape(texts: &[String], shape: &str) {
    let shape = Regex::new(&format!("^(?:{shape})$")).expect("it is a pattern");
    for text in texts {
        assert!(shape.is_match(text), "{text}");
    }
}

#[track_caller]
fn differ(texts: &[String]) {
    assert_eq!(texts.iter().collect::<HashSet<_>>().len(), texts.len());
}

/// Milliseconds since 1970 around the evaluation of `work`.
fn while_running<T>(work: impl FnOnce() -> T) -> (i64, T, i64) {
    let now = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
        i64::try_from(since.as_millis()).expect("it is earlier than the end of time")
    };
    let before = now();
    let result = work();
    (before, result, now())
}

#[test]
fn uuids_are_of_version_four_and_differ() {
    let ids = texts("uuid_v4()", DRAWS);
    have_shape(&ids, "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
    differ(&ids);
}

#[test]
fn ulids_begin_with_the_time() {
    let (before, ids, after) = while_running(|| texts("ulid()", DRAWS));
    have_shape(&ids, "[0-7][0-9A-HJKMNP-TV-Z]{25}");
    differ(&ids);
    const DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    for id in &ids {
        let time = id[..10]
            .chars()
            .fold(0, |time, digit| time * 32 + DIGITS.find(digit).expect("it is a digit") as i64);
        assert!((before..=after).contains(&time), "{id}");
    }
    for expression in ["ulid(\"hex\")", "ulid(\"hex\", \"fast_random\")"] {
        let ids = texts(expression, DRAWS);
        have_shape(&ids, "[0-9a-f]{32}");
        differ(&ids);
    }
}

#[test]
fn ksuids_sort_by_the_second() {
    let (before, ids, after) = while_running(|| texts("ksuid()", DRAWS));
    have_shape(&ids, "[0-9A-Za-z]{27}");
    differ(&ids);
    const DIGITS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for id in &ids {
        // The first four of twenty bytes are seconds; the last sixteen do not fit into a `u128`.
        let number = id.chars().fold(0.0, |number, digit| {
            number * 62.0 + DIGITS.find(digit).expect("it is a digit") as f64
        });
        let seconds = (number / 2f64.powi(128)) as i64 + 1_400_000_000;
        assert!((before / 1000 - 1..=after / 1000 + 1).contains(&seconds), "{id}");
    }
}

#[test]
fn nanoids_have_the_length_and_letters_asked_for() {
    let ids = texts("nanoid()", DRAWS);
    have_shape(&ids, "[A-Za-z0-9_-]{21}");
    differ(&ids);
    have_shape(&texts("nanoid(54)", 100), "[A-Za-z0-9_-]{54}");
    let few = texts("nanoid(64, \"aé\")", 100);
    have_shape(&few, "[aé]{64}");
    assert!(few.iter().all(|id| id.contains('a') && id.contains('é')));
}

#[test]
fn snowflakes_grow_and_name_their_node() {
    let (before, ids, after) = while_running(|| texts("snowflake_id(5)", 10_000));
    let ids: Vec<i64> = ids.iter().map(|id| id.parse().expect("it is a number")).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert!(ids.iter().all(|id| id >> 12 & 1023 == 5));
    let first = (ids[0] >> 22) + 1_288_834_974_657;
    assert!((before..=after).contains(&first));
}

#[test]
fn random_numbers_stay_in_range_and_follow_their_seed() {
    let dice = integers("random_int(seed: timestamp_unix_nano(), min: 1, max: 6)", DRAWS);
    assert_eq!(dice.iter().collect::<HashSet<_>>().len(), 6, "every side comes up");
    assert!(dice.iter().all(|n| (1..=6).contains(n)));
    let wide = integers("random_int()", DRAWS);
    assert!(wide.iter().all(|n| *n >= 0) && wide.iter().collect::<HashSet<_>>().len() > DRAWS - 2);
    assert_eq!(integers("random_int(7)", 50), integers("random_int(7)", 50));
    assert_ne!(integers("random_int(7)", 50), integers("random_int(8)", 50));
}

#[test]
fn clocks_agree_with_the_time_and_with_each_other() {
    let (before, stamps, after) = while_running(|| {
        integers(
            "timestamp_unix() * 1000, timestamp_unix_milli(), (timestamp_unix_micro() / 1000).floor(), \
             (timestamp_unix_nano() / 1000000).floor(), (now().ts_unix_milli())",
            1,
        )
    });
    assert!((before - 1000..=after).contains(&stamps[0]));
    for stamp in &stamps[1..] {
        assert!((before - 1..=after + 1).contains(stamp), "{stamp}");
    }
    let order = integers("timestamp_unix_nano(), timestamp_unix_nano()", DRAWS);
    assert!(order.is_sorted());
    have_shape(
        &texts("now().string()", 1),
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)",
    );
}

#[test]
fn counters_count_each_for_itself() {
    assert_eq!(integers("counter()", 5), [1, 2, 3, 4, 5]);
    assert_eq!(integers("counter(min: 3, max: 5)", 7), [3, 4, 5, 3, 4, 5, 3]);
    assert_eq!(integers("counter(), counter(10)", 3), [1, 10, 2, 11, 3, 12]);
    // Evaluations that run at once still get each number once.
    let environment = Environment::default();
    let program = Program::parse("root = counter()", &environment).expect("it is a mapping");
    let draw = || {
        let message = Single::default();
        let one = || match program.map(&Input::new(&message, 0)).expect("it runs").body {
            Body::Value(Value::Int(n)) => n,
            other => panic!("{other:?} is no number"),
        };
        (0..1000).map(|_| one()).collect::<Vec<_>>()
    };
    let mut all: Vec<i64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("it ends")).collect()
    });
    all.sort_unstable();
    assert_eq!(all, (1..=4000).collect::<Vec<_>>());
}

#[test]
fn counts_of_one_name_are_shared() {
    let first = integers("count(\"it generated\"), count(\"it generated\")", 2);
    assert_eq!(first, [1, 2, 3, 4]);
    assert_eq!(integers("count(\"it generated\"), count(\"it other\")", 1), [5, 1]);
}

struct Machine;

impl Host for Machine {
    fn read_file(&self, path: &str) -> Result<Bytes, String> {
        match path {
            "notes.json" => Ok(Bytes::from_static(br#"{"a":1}"#)),
            _ => Err(format!("open {path}: no such file or directory")),
        }
    }

    fn env(&self, name: &str) -> Option<String> {
        (name == "STAGE").then(|| "test".to_owned())
    }

    fn hostname(&self) -> Result<String, String> {
        Ok("relay-7".to_owned())
    }
}

#[test]
fn the_machine_is_what_the_embedder_says() {
    let environment = Environment::default().with_host(Arc::new(Machine));
    let values = draws_in(
        "hostname(), env(\"STAGE\"), env(\"NONE\"), env(name: \"STAGE\", no_cache: true), \
         file_rel(\"notes.json\").parse_json().a",
        1,
        &environment,
    );
    let shown: Vec<_> = values.iter().map(Value::to_text).collect();
    assert_eq!(shown, ["relay-7", "test", "null", "test", "1"]);
}

#[test]
fn fakes_differ_from_each_other() {
    for name in ["email", "uuid_hyphenated", "ipv6", "name", "jwt", "password"] {
        let all = texts(&format!("fake(\"{name}\")"), 200);
        assert!(all.iter().collect::<HashSet<_>>().len() > 150, "{name}");
    }
}
