#![allow(dead_code)] // tables are read, not the structs

use std::borrow::Cow;
use std::time::Duration;

use super::*;

config! {
    /// Where to connect.
    struct Tls {
        /// Whether to encrypt.
        enabled: bool = false,
        /// Checks nothing.
        skip_cert_verify: bool = false => advanced,
    }
}

config! {
    /// A client.
    struct Client {
        /// Servers to try in turn.
        addresses: Vec<String>,
        /// Name to show.
        client_id: String = "sluice" => advanced,
        timeout: Duration = "5s",
        retries: u16 = 3,
        level: String = "one" => options("one", "all"),
        tls: Tls,
        key: Option<Interpolated>,
    }
}

#[track_caller]
fn problems(text: &str, expected: &str) {
    let node = parse(text).unwrap();
    let problems = Reader::new().at_path("input.client").read::<Client>(&node).unwrap_err();
    assert_eq!(problems.to_string(), expected);
}

#[test]
fn defaults_fill_what_is_absent() {
    let node = parse("addresses: [a, 5]\nretries: 0x10\nkey: ${! json() }").unwrap();
    let client: Client = Reader::new().read(&node).unwrap();
    assert_eq!(client.addresses, ["a", "5"]);
    assert_eq!((client.client_id.as_str(), client.retries), ("sluice", 16));
    assert_eq!(client.timeout, Duration::from_secs(5));
    assert!(!client.tls.enabled);
    assert_eq!(client.key.unwrap().path, "key");
}

#[test]
fn every_problem_is_reported_with_its_place() {
    problems(
        "timeot: 1s\ntimeout: 1x\nretries: 70000\nlevel: two\ntls: { enabled: maybe, x: 1 }",
        "(1,1) input.client.addresses: field addresses is required\n\
         (2,10) input.client.timeout: time: unknown unit \"x\" in duration \"1x\" \
         (a number with a unit, such as 500ms, 5s or 1h30m)\n\
         (3,10) input.client.retries: expected 0 to 65535, found 70000\n\
         (4,8) input.client.level: value two is not a valid option for this field (one of one, all)\n\
         (5,17) input.client.tls.enabled: expected bool value\n\
         (5,24) input.client.tls.x: field x not recognised\n\
         (1,1) input.client.timeot: field timeot not recognised (did you mean timeout?)",
    );
}

#[test]
fn the_table_tells_what_is_required() {
    let table = Client::fields();
    let required: Vec<_> = table.iter().filter(|f| f.is_required()).map(|f| f.name).collect();
    assert_eq!(required, ["addresses"]);
    assert_eq!(table[1].doc, "Name to show.");
    assert!(table[1].advanced && table[6].interpolated && table[6].optional);
    assert_eq!(table[0].shape, Shape::Array);
}

#[test]
fn placeholder_values_are_data() {
    struct Hostile;
    impl Parameters for Hostile {
        fn substitute<'a>(&self, text: &'a str) -> Cow<'a, str> {
            text.replace("$p", "\"], \"x\": [\"\n${HOME}").into()
        }
    }
    let node = parse("addresses: [\"a-$p\"]").unwrap();
    let client: Client = Reader::new().with_parameters(Some(&Hostile)).read(&node).unwrap();
    assert_eq!(client.addresses, ["a-\"], \"x\": [\"\n${HOME}"]);
}

#[test]
fn anchors_merges_and_blocks_keep_positions() {
    let node =
        parse("base: &b { x: 1, y: 2 }\nuse:\n  <<: *b\n  y: 3\ntext: |\n  a\n  b\n").unwrap();
    assert_eq!(node.get("use").unwrap().to_value().to_string(), r#"{"x":1,"y":3}"#);
    let text = node.get("text").unwrap();
    assert_eq!((text.at.line, text.as_text()), (6, Some("a\nb\n")));
    assert!(text.as_scalar().unwrap().is_block);
}

#[test]
fn aliases_cannot_blow_a_document_up() {
    let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for n in 1..10 {
        let before = format!("*a{}", n - 1);
        text += &format!("a{n}: &a{n} [{}]\n", vec![before; 10].join(","));
    }
    assert!(parse(&text).unwrap_err().message.contains("aliasing"));
    assert!(parse(&"[".repeat(100_000)).is_err());
}

#[test]
fn environment_text_is_replaced_once() {
    let lookup = |name: &str| match name {
        "SET" => Some("v1\nv2".to_owned()),
        "EMPTY" => Some(String::new()),
        "REF" => Some("${SET}".to_owned()),
        _ => None,
    };
    let replaced = env::replace(
        "${SET} ${EMPTY}|${EMPTY:d} ${A:} ${A:x:y} ${REF} ${{SET:q}} ${! a } ${NO} ${NO}",
        lookup,
    );
    assert_eq!(replaced.text, "v1\\nv2 |d  x:y ${SET} ${SET:q} ${! a }  ");
    assert_eq!(replaced.missing, ["NO", "NO"]);
}

#[test]
fn durations_read_and_print() {
    for (text, nanos) in
        [("1h2m3s", 3_723_000_000_000), ("1.5s", 1_500_000_000), ("0", 0), ("7us", 7_000)]
    {
        assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)));
    }
    for text in ["", "5", "1y", "s", "-1s", "99999999999h"] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
    for text in ["1h0m5s", "100ms", "1.5s", "0s", "2m0.25s"] {
        assert_eq!(format_duration(parse_duration(text).unwrap()), text);
    }
}

#[test]
fn between_brackets_lines_need_not_be_indented() {
    let text = "a:\n  - - b: {\n      \"x\": 1,\n  \"y\": [\n ]\n    }\n    - c: d\n";
    let node = parse(text).unwrap();
    assert_eq!(node.to_value().to_string(), r#"{"a":[[{"b":{"x":1,"y":[]}},{"c":"d"}]]}"#);
    let inner = node.get("a").and_then(Node::as_list).unwrap()[0].as_list().unwrap()[0].clone();
    let inner = inner.get("b").and_then(Node::as_map).unwrap();
    assert_eq!((inner[1].0.at.line, inner[1].0.at.column), (4, 3));
    assert!(parse("a: {\nb: 1").is_err());
}
