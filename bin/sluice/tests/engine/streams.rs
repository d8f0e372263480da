//! Streams mode: streams from files and over HTTP, in one process.

use serde_json::json;

use crate::support::{Place, Program};

const MAIN: &str = "
http: { address: '127.0.0.1:PORT' }
logger: { level: INFO }
shutdown_timeout: 10s
";

/// A stream that writes what it generates to a file.
fn generator(content: &str, file: &str) -> String {
    format!(
        "input: {{ generate: {{ interval: 10ms, mapping: root = \"{content}\" }} }}\n\
         output: {{ file: {{ path: {file}, codec: lines }} }}\n"
    )
}

fn start(place: &Place) -> Program<'_> {
    place.start(&["-c", "main.yaml", "streams"])
}

#[test]
fn streams_are_created_read_replaced_and_deleted_over_http() {
    let place = Place::with(&[("main.yaml", MAIN)]);
    let program = start(&place);
    program.get("/streams").is(200, "{}");
    program.ask("POST", "/streams/a", &generator("one", "a.txt")).is(200, "");
    program.writes("a.txt", "one\n");
    let list = program.get("/streams");
    assert_eq!(list.json("/a/active"), json!(true));
    assert!(list.json("/a/uptime").as_f64().unwrap() > 0.0);
    assert!(list.json("/a/uptime_str").as_str().unwrap().ends_with('s'));

    let again = program.ask("POST", "/streams/a", &generator("two", "a.txt"));
    again.is(400, "Stream already exists\n");
    program.ask("PUT", "/streams/a", &generator("two", "a.txt")).is(200, "");
    program.writes("a.txt", "two\n");
    let change = "input: { generate: { mapping: root = \"three\" } }";
    program.ask("PATCH", "/streams/a", change).is(200, "");
    program.writes("a.txt", "three\n");
    let read = program.get("/streams/a");
    assert_eq!(read.status, 200);
    assert_eq!(read.json("/config/input/generate/mapping"), json!("root = \"three\""));
    assert_eq!(read.json("/config/input/generate/interval"), json!("10ms"));

    let stats = program.get("/streams/a/stats");
    assert!(stats.json("/uptime_ns").as_u64().unwrap() > 0, "{stats:?}");
    assert!(stats.body.contains("input_received"), "{stats:?}");
    program.ask("DELETE", "/streams/a", "").is(200, "");
    program.ask("DELETE", "/streams/a", "").is(404, "Stream not found\n");
    program.get("/streams/a").is(404, "Stream not found\n");
    program.get("/streams/a/stats").is(404, "Stream not found\n");
    program.ask("PUT", "/streams/a", &generator("x", "a.txt")).is(404, "Stream not found\n");
    program.ask("DELETE", "/streams", "").is(400, "Error: method not supported\n");
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn bad_streams_are_refused_and_change_nothing() {
    let place = Place::with(&[("main.yaml", MAIN)]);
    let program = start(&place);
    let odd = "input: { generate: { mapping: root = 1, nope: 1 } }\noutput: { drop: {} }\n";
    let lints = program.ask("POST", "/streams/a", odd);
    assert_eq!(lints.status, 400);
    assert_eq!(lints.json("/lint_errors/0"), json!("(1,1) field nope not recognised"));
    program.ask("POST", "/streams/a?chilled=true", odd).is(200, "");
    let unreadable = program.ask("POST", "/streams/b", "input: [");
    assert_eq!(unreadable.status, 400);
    assert!(unreadable.body.starts_with("Error: "), "{unreadable:?}");
    let cannot_start = "input: { resource: missing }\noutput: { drop: {} }\n";
    let refused = program.ask("POST", "/streams/b", cannot_start);
    assert_eq!(refused.status, 502);
    assert!(refused.body.contains("input resource 'missing' was not found"), "{refused:?}");
    assert_eq!(program.get("/streams").json("/b"), json!(null));
    assert_eq!(program.get("/streams").json("/a/active"), json!(true));
    let unset = "input: { generate: { mapping: 'root = \"${NOT_SET_ANYWHERE}\"' } }\noutput: { drop: {} }\n";
    let unset = program.ask("POST", "/streams/c", unset);
    assert_eq!(unset.status, 400);
    assert!(unset.body.contains("required environment variables were not set: [NOT_SET_ANYWHERE]"));
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn the_whole_set_is_replaced_at_once() {
    let place = Place::with(&[("main.yaml", MAIN)]);
    let program = start(&place);
    let stream = |content: &str, file: &str| {
        json!({
            "input": { "generate": { "interval": "10ms", "mapping": format!("root = \"{content}\"") } },
            "output": { "file": { "path": file, "codec": "lines" } },
        })
    };
    let set = json!({ "a": stream("a1", "a.txt"), "b": stream("b1", "b.txt") });
    program.ask("POST", "/streams", &set.to_string()).is(200, "");
    program.writes("a.txt", "a1\n");
    program.writes("b.txt", "b1\n");
    let set = json!({ "b": stream("b2", "b.txt"), "c": stream("c1", "c.txt") });
    program.ask("POST", "/streams", &set.to_string()).is(200, "");
    program.writes("b.txt", "b2\n");
    program.writes("c.txt", "c1\n");
    let list = program.get("/streams");
    assert_eq!(list.json("/a"), json!(null));
    assert_eq!(list.json("/c/active"), json!(true));
    let bad = json!({ "d": { "input": { "generate": { "nope": 1, "mapping": "root = 1" } } } });
    let lints = program.ask("POST", "/streams", &bad.to_string());
    assert_eq!(lints.status, 400);
    assert_eq!(lints.json("/lint_errors/0"), json!("stream 'd': (1,1) field nope not recognised"));
    assert_eq!(program.get("/streams").json("/c/active"), json!(true));
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn streams_share_resources_that_are_replaced_over_http() {
    let resources =
        "processor_resources: [ { label: shout, mapping: root = content().uppercase() } ]\n";
    let stream = "
input: { generate: { interval: 10ms, mapping: root = \"word\" } }
pipeline: { processors: [ { resource: shout } ] }
output: { file: { path: out.txt, codec: lines } }
";
    let place = Place::with(&[
        ("main.yaml", MAIN),
        ("resources.yaml", resources),
        ("streams/of_file.yaml", stream),
    ]);
    let program = place.start(&["-c", "main.yaml", "-r", "resources.yaml", "streams", "streams"]);
    program.writes("out.txt", "WORD\n");
    let whisper = "mapping: root = content() + \"...\"";
    program.ask("POST", "/resources/processor/shout", whisper).is(200, "");
    program.writes("out.txt", "word...\n");
    let unknown = program.ask("POST", "/resources/walrus/shout", whisper);
    assert_eq!(unknown.status, 400);
    assert_eq!(program.ask("GET", "/resources/processor/shout", "").status, 400);
    let lints = program.ask("POST", "/resources/cache/c", "memory: { nope: 1 }");
    assert_eq!(lints.json("/lint_errors/0"), json!("(1,1) field nope not recognised"));
    program.ask("POST", "/resources/cache/c", "memory: {}").is(200, "");
    let user = "
input: { generate: { count: 1, mapping: root = \"kept\" } }
output: { cache: { target: c, key: k } }
";
    program.ask("POST", "/streams/user", user).is(200, "");
    program.until("its end", || {
        (program.get("/streams/user").json("/active") == json!(false)).then_some(())
    });
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn each_stream_has_endpoints_metrics_and_readiness_of_its_own() {
    let echo = "
input: { http_server: { path: /in } }
pipeline: { processors: [ { mapping: 'root = content().uppercase()' } ] }
output: { sync_response: {} }
";
    let place = Place::with(&[("main.yaml", MAIN), ("streams/echo.yaml", echo)]);
    let program = place.start(&["-c", "main.yaml", "streams", "streams/*.yaml"]);
    program.until("readiness", || (program.get("/ready").status == 200).then_some(()));
    program.ask("POST", "/echo/in", "hello").is(200, "HELLO");
    assert_eq!(program.ask("POST", "/in", "hello").status, 404);
    program.get("/echo/ready").is(200, "OK");
    assert_eq!(program.get("/none/ready").status, 404);
    program.get("/ping").is(200, "pong");
    let metrics = program.get("/metrics").body;
    let series = "input_received{label=\"\",path=\"root.input\",stream=\"echo\"} 1";
    assert!(metrics.contains(series), "{metrics}");
    assert!(program.get("/endpoints").body.contains("/echo/in"));
    let far = "
input: { http_client: { url: 'http://127.0.0.1:1/', stream: { enabled: true } } }
output: { drop: {} }
";
    program.ask("POST", "/streams/far", far).is(200, "");
    program.get("/ready").is(503, "stream 'far': input not connected\n");
    program.get("/far/ready").is(503, "input not connected\n");
    program.ask("DELETE", "/streams/far", "").is(200, "");
    program.get("/ready").is(200, "OK");
    program.ask("DELETE", "/streams/echo", "").is(200, "");
    assert!([404, 503].contains(&program.ask("POST", "/echo/in", "hello").status));
    assert!(!program.get("/metrics").body.contains("stream=\"echo\""));
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn endpoints_stand_without_a_prefix_and_the_api_is_away_when_asked() {
    let echo = "input: { http_server: { path: /in } }\noutput: { sync_response: {} }\n";
    let place = Place::with(&[("main.yaml", MAIN), ("streams/echo.yaml", echo)]);
    let arguments = ["--no-api", "--prefix-stream-endpoints=false", "streams"];
    let program = place.start(&[&["-c", "main.yaml", "streams"], &arguments[..]].concat());
    program.until("readiness", || (program.get("/ready").status == 200).then_some(()));
    program.ask("POST", "/in", "hello").is(200, "hello");
    assert_eq!(program.get("/streams").status, 404);
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn watched_files_start_replace_and_end_streams() {
    let place = Place::with(&[
        ("main.yaml", MAIN),
        ("streams/a.yaml", &generator("a1", "a.txt")),
        ("streams/z.yaml", &generator("z1", "z.txt")),
    ]);
    let program = place.start(&["-w", "-c", "main.yaml", "streams", "streams"]);
    program.writes("a.txt", "a1\n");
    place.write("streams/a.yaml", &generator("a2", "a.txt"));
    program.writes("a.txt", "a2\n");
    place.write("streams/a.yaml", "input: { generate: { mapping: root = 1, nope: 1 } }\n");
    program.says("Rejecting updated stream a config due to linter errors");
    assert_eq!(program.get("/streams").json("/a/active"), json!(true));
    place.write("streams/below/b.yaml", &generator("b1", "b.txt"));
    program.writes("b.txt", "b1\n");
    assert_eq!(program.get("/streams").json("/below_b/active"), json!(true));
    std::fs::remove_file(place.path("streams/z.yaml")).unwrap();
    program.until("the end of z", || program.get("/streams").json("/z").is_null().then_some(()));
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn watched_resources_and_mappings_reach_the_streams_that_use_them() {
    let resources = |suffix: &str| {
        format!(
            "processor_resources: [ {{ label: end, mapping: root = content() + \"{suffix}\" }} ]\n"
        )
    };
    let stream = "
input: { generate: { interval: 10ms, mapping: root = \"word\" } }
pipeline: { processors: [ { mapping: 'from \"./start.blobl\"' }, { resource: end } ] }
output: { file: { path: out.txt, codec: lines } }
";
    let place = Place::with(&[
        ("main.yaml", MAIN),
        ("resources.yaml", &resources("!")),
        ("start.blobl", "root = \"1 \" + content()"),
        ("streams/a.yaml", stream),
    ]);
    let program =
        place.start(&["-w", "-c", "main.yaml", "-r", "resources.yaml", "streams", "streams"]);
    program.writes("out.txt", "1 word!\n");
    place.write("resources.yaml", &resources("?"));
    program.writes("out.txt", "1 word?\n");
    place.write("start.blobl", "root = \"2 \" + content()");
    program.writes("out.txt", "2 word?\n");
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn a_bad_file_keeps_streams_from_starting() {
    let odd = "input: { generate: { mapping: root = 1, nope: 1 } }\n";
    let place = Place::with(&[("main.yaml", MAIN), ("streams/a.yaml", odd)]);
    let outcome = place.run(&["-c", "main.yaml", "streams", "streams"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(outcome.stdout.contains("field nope not recognised"), "{outcome:?}");
    let outcome = place.run(&["-c", "main.yaml", "streams", "nowhere"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
}
