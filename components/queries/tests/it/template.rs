use crate::support::{one, refusal};

#[track_caller]
fn check(template: &str, input: &str, expected: &str) {
    let quoted = template.replace('\'', "''");
    let processor = format!("{{ template: {{ text: '{quoted}' }} }}");
    assert_eq!(one(&processor, input), expected, "{template}");
}

#[test]
fn templates_are_filled_in_like_in_go() {
    let input = r#"{"name":"ann","l":[1,2],"m":{"b":"x","a":"y"},"n":3,"f":1.5,"t":true,"e":""}"#;
    for (template, expected) in [
        ("hi {{ .name }}{{ range .l }} <{{ . }}>{{ end }}", "hi ann <1> <2>"),
        ("v={{ .zz }}", "v=<no value>"),
        ("{{ .m }} {{ .l }} {{ .f }} {{ .t }}", "map[a:y b:x] [1 2] 1.5 true"),
        ("{{ if .e }}a{{ else if .t }}b{{ else }}c{{ end }}", "b"),
        ("{{ with .m }}{{ .b }}{{ else }}none{{ end }}", "x"),
        ("{{ with .zz }}{{ . }}{{ else }}none{{ end }}", "none"),
        ("{{ range $k, $v := .m }}{{ $k }}={{ $v }};{{ end }}", "a=y;b=x;"),
        ("{{ range $i, $v := .l }}{{ $i }}:{{ $v }} {{ end }}", "0:1 1:2 "),
        ("{{ range .zz }}x{{ else }}empty{{ end }}", "empty"),
        ("{{ range .l }}{{ if eq . 2 }}{{ break }}{{ end }}{{ . }}{{ end }}", "1"),
        ("{{ range .l }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}", "2"),
        ("{{ $x := .name }}{{ if true }}{{ $x = \"bob\" }}{{ end }}{{ $x }} {{ $.n }}", "bob 3"),
        ("a  {{- .n -}}  b", "a3b"),
        ("{{/* nothing */}}x{{- /* a }} b */ -}} y", "xy"),
        (
            "{{ define \"t\" }}[{{ . }}]{{ end }}{{ template \"t\" .n }}{{ template \"t\" .name }}",
            "[3][ann]",
        ),
        ("{{ block \"b\" .m }}{{ .a }}{{ end }}", "y"),
        ("{{ .name | printf \"%s-%d\" \"z\" | len }}", "17"),
        ("{{ printf \"%03d|%q|%v\" 7 .name .l }}", "007|\"ann\"|[1 2]"),
        ("{{ and .t .name }} {{ or .e .n }} {{ not .e }}", "ann 3 true"),
        ("{{ index .l 1 }}{{ index .m \"a\" }} {{ slice .name 1 3 }} {{ len .l }}", "2y nn 2"),
        ("{{ eq .n 1 3 }} {{ ne .n 3 }} {{ lt 1 2 }} {{ ge .f 1.5 }}", "true false true true"),
        ("{{ (index .l 0) }}{{ (.m).a }} {{ \"{{\" }} {{ `raw \"x\"` }}", "1y {{ raw \"x\""),
        (
            "{{ html \"<a>\" }} {{ urlquery \"a b&\" }} {{ print 1 2 \"x\" }}",
            "&lt;a&gt; a+b%26 1 2x",
        ),
    ] {
        check(template, input, expected);
    }
}

#[test]
fn the_most_used_functions_of_sprig_are_there() {
    let input = r#"{"s":"Hello World","l":["b","a","b"],"o":{"k":1}}"#;
    for (template, expected) in [
        (
            "{{ .s | upper | trunc 5 }} {{ lower .s }} {{ title \"a bc\" }}",
            "HELLO hello world A Bc",
        ),
        (
            "{{ .x | default \"d\" }} {{ empty .x }} {{ ternary 1 2 true }} {{ coalesce .x \"c\" }}",
            "d true 1 c",
        ),
        (
            "{{ join \",\" .l }} {{ uniq .l }} {{ sortAlpha .l }} {{ has \"a\" .l }}",
            "b,a,b [b a] [a b b] true",
        ),
        ("{{ splitList \",\" \"a,b\" | last }} {{ (split \"-\" \"a-b\")._1 }}", "b b"),
        (
            "{{ add 1 2 3 }} {{ sub 5 2 }} {{ mul 2 3 }} {{ div 7 2 }} {{ mod 7 2 }} {{ round 1.256 2 }}",
            "6 3 6 3 1 1.26",
        ),
        (
            "{{ toJson .o }} {{ (fromJson \"[1]\") }} {{ dict \"a\" 1 | toJson }}",
            "{\"k\":1} [1] {\"a\":1}",
        ),
        (
            "{{ quote .s }} {{ replace \"l\" \"L\" .s }} {{ contains \"Wor\" .s }}",
            "\"Hello World\" HeLLo WorLd true",
        ),
        ("{{ b64enc \"hi\" }} {{ b64dec \"aGk=\" }} {{ nindent 2 \"x\" }}", "aGk= hi \n  x"),
        (
            "{{ snakecase \"fooBar baz\" }} {{ kebabcase .s }} {{ camelcase \"a_b\" }}",
            "foo_bar_baz hello-world AB",
        ),
        (
            "{{ date \"2006-01-02\" 0 }} {{ regexReplaceAll \"l+\" .s \"_\" }}",
            "1970-01-01 He_o Wor_d",
        ),
        (
            "{{ range until 3 }}{{ . }}{{ end }} {{ keys .o }} {{ hasKey .o \"z\" }}",
            "012 [k] false",
        ),
    ] {
        check(template, input, expected);
    }
}

#[test]
fn the_less_used_functions_of_sprig_are_there_too() {
    let input = r#"{"s":"Hello World","l":["b","a","b"],"o":{"k":{"x":1}}}"#;
    for (template, expected) in [
        ("{{ initials .s }} {{ swapcase .s }}", "HW hELLO wORLD"),
        ("{{ wrapWith 5 \"|\" \"aa bb cc dd\" }} {{ wrap 80 .s }}", "aa bb|cc dd Hello World"),
        (
            "{{ sha256sum \"a\" | trunc 8 }} {{ sha1sum \"a\" | trunc 8 }} {{ adler32sum \"a\" }}",
            "ca978112 86f7e437 6422626",
        ),
        ("{{ b32enc \"hello!\" }} {{ b32dec \"NBSWY3DPEE======\" }}", "NBSWY3DPEE====== hello!"),
        (
            "{{ base \"/a/b.txt\" }} {{ dir \"/a/b.txt\" }} {{ ext \"/a/b.txt\" }} {{ clean \"a/../b//c\" }} {{ isAbs \"a\" }}",
            "b.txt /a .txt b/c false",
        ),
        (
            "{{ addf 1.5 2 }} {{ mulf 2 1.5 }} {{ divf 1 4 }} {{ subf 1 0.5 }} {{ maxf 1 2.5 }}",
            "3.5 3 0.25 0.5 2.5",
        ),
        (
            "{{ atoi \"12\" }} {{ toDecimal \"0777\" }} {{ biggest 1 3 2 }} {{ seq 3 }}|{{ seq 4 -2 0 }}",
            "12 511 3 1 2 3|4 2 0",
        ),
        (
            "{{ regexFindAll \"[a-z]o\" .s -1 }} {{ regexSplit \"o\" .s -1 | len }} {{ regexQuoteMeta \"a.b\" }} {{ regexReplaceAllLiteral \"l+\" .s \"${1}\" }}",
            "[lo] 3 a\\.b He${1}o Wor${1}d",
        ),
        (
            "{{ mustRegexMatch \"l+\" .s }} {{ mustToJson .l }} {{ mustUniq .l }}",
            "true [\"b\",\"a\",\"b\"] [b a]",
        ),
        (
            "{{ dig \"k\" \"x\" 0 .o }} {{ dig \"k\" \"z\" 7 .o }} {{ pluck \"k\" .o | toJson }} {{ chunk 2 .l | toJson }}",
            "1 7 [{\"x\":1}] [[\"b\",\"a\"],[\"b\"]]",
        ),
        (
            "{{ mergeOverwrite (dict \"a\" (dict \"x\" 1 \"y\" 2)) (dict \"a\" (dict \"y\" 3)) | toJson }}",
            "{\"a\":{\"x\":1,\"y\":3}}",
        ),
        (
            "{{ all 1 .s }} {{ any 0 \"\" }} {{ tuple 1 2 }} {{ deepEqual .l .l }}",
            "true false [1 2] true",
        ),
        (
            "{{ typeOf .l }} {{ kindIs \"string\" .s }} {{ typeIs \"int\" 1 }}",
            "[]interface {} true true",
        ),
        (
            "{{ toDate \"2006-01-02\" \"1970-01-02\" }} {{ dateModify \"-1h\" 7200 }} {{ htmlDate 0 }} {{ duration 3725 }} {{ durationRound 7300 }}",
            "86400 3600 1970-01-01 1h2m5s 2h",
        ),
        ("{{ (splitn \"-\" 2 \"a-b-c\")._1 }} {{ uuidv4 | len }}", "b-c 36"),
    ] {
        check(template, input, expected);
    }
}

#[test]
fn functions_metadata_and_sub_templates() {
    let own = r"{ template: { text: '{{ .a | loud }}', functions: { loud: 'root = this.uppercase()' } } }";
    assert_eq!(one(own, r#"{"a":"x"}"#), "X");
    let meta =
        r#"{ mutation: 'meta k = "v"' }, { template: { text: '{{ meta "k" }} {{ meta "z" }}' } }"#;
    assert_eq!(one(meta, "{}"), "v <no value>");
    let sub = r#"{ template: { text: '{{ template "s" .a }}', sub_templates: { s: { text: '<{{ . }}>' } } } }"#;
    assert_eq!(one(sub, r#"{"a":1}"#), "<1>");
}

#[test]
fn failures_mark_the_message() {
    let invalid = "failed: Failed to parse part into json: invalid character 'p' looking for beginning of value";
    check("[{{ . }}]", "plain", invalid);
    check(
        "{{ .a.b.c }}",
        r#"{"a":{}}"#,
        "failed: Failed to execute template: template: main: nil pointer evaluating interface {}.c",
    );
    check(
        "{{ template \"x\" }}",
        "{}",
        "failed: Failed to execute template: template: main: template \"x\" not defined",
    );
    check(
        "{{ fail \"no\" }}",
        "{}",
        "failed: Failed to execute template: template: main: error calling fail: no",
    );
    check(
        "{{ define \"r\" }}{{ template \"r\" }}{{ end }}{{ template \"r\" }}",
        "{}",
        "failed: Failed to execute template: template: main: exceeded maximum template depth",
    );
    check(
        "{{ repeat 1000000000 \"x\" }}",
        "{}",
        "failed: Failed to execute template: template: main: error calling repeat: the template needs more than 256 MiB of memory",
    );
    let loops = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}";
    assert!(
        one(&format!("{{ template: {{ text: '{loops}' }} }}"), "{}")
            .starts_with("failed: Failed to execute template")
    );
}

#[test]
fn bad_templates_are_refused_at_start() {
    let refused = |template: &str| {
        let quoted = template.replace('\'', "''");
        let error = refusal(&format!("{{ template: {{ text: '{quoted}' }} }}"));
        error.rsplit("Failed to parse template: ").next().unwrap().to_owned()
    };
    assert_eq!(refused("{{ nope . }}"), "template: main:1: function \"nope\" not defined");
    assert_eq!(refused("x {{ .a"), "template: main:1: unclosed action");
    assert_eq!(refused("{{ if .a }}x"), "template: main:1: unexpected EOF");
    assert_eq!(refused("{{ end }}"), "template: main:1: unexpected {{end}}");
    assert_eq!(refused("{{ break }}"), "template: main:1: {{break}} outside {{range}}");
    assert!(refused(&"{{ if . }}".repeat(10_000)).ends_with("nested too deeply"));
    assert!(refused(&format!("{{{{ {} }}}}", "(".repeat(10_000))).ends_with("nested too deeply"));
    let taken = refusal("{ template: { functions: { upper: this } } }");
    assert!(taken.ends_with("can not redefine a predefined function named upper"));
}

#[test]
fn sprig_encrypts_derives_compares_and_takes_apart() {
    for (template, expected) in [
        (
            "{{ derivePassword 1 \"long\" \"password\" \"user\" \"example.com\" }} \
             {{ derivePassword 1 \"pin\" \"password\" \"user\" \"example.com\" }}",
            "ZedaFaxcZaso9* 6685",
        ),
        ("{{ encryptAES \"k\" .s | decryptAES \"k\" }}{{ encryptAES \"k\" \"\" }}", "Hello"),
        ("{{ htpasswd \"a:b\" \"x\" }}", "invalid username: a:b"),
        ("{{ htpasswd \"ann\" \"x\" | trunc 11 }}", "ann:$2a$10$"),
        ("{{ bcrypt .s | len }} {{ randAlphaNum 20 | len }} {{ randNumeric 5 | len }}", "60 20 5"),
        ("{{ regexMatch \"^[0-9]{8}$\" (randNumeric 8) }}", "true"),
        ("{{ $n := randInt 3 5 }}{{ and (ge $n 3) (lt $n 5) }}", "true"),
        ("{{ shuffle \"aaaa\" }} {{ randBytes 3 | len }} {{ randAscii 0 }}", "aaaa 4 "),
        ("{{ (semver \"v1.2.3-beta+x\").Minor }} {{ (semver \"1.2\").Patch }}", "2 0"),
        (
            "{{ semverCompare \"^1.2.0\" \"1.9.1\" }} {{ semverCompare \">=1.2 <1.5 || 3.x\" \"3.1.0\" }} \
             {{ semverCompare \"!=1.2.3\" \"1.2.3\" }} {{ semverCompare \"1.2 - 1.4\" \"1.3.0\" }} \
             {{ semverCompare \"1.2\" \"1.3.0\" }} {{ semverCompare \"~1.2.3\" \"v1.2.9\" }}",
            "true true false true false true",
        ),
        (
            "{{ $u := urlParse \"http://u:p@h.com:80/a/b?q=1#f\" }}{{ $u.host }} {{ $u.hostname }} \
             {{ $u.path }} {{ $u.query }} {{ $u.userinfo }} {{ urlJoin $u }}",
            "h.com:80 h.com /a/b q=1 u:p http://u:p@h.com:80/a/b?q=1#f",
        ),
        ("{{ push .l 3 }} {{ osBase \"/a/b.c\" }} {{ mustPush .l 4 | len }}", "[1 3] b.c 2"),
        ("{{ abbrevboth 5 10 \"1234 5678 9123\" }}", "...5678..."),
        (
            "{{ env \"SLUICE_NO_SUCH\" }}|{{ expandenv \"a$SLUICE_NO_SUCH-${SLUICE_NO_SUCH}b\" }}",
            "|a-b",
        ),
    ] {
        check(template, r#"{"s":"Hello","l":[1]}"#, expected);
    }
}

#[test]
fn sprig_refuses_what_does_not_fit() {
    for (template, expected) in [
        ("{{ semver \"x\" }}", "Invalid Semantic Version"),
        ("{{ semverCompare \"?\" \"1.0.0\" }}", "improper constraint: ?"),
        ("{{ derivePassword 1 \"odd\" \"p\" \"u\" \"s\" }}", "cannot find password template odd"),
        ("{{ decryptAES \"k\" \"AAAA\" }}", "the encrypted text is too short"),
        ("{{ randInt 3 3 }}", "the range is empty"),
        ("{{ bcrypt (repeat 73 \"x\") }}", "password length exceeds 72 bytes"),
    ] {
        let quoted = template.replace('\'', "''");
        let error = one(&format!("{{ template: {{ text: '{quoted}' }} }}"), "{}");
        assert!(error.starts_with("failed: "), "{template}: {error}");
        assert!(error.contains(expected), "{template}: {error}");
    }
}
