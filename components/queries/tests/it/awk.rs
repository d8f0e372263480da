use crate::support::{one, refusal};

/// Runs a program over a text.
#[track_caller]
fn check(program: &str, input: &str, expected: &str) {
    with("text", program, input, expected);
}

#[track_caller]
fn with(codec: &str, program: &str, input: &str, expected: &str) {
    let quoted = program.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let processor = format!("{{ awk: {{ codec: {codec}, program: \"{quoted}\" }} }}");
    assert_eq!(one(&processor, input), expected, "{program}");
}

#[test]
fn programs_compute_like_awk() {
    for (program, expected) in [
        ("BEGIN { print 1+2 }", "3"),
        ("BEGIN { print 2^3^2, -2^2, 7%3, 1/4 }", "512 -4 1 0.25"),
        ("BEGIN { print 1e6, 1e20, 0.1+0.2, 100000 * 100000 }", "1000000 1e+20 0.3 10000000000"),
        ("BEGIN { x = \"a\"; x = x \"b\" 1+1; print x }", "ab2"),
        ("BEGIN { print 1 \" \" -1 }", "1-1"),
        (
            "BEGIN { print length(\"héé\"), substr(\"hello\", 2, 3), substr(\"hello\", 0, 2), index(\"foobar\", \"ba\") }",
            "3 ell h 4",
        ),
        ("BEGIN { s = \"aaa\"; n = gsub(/a/, \"<&>\", s); print n, s }", "3 <a><a><a>"),
        ("BEGIN { s = \"abc\"; sub(\"b\", \"\\\\&\", s); print s }", "a&c"),
        ("BEGIN { if (match(\"foobar\", /o+/)) print RSTART, RLENGTH }", "2 2"),
        ("BEGIN { n = split(\"a:b:c\", p, \":\"); print n, p[1] p[3], length(p) }", "3 ac 3"),
        (
            "BEGIN { printf \"%05.1f|%-5s|%x|%c\\n\", 3.14159, \"ab\", 255, \"hey\" }",
            "003.1|ab   |ff|h",
        ),
        ("BEGIN { print toupper(\"aé\") tolower(\"BC\"), sprintf(\"%d%%\", 42.9) }", "AÉbc 42%"),
        (
            "BEGIN { a[1]; a[\"x\",2] = 3; for (k in a) n++; print n, (1 in a), ((\"x\",2) in a), (9 in a) }",
            "2 1 1 0",
        ),
        ("BEGIN { a[1]; delete a[1]; print length(a); a[2]; delete a; print length(a) }", "0\n0"),
        ("BEGIN { i = 5; print i++ + ++i, i--, --i, i }", "12 7 5 5"),
        ("BEGIN { x = 5; x += 2; x -= 1; x *= 3; x /= 2; x %= 5; x ^= 2; print x }", "16"),
        (
            "BEGIN { print 1 == 1.0, \"a\" < \"b\", \"10\" < \"9\", 10 < 9, !0, !\"x\", 1 && 0, 1 || 0 }",
            "1 1 1 0 1 0 0 1",
        ),
        ("BEGIN { print (1 > 0) ? \"yes\" : \"no\" }", "yes"),
        (
            "BEGIN { while (i < 3) { if (i == 1) { i++; continue }; printf \"%d \", i++ }; print \"\" }",
            "0 2 ",
        ),
        ("BEGIN { do { i++; if (i == 3) break } while (1); print i }", "3"),
        ("BEGIN { for (;;) if (++i > 4) break; print i }", "5"),
        ("function f(n) { return n < 2 ? 1 : n * f(n-1) } BEGIN { print f(10) }", "3628800"),
        (
            "function fill(a, n) { for (i = 0; i < n; i++) a[i] = i } BEGIN { fill(x, 3); print x[0] x[2], length(x) }",
            "02 3",
        ),
        ("function id(x,  t) { t = x; return t }\nBEGIN { print id(5) id(\"a\") }", "5a"),
        (
            "BEGIN { $0 = \"a b c\"; $2 = \"X\"; print; print NF; $5 = \"e\"; print; NF = 2; print }",
            "a X c\n3\na X c  e\na X",
        ),
        ("BEGIN { OFS = \"-\"; $0 = \"a b\"; $1 = $1; print $0, $NF }", "a-b-b"),
        ("BEGIN { print \"a\" ~ /^a$/, \"b\" !~ \"b\", \"x.y\" ~ \"x\\\\.y\" }", "1 0 1"),
        ("BEGIN { print length() }", "0"),
        ("BEGIN { print substr(\"hello\", -1), int(-3.7), int(\"3abc\") }", "hello -3 3"),
        ("BEGIN { a = \"1\"; b = 1; print (a == b), (\"a\" \"b\" == \"ab\") }", "1 1"),
        ("BEGIN { srand(1); x = rand(); srand(1); print (x == rand()), x < 1 }", "1 1"),
        ("BEGIN { print -0 \"\", 017, 1.50, \"3x\" + 1 }", "0 17 1.5 4"),
        ("BEGIN { print !x = 5; print x }", "0\n5"),
        ("BEGIN { if (!(3 in a)) print \"none\"; else print \"some\" }", "none"),
        ("BEGIN { print 1,\n2 # comment\n}", "1 2"),
        ("BEGIN { x[\"a\"] = 1; x[\"b\"] = 2; for (k in x) s = s k x[k]; print s }", "a1b2"),
    ] {
        with("none", program, "ignored", expected);
    }
}

#[test]
fn records_and_fields_are_read() {
    let lines = "one 1\ntwo 2\nthree 3\n";
    check("{ s += $2 } END { print s, NR }", lines, "6 3");
    check("/t/", lines, "two 2\nthree 3");
    check("NR == 2, /three/ { print $1 }", lines, "two\nthree");
    check("$2 > 1 { print $1; next } { print \"small\" }", lines, "small\ntwo\nthree");
    check("BEGIN { FS = \",\" } { print $2 }", "a,b\nc,d", "b\nd");
    check("BEGIN { FS = \"[,;]+\" } { print $2, NF }", "a,;b;c", "b 3");
    check("BEGIN { RS = \"\" } { print NR \":\" $1 }", "a\nb\n\n\nc\n", "1:a\n2:c");
    check("BEGIN { RS = \";\" } { print }", "a;b", "a\nb");
    check("{ getline; print; getline x; print x, NR }", lines, "two 2\nthree 3 3");
    check("{ print $1 < 2, $1 == \"1.0\" }", "1.0", "1 1");
    check("NR==1 { exit } END { print \"end\" }", lines, "end");
    check("{ nothing }", "kept as it is\n", "kept as it is\n");
}

#[test]
fn json_is_variables_and_functions() {
    let document = r#"{"foo":{"bar":7,"s":"t"},"l":[1,"a"],"n":null}"#;
    with("json", "{ print foo_bar + 1, foo_s, n }", document, "8 t <nil>");
    with(
        "none",
        "{ json_set(\"b.c\", \"v\"); json_set_int(\"n\", 4.7); json_set_bool(\"t\", 1); json_set_float(\"f\", 1.5) }",
        r#"{"a":1}"#,
        r#"{"a":1,"b":{"c":"v"},"f":1.5,"n":4,"t":true}"#,
    );
    with(
        "none",
        "{ print json_get(\"foo.bar\") + 1, json_get(\"l\"), json_get(\"x\"), json_get(\"l.1\") }",
        document,
        r#"8 [1,"a"] null a"#,
    );
    with(
        "none",
        "{ print json_type(\"foo\") json_type(\"l\") json_type(\"n\") json_type(\"x\") json_type(\"foo.bar\"), json_length(\"l\") }",
        document,
        "objectarraynullundefinedfloat 2",
    );
    with(
        "none",
        "{ json_append(\"l\", \"x\"); json_append_int(\"m\", 1); json_append(\"foo.s\", \"u\"); json_delete(\"n\"); json_delete(\"foo.bar\") }",
        document,
        r#"{"foo":{"s":["t","u"]},"l":[1,"a","x"],"m":[1]}"#,
    );
    with(
        "none",
        "{ print create_json_object(\"b\", 1, \"a\", \"<\"), create_json_array(1, \"x\") }",
        "{}",
        r#"{"a":"\u003c","b":"1"} ["1","x"]"#,
    );
    with(
        "json",
        "{ print }",
        "nope",
        "failed: invalid character 'o' in literal null (expecting 'u')",
    );
    with(
        "none",
        "{ json_get(\"a\") }",
        "nope",
        "failed: failed to parse message into json: invalid character 'o' in literal null (expecting 'u')",
    );
}

#[test]
fn metadata_times_and_base64() {
    let metadata = r#"{ mutation: 'meta kind = "mm"' }, { awk: { codec: text, program: '{ metadata_set("len", length($0)); print metadata_get("kind"), kind }' } }, { mapping: 'root = content().string() + " " + @len' }"#;
    assert_eq!(one(metadata, "abc"), "mm mm 3");
    with(
        "none",
        "BEGIN { print timestamp_format(0), timestamp_format(0, \"2006\"), timestamp_unix(\"1970-01-02\"), timestamp_unix(\"03/01/1970\", \"02/01/2006\") }",
        "x",
        "1970-01-01T00:00:00Z 1970 86400 172800",
    );
    with(
        "none",
        "BEGIN { print timestamp_unix() > 1000000000 }",
        "x",
        "failed: files cannot be written from here",
    );
    with("none", "BEGIN { print base64_encode(\"hi\") base64_decode(\"aGk=\") }", "x", "aGk=hi");
    with(
        "none",
        "function json_get(x) { return \"own\" } BEGIN { print json_get(\"a\") }",
        "x",
        "own",
    );
}

#[test]
fn failures_mark_the_message() {
    with("none", "BEGIN { print \"oh\" > \"/dev/stderr\" }", "x", "failed: oh\n");
    with(
        "none",
        "BEGIN { exit 3 }",
        "x",
        "failed: non-fatal execution error: awk interpreter returned non-zero exit code: 3",
    );
    with(
        "none",
        "function f() { exit 2 } BEGIN { f() }",
        "x",
        "failed: non-fatal execution error: awk interpreter returned non-zero exit code: 2",
    );
    with("none", "BEGIN { print 1/0 }", "x", "failed: division by zero");
    with(
        "none",
        "BEGIN { print > \"/tmp/never\" }",
        "x",
        "failed: files cannot be written from here",
    );
    with("none", "BEGIN { x = 1; x[1] = 2 }", "x", "failed: can't use scalar as array");
    with("none", "BEGIN { print $99999999 }", "x", "failed: field index too large: 99999999");
}

#[test]
fn bad_programs_are_refused_at_start() {
    let refused = |program: &str| {
        let quoted = program.replace('\'', "''");
        let error = refusal(&format!("{{ awk: {{ codec: text, program: '{quoted}' }} }}"));
        error.rsplit("failed to compile AWK program: ").next().unwrap().to_owned()
    };
    assert_eq!(refused("{ print "), "parse error at 1:9: expected expression instead of EOF");
    assert_eq!(refused("BEGIN { f() }"), "parse error at 1:9: undefined function \"f\"");
    assert_eq!(
        refused("BEGIN { print \"x\" | \"sh\" }"),
        "parse error at 1:19: programs cannot be run from here"
    );
    assert_eq!(
        refused("BEGIN { system(\"id\") }"),
        "parse error at 1:9: system() is not available: programs cannot be run from here"
    );
    assert!(refused("BEGIN { \"id\" | getline }").starts_with("parse error at"));
    assert!(
        refused("BEGIN { getline < \"/etc/passwd\" }").ends_with("files cannot be read from here")
    );
    assert!(
        refused(&format!("BEGIN {{ x = {}1 }}", "(".repeat(10_000))).ends_with("nested too deeply")
    );
    assert!(
        refused(&format!("BEGIN {{ x = 1{} }}", " + 1".repeat(10_000)))
            .ends_with("nested too deeply")
    );
    assert!(
        refused(&format!("BEGIN {{ x = {}1 }}", "!".repeat(10_000))).ends_with("nested too deeply")
    );
    assert!(refused("BEGIN { x = /(/ }").contains("invalid regex"));
}

#[test]
fn programs_without_end_fail() {
    let endless = "failed: the AWK program did not end within 5 million steps";
    with("none", "BEGIN { while (1) ; }", "x", endless);
    with("none", "BEGIN { for (;;) { } }", "x", endless);
    let memory = "failed: the AWK program needs more than 256 MiB of memory";
    with("none", "BEGIN { s = \"x\"; while (1) s = s s }", "x", memory);
    with("none", "BEGIN { while (1) a[i++] = sprintf(\"%60000s\", i) }", "x", memory);
    let deep = "failed: calling \"f\" exceeded maximum call depth of 1000";
    with("none", "function f() { f() } BEGIN { f() }", "x", deep);
    with(
        "none",
        &format!(
            "function f() {{ return {}f(){} }} BEGIN {{ f() }}",
            "(".repeat(200),
            ")".repeat(200)
        ),
        "x",
        deep,
    );
}
