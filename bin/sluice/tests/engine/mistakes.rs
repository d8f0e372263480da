//! Documents with many mistakes: all of them are told at once, each with its place.

use crate::support::Place;

/// One of each kind.
const CONFIG: &str = "\
input:
  label: Bad Label
  generate:
    count: many
    interval: 1s
    mapping: root = this.
    colour: red
pipeline:
  threads: plenty
  processors:
    - log: {}
      noop: {}
    - archive:
        path: x
    - switch:
        - processors:
            - maping: root = 1
output:
  drop: {}
cache_resources:
  - label: c
    memory: { default_ttl: x }
";

const SHAPE: &str = "field 'pipeline': field 'threads': \
                     yaml: line 9: cannot read !!str `plenty` as int";
const LABEL: &str = "invalid label 'Bad Label': should match the regular expression \
                     /^[a-z0-9_]+$/ and must not start with an underscore";

#[test]
fn lint_tells_everything_at_once() {
    let place = Place::with(&[("config.yaml", CONFIG)]);
    let told = place.run(&["lint", "config.yaml"]);
    assert_eq!((told.code, told.stdout.as_str()), (1, ""));
    let lines: Vec<&str> = told.stderr.lines().collect();
    let expected = [
        &format!("(1,1) {SHAPE}"),
        "(11,7) unable to infer processor type, multiple candidates 'log' and 'noop'",
        "(6,27) required: expected method or field path, but reached end of input",
        "(7,1) field colour not recognised",
        &format!("(2,1) {LABEL}"),
        "(14,1) field format is required",
        "(17,1) unable to infer component type",
        "(4,12) expected int value",
        "(22,28) time: invalid duration \"x\"",
    ]
    .map(|line| format!("config.yaml{line}"));
    assert_eq!(lines, expected);
}

#[test]
fn lint_tells_true_places_and_paths_as_json() {
    let place = Place::with(&[("config.yaml", CONFIG)]);
    let told = place.run(&["lint", "--format", "json", "config.yaml"]);
    assert_eq!((told.code, told.stderr.as_str()), (1, ""));
    let findings: Vec<serde_json::Value> = serde_json::from_str(&told.stdout).unwrap();
    let places: Vec<String> = findings
        .iter()
        .map(|it| format!("{}:{} {}", it["line"], it["column"], it["path"].as_str().unwrap()))
        .collect();
    assert_eq!(
        places,
        [
            "9:12 pipeline.threads",
            "11:7 pipeline.processors.0",
            "6:26 input.generate.mapping",
            "7:5 input.generate.colour",
            "2:10 input.label",
            "14:9 pipeline.processors.1.archive.format",
            "17:15 pipeline.processors.2.switch.0.processors.0",
            "4:12 input.generate.count",
            "22:28 cache_resources.0.memory.default_ttl",
        ]
    );
    assert_eq!(findings[6]["hint"], "did you mean mapping?");
}

#[test]
fn run_tells_everything_at_once_with_paths() {
    let place = Place::with(&[("config.yaml", CONFIG)]);
    let told = place.run(&["-c", "config.yaml"]);
    assert_eq!(told.code, 1);
    let lines: Vec<&str> = told.stderr.lines().collect();
    assert_eq!(lines[0], format!("Configuration file read error: config.yaml: {SHAPE}"));
    assert_eq!(
        lines[1..],
        [
            "(11,7) pipeline.processors.0: unable to infer processor type, multiple candidates \
             'log' and 'noop'",
            "(6,26) input.generate.mapping: required: expected method or field path, but reached \
             end of input",
            "(7,5) input.generate.colour: field colour not recognised",
            &format!("(2,10) input.label: {LABEL}"),
            "(14,9) pipeline.processors.1.archive.format: field format is required",
            "(4,12) input.generate.count: expected int value",
            "(17,15) pipeline.processors.2.switch.0.processors.0: unable to infer processor type \
             from candidates: [maping] (did you mean mapping?)",
            "(22,28) cache_resources.0.memory.default_ttl: time: invalid duration \"x\" (a number \
             with a unit, such as 500ms, 5s or 1h30m)",
        ]
        .map(|line| format!("config.yaml{line}"))
    );
}

#[test]
fn what_the_linter_lets_pass_is_told_by_run_all_at_once() {
    let config = "\
input:
  generate: { count: many, mapping: root = 1 }
pipeline:
  processors:
    - try:
        - sleep: { duration: 1s }
        - compress: { algorithm: gzip, level: high }
    - split: { size: one }
output:
  label: out
  broker:
    copies: some
    outputs:
      - what: {}
";
    let place = Place::with(&[("config.yaml", config)]);
    let told = place.run(&["-c", "config.yaml"]);
    assert_eq!(told.code, 1);
    for expected in [
        "failed to init input <no label> path root.input: (2,22) input.generate.count: expected int",
        "failed to init processor <no label> path root.pipeline.processors.0.try.1: (7,47) \
         pipeline.processors.0.try.1.compress.level: expected int",
        "failed to init processor <no label> path root.pipeline.processors.1: (8,22) \
         pipeline.processors.1.split.size: expected int",
        "failed to init output out path root.output: (12,13) output.broker.copies: expected int",
        "failed to init output <no label> path root.output.broker.outputs.0: (14,9) \
         output.broker.outputs.0: unable to infer output type from candidates: [what]",
    ] {
        let all = format!("{}{}", told.stdout, told.stderr);
        assert!(all.contains(expected), "no {expected:?} in\n{all}");
    }
}

#[test]
fn wrong_types_alone_are_errors_of_lint_when_asked_for() {
    let config = "input: { generate: { count: many, mapping: root = 1 } }\noutput: { drop: {} }\n";
    let place = Place::with(&[("config.yaml", config)]);
    let quiet = place.run(&["lint", "config.yaml"]);
    assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (0, "", ""));
    let strict = place.run(&["lint", "--types", "config.yaml"]);
    assert_eq!(
        (strict.code, strict.stderr.as_str()),
        (1, "config.yaml(1,29) expected int value\n")
    );
    let listed = place.run(&["lint", "--format", "json", "config.yaml"]);
    assert_eq!(listed.code, 0);
    assert!(listed.stdout.contains("\"level\":\"warning\""), "{}", listed.stdout);
}

#[test]
fn streams_mode_tells_the_mistakes_of_all_files() {
    let good = "input: { generate: { mapping: root = 1 } }\noutput: { drop: {} }\n";
    let place = Place::with(&[
        ("main.yaml", "http: { address: '127.0.0.1:PORT' }\n"),
        ("streams/a.yaml", CONFIG.split("cache_resources").next().unwrap()),
        ("streams/b.yaml", "input: { stdin: { codec: 1, wat: 1 } }\n"),
        ("streams/c.yaml", &good.replace("root = 1", "'root = 1', count: x")),
    ]);
    let told = place.run(&["-c", "main.yaml", "streams", "streams"]);
    assert_eq!(told.code, 1);
    let all = format!("{}{}", told.stdout, told.stderr);
    for expected in [
        "plenty",
        "multiple candidates 'log' and 'noop'",
        "Bad Label",
        "(4,12) input.generate.count: expected int",
        "streams/b.yaml(1,1) field wat not recognised",
        "Failed to create stream (c): failed to init input <no label> path root.input: (1,50) \
         input.generate.count: expected int",
    ] {
        assert!(all.contains(expected), "no {expected:?} in\n{all}");
    }
}

#[test]
fn the_api_of_streams_mode_tells_everything_at_once() {
    let place = Place::with(&[("main.yaml", "http: { address: '127.0.0.1:PORT' }\n")]);
    let program = place.start(&["-c", "main.yaml", "streams"]);
    let document = CONFIG.split("cache_resources").next().unwrap();
    let reply = program.ask("POST", "/streams/a", document);
    assert_eq!(reply.status, 400);
    let lines = reply.json("/lint_errors");
    let lines = lines.as_array().unwrap();
    assert_eq!(lines.len(), 8, "{lines:#?}");
    assert_eq!(lines[7], "(4,12) input.generate.count: expected int value");
    // One mistake is answered as ever.
    let one = program.ask("POST", "/streams/a", "input: { what: {} }");
    let text = "Error: (1,1) unable to infer input type from candidates: [what]\n";
    one.is(400, text);
    let types = "input: { generate: { mapping: root = 1, count: x } }\noutput: { drop: {} }\n";
    let reply = program.ask("POST", "/streams/a", types);
    assert_eq!(reply.status, 502, "{reply:?}");
    assert!(reply.body.contains("input.generate.count: expected int value"), "{reply:?}");
    assert_eq!(program.stop(), Some(0));
}
