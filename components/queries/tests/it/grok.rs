use crate::support::{one, refusal};

#[track_caller]
fn check(expression: &str, input: &str, expected: &str) {
    check_with("", expression, input, expected);
}

#[track_caller]
fn check_with(options: &str, expression: &str, input: &str, expected: &str) {
    let quoted = expression.replace('\'', "''");
    let processor = format!("{{ grok: {{ expressions: [ '{quoted}' ] {options} }} }}");
    assert_eq!(one(&processor, input), expected, "{expression}");
}

#[test]
fn named_patterns_become_fields() {
    check(
        "%{IP:client} %{WORD:method} %{URIPATHPARAM:request} %{NUMBER:bytes:int} %{NUMBER:t:float}",
        "10.0.0.1 GET /x?y=1 15 0.5",
        r#"{"bytes":15,"client":"10.0.0.1","method":"GET","request":"/x?y=1","t":0.5}"#,
    );
    check("%{WORD:a.b} %{WORD:a.c}", "x y", r#"{"a":{"b":"x","c":"y"}}"#);
    check("%{WORD} (?P<own>\\d+)", "x 12", r#"{"own":"12"}"#);
    check("^%{IP:ip}$", "???", "failed: no pattern matches found");
    check("%{WORD:w} %{WORD:n:int}", "a b", "failed: no pattern matches found");
    check_with(
        ", named_captures_only: false",
        "%{WORD} %{INT:n}",
        "x 1",
        r#"{"WORD":"x","n":"1"}"#,
    );
    check_with(", remove_empty_values: false", "a(?P<e>b?)", "a", r#"{"e":""}"#);
    check_with(
        ", pattern_definitions: { TWO: '[0-9]{2}', T: 'c:%{TWO:c}' }",
        "%{T}",
        "c:77",
        r#"{"c":"77"}"#,
    );
}

#[test]
fn the_first_expression_that_finds_something_counts() {
    let processor =
        "{ grok: { expressions: [ '^%{IP:ip}$', '%{WORD:w} %{INT:n:int}', '%{WORD:x}' ] } }";
    assert_eq!(one(processor, "hello 12"), r#"{"n":12,"w":"hello"}"#);
}

#[test]
fn the_usual_patterns_match_usual_lines() {
    check(
        "%{COMBINEDAPACHELOG}",
        r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache.gif HTTP/1.0" 200 2326 "http://x.y/" "Mozilla/4.08""#,
        r#"{"agent":"\"Mozilla/4.08\"","auth":"frank","bytes":"2326","clientip":"127.0.0.1","httpversion":"1.0","ident":"-","referrer":"\"http://x.y/\"","request":"/apache.gif","response":"200","timestamp":"10/Oct/2000:13:55:36 -0700","verb":"GET"}"#,
    );
    check(
        "%{SYSLOGBASE} %{GREEDYDATA:m}",
        "Oct 11 22:14:15 mymachine su[23]: failed for lonvick",
        r#"{"logsource":"mymachine","m":"failed for lonvick","pid":"23","program":"su","timestamp":"Oct 11 22:14:15"}"#,
    );
    for (pattern, text) in [
        ("IPV6", "2001:db8::8a2e:370:7334"),
        ("IPV6", "::ffff:10.0.0.1"),
        ("MAC", "00:1B:44:11:3A:B7"),
        ("UUID", "123e4567-e89b-12d3-a456-426614174000"),
        ("TIMESTAMP_ISO8601", "2024-02-29T23:59:60.123Z"),
        ("EMAILADDRESS", "jo.doe+x@example.com"),
        ("URI", "https://user@example.com/a/b?c=d"),
        ("QS", r#""a \" b""#),
        ("HOSTPORT", "example.com:80"),
        ("LOGLEVEL", "WARNING"),
        ("BASE16NUM", "0xff"),
    ] {
        let expected = format!(r#"{{"v":{}}}"#, sluice_value::Value::from(text));
        check(&format!("^%{{{pattern}:v}}$"), text, &expected);
    }
}

#[test]
fn bad_patterns_are_refused_at_start() {
    let refused = |grok: &str| refusal(&format!("{{ grok: {{ {grok} }} }}"));
    let missing = refused("expressions: [ '%{NOPE:x}' ]");
    assert!(
        missing
            .ends_with("failed to compile Grok pattern '%{NOPE:x}': no pattern found for %{NOPE}")
    );
    let off = refused("expressions: [ '%{WORD:x}' ], use_default_patterns: false");
    assert!(off.ends_with("no pattern found for %{WORD}"));
    let endless = refused("expressions: [ '%{A:x}' ], pattern_definitions: { A: '%{A}' }");
    assert!(endless.ends_with("patterns that stand for each other never end"));
    let bomb = "A: '%{B}%{B}', B: '%{C}%{C}', C: '%{D}%{D}', D: '(((x{900}){900}){900})'";
    assert!(
        !refused(&format!("expressions: [ '%{{A:x}}' ], pattern_definitions: {{ {bomb} }}"))
            .is_empty()
    );
    assert!(!refused("expressions: [ 'x' ], pattern_paths: [ /none/such ]").is_empty());
}
