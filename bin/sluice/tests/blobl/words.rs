//! `sluice blobl list` and `doc`.

use serde_json::Value;

use crate::support::blobl;

#[test]
fn functions_and_methods_are_listed() {
    let ran = blobl(&["list"], "");
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("\n  uuid_v4 ") && ran.out.contains("\n  uppercase "), "{}", ran.out);
    let ran = blobl(&["list", "functions"], "");
    assert!(ran.out.contains("\n  uuid_v4 ") && !ran.out.contains("\n  uppercase "));
    let ran = blobl(&["list", "methods", "--format", "json"], "");
    let all: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert!(all.get("functions").is_none());
    let methods = all["methods"].as_array().expect("a list");
    let repeat = methods.iter().find(|it| it["name"] == "repeat").expect("it is there");
    assert_eq!(repeat["params"]["named"][0]["name"], "count");
}

#[test]
fn one_is_explained() {
    let ran = blobl(&["doc", "replace_all"], "");
    assert_eq!(ran.code, 0);
    for part in [".replace_all(old: string, new: string)", "Parameters", "# In:  ", "# Out: "] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert!(blobl(&["doc", ".replace_all()"], "").out == ran.out);
    let ran = blobl(&["doc", "count"], "");
    assert!(ran.out.contains("Use `counter` instead"), "{}", ran.out);
    let ran = blobl(&["doc", "match"], "");
    assert!(ran.out.contains("keyword"), "{}", ran.out);
    let ran = blobl(&["doc", "uuid_v4", "--format", "json"], "");
    let found: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(found[0]["name"], "uuid_v4");
}

#[test]
fn a_name_that_is_none_is_refused_with_a_similar_one() {
    let ran = blobl(&["doc", "upercase"], "");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert_eq!(ran.err, "there is no function or method `upercase`; did you mean `uppercase`?\n");
}
