use sluice_value::json;

use super::JsonPath;

const DOCUMENT: &str = r#"{
    "rows": [
        {"id": 2, "tag": "x", "on": true},
        {"id": 10, "tag": "y"},
        {"id": 9, "tag": "x", "deep": {"id": 1}}
    ],
    "list": [0, 1, 2, 3, 4],
    "limit": 5,
    "a b": {"c.d": "dotted"},
    "text": "abc"
}"#;

#[track_caller]
fn check(path: &str, expected: &str) {
    let document = json::parse(DOCUMENT.as_bytes()).unwrap();
    let found = JsonPath::new(path).and_then(|path| path.find(&document));
    let shown = found.map_or_else(
        |error| format!("error: {error}"),
        |value| String::from_utf8(value.to_json()).unwrap(),
    );
    assert_eq!(shown, expected, "{path}");
}

#[test]
fn plain_paths_lead_to_one_value_or_fail() {
    check("$.rows[1].tag", r#""y""#);
    check("$['a b'][\"c.d\"]", r#""dotted""#);
    check("$.list[-1]", "error: index -1 out of bounds");
    check("$.none", "error: unknown key none");
    check(
        "$.list.x",
        "error: could not select value, invalid key: expected number but got x (string)",
    );
    check("$.limit + 1", "6");
    check("limit - 1", "4");
}

#[test]
fn other_paths_lead_to_any_number_of_values() {
    check("$.rows[*].id", "[2,10,9]");
    check("$.rows[*].on", "[true]");
    check("$..id", "[2,10,9,1]");
    check("$.rows[0,2].tag", r#"["x","x"]"#);
    check("$.rows[0]['id','tag']", r#"[2,"x"]"#);
    check("$.none[*]", "[]");
    check("$..*[?(@.c == 1)]", "[]");
}

#[test]
fn ranges_count_from_either_end() {
    check("$.list[1:3]", "[1,2]");
    check("$.list[3:]", "[3,4]");
    check("$.list[:2]", "[0,1]");
    check("$.list[::2]", "[0,2,4]");
    check("$.list[::-1]", "[4,3,2,1,0]");
    check("$.list[-2:]", "[3,4]");
    check("$.list[4:1]", "[]");
    check("$.list[1:100]", "[1,2,3,4]");
}

#[test]
fn filters_compare_numbers_as_numbers() {
    check("$.rows[?(@.id > 5)].id", "[10,9]");
    check("$.rows[?(@.id < $.limit)].id", "[2]");
    check("$.rows[?(@.id == 10)].tag", r#"["y"]"#);
    check("$.rows[?(@.tag == 'x' && @.id != 2)].id", "[9]");
    check("$.rows[?(@.tag =~ '^[y-z]$')].id", "[10]");
    check("$.rows[?(@.on)].id", "[2]");
    check("$.rows[?(@.id in [2, 9])].id", "[2,9]");
    check("$.list[?(@ % 2 == 1 || @ == 4)]", "[1,3,4]");
}

#[test]
fn operators_bind_as_usual() {
    check("1 + 2 * 3 ** 2", "19");
    check("(1 + 2) * 3", "9");
    check("10 - 3 - 2", "5");
    check("1 < 2 == true", "true");
    check("'a' + 1", r#""a1""#);
    check("!true || 5 ?? 7", "true");
    check("$.text ?? 'none'", r#""abc""#);
    check("$.limit > 3 ? 'many' : 'few'", r#""many""#);
}

#[test]
fn what_is_no_path_is_refused() {
    let problem = |path: &str| JsonPath::new(path).expect_err(path);
    assert_eq!(
        problem("$["),
        "parsing error: $[\t:1:3 - 1:3 unexpected EOF while scanning extensions"
    );
    assert!(problem("$.a b").ends_with("unexpected Ident while scanning operator"));
    assert!(problem("$.list[1,2:3]").ends_with("mixed separators in JSON bracket"));
    assert!(problem(&"(".repeat(10_000)).contains("nested more than"));
    assert!(problem(&format!("${}", "[*]".repeat(1000))).contains("steps lead to"));
    problem(&"-".repeat(100_000));
    problem("'a\\");
    problem("\u{1F600}");
}

#[test]
fn many_matches_of_many_matches_are_refused() {
    let document = json::parse(format!("[{}0]", "0,".repeat(999)).as_bytes()).unwrap();
    let nested = sluice_value::Value::Array((0..1000).map(|_| document.clone()).collect());
    let path = JsonPath::new("$..*[?(@ == 1)]").unwrap();
    assert!(path.find(&nested).is_ok());
    let path = JsonPath::new("$..[*]..[*]..[*]..(@)..(@)..(@)").unwrap();
    let deep = json::parse(format!("{}1{}", "[".repeat(300), "]".repeat(300)).as_bytes()).unwrap();
    assert!(path.find(&deep).unwrap_err().contains("visits more than"));
}
