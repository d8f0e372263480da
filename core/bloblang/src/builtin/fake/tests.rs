use std::collections::HashSet;

use fastrand::Rng;
use regex_automata::meta::Regex;
use sluice_value::Value;

use super::invent::{ALL, Kind};

const DRAWS: usize = 500;

fn draws(name: &str) -> Vec<Value> {
    let kind = Kind::named(name).unwrap_or_else(|| panic!("{name} is no kind"));
    let mut rng = Rng::with_seed(7);
    (0..DRAWS).map(|_| kind.invent(&mut rng)).collect()
}

#[test]
fn texts_have_the_shape_of_their_kind() {
    let shapes = [
        ("", "[A-Za-z]{25}"),
        ("date", r"(19|20)\d\d-[01]\d-[0-3]\d"),
        ("time_string", r"[0-2]\d:[0-5]\d:[0-5]\d"),
        ("month_name", "[A-Z][a-z]{2,8}"),
        ("year_string", r"(19|20)\d\d"),
        ("day_of_week", "(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"),
        ("day_of_month", r"[ 1-3]\d"),
        ("timestamp", r"(19|20)\d\d-[01]\d-[0-3]\d [0-2]\d:[0-5]\d:[0-5]\d"),
        ("century", "[IVX]+"),
        ("timezone", "[A-Za-z]+(/[A-Za-z_]+)+"),
        ("time_period", "AM|PM"),
        ("email", r"[A-Za-z]{7}@[A-Za-z]{7}\.[a-z]+"),
        ("mac_address", "([0-9a-f]{2}:){5}[0-9a-f]{2}"),
        ("domain_name", r"[a-z]{7}\.[a-z]+"),
        ("url", r"https?://[a-z]{7}\.[a-z]+/([A-Za-z]{7}(\.[a-z]+)?)?"),
        ("username", "[A-Za-z]{7}"),
        ("ipv4", r"(\d{1,3}\.){3}\d{1,3}"),
        ("ipv6", "[0-9a-f:]+"),
        ("password", "[A-Za-z]{50}"),
        ("jwt", r"[A-Za-z]{40}\.[A-Za-z]{40}\.[A-Za-z]{40}"),
        ("word", "[a-z]+"),
        ("sentence", r"[A-Z][a-z]*( [a-z]+){5}\."),
        ("paragraph", r"([A-Z][a-z]*( [a-z]+){5}\. ?){1,10}"),
        ("cc_type", "[A-Za-z ]+"),
        ("cc_number", r"[3-6]\d{13,15}"),
        ("currency", "[A-Z]{3}"),
        ("amount_with_currency", r"[A-Z]{3} \d+\.\d{6}"),
        ("title_male", r"[A-Z][a-z]+\.?"),
        ("title_female", r"[A-Z][a-z]+\.?"),
        ("first_name", "[A-Z][a-z]+"),
        ("first_name_male", "[A-Z][a-z]+"),
        ("first_name_female", "[A-Z][a-z]+"),
        ("last_name", "[A-Z][a-z]+"),
        ("name", r"[A-Z][a-z]+\.? [A-Z][a-z]+ [A-Z][a-z]+"),
        ("gender", "Male|Female|Prefer to skip"),
        ("chinese_first_name", r"\p{Han}"),
        ("chinese_last_name", r"\p{Han}{1,2}"),
        ("chinese_name", r"\p{Han}{2,3}"),
        ("phone_number", r"\d{3}-\d{3}-\d{4}"),
        ("toll_free_phone_number", r"\((777|888)\) \d{3}-\d{6}"),
        ("e164_phone_number", r"\+[78]\d{11}"),
        ("uuid_hyphenated", "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("uuid_digit", "[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}"),
    ];
    for (name, shape) in shapes {
        let shape = Regex::new(&format!("^({shape})$")).unwrap();
        for value in draws(name) {
            let text = value.as_str().unwrap_or_else(|| panic!("{name} is no text"));
            assert!(shape.is_match(text), "{name}: {text}");
        }
    }
    let numbers = ["latitude", "longitude", "unix_time"];
    for (name, _) in ALL {
        let is_checked = numbers.contains(name) || shapes.iter().any(|(known, _)| known == name);
        assert!(is_checked, "{name} is not checked");
    }
}

#[test]
fn numbers_stay_in_their_range() {
    for (name, range) in [("latitude", 90.0), ("longitude", 180.0)] {
        for value in draws(name) {
            let degrees = value.as_f64().expect(name);
            assert!((-range..=range).contains(&degrees), "{name}: {degrees}");
        }
    }
    let now = jiff::Timestamp::now().as_second();
    for value in draws("unix_time") {
        assert!((0..=now).contains(&value.as_i64().expect("it is a whole number")));
    }
}

#[test]
fn values_differ() {
    for name in ["uuid_digit", "password", "ipv6", "email", "longitude"] {
        let different: HashSet<String> = draws(name).iter().map(Value::to_text).collect();
        assert_eq!(different.len(), DRAWS, "{name}");
    }
    for name in ["word", "timezone", "last_name"] {
        let different: HashSet<String> = draws(name).iter().map(Value::to_text).collect();
        assert!(different.len() > 30, "{name}");
    }
}

#[test]
fn card_numbers_are_as_long_as_their_kind_wants() {
    for value in draws("cc_number") {
        let number = value.to_text();
        let expected = match number.get(..2) {
            Some("34" | "37") => 15,
            Some("36" | "38" | "39") => 14,
            _ => 16,
        };
        assert_eq!(number.len(), expected, "{number}");
    }
}

#[test]
fn names_of_kinds_may_be_in_capitals() {
    assert!(Kind::named("EMAIL").is_some());
    assert!(Kind::named("unknown").is_none());
}
