//! Endpoints for whoever looks for a fault.

use crate::support::Place;

const MAIN: &str = "
http: { address: '127.0.0.1:PORT', debug_endpoints: true }
input: { http_server: { path: /in, timeout: 7s } }
output: { http_client: { url: 'http://127.0.0.1:1', oauth: { consumer_secret: hush } } }
";

#[test]
fn a_stream_shows_its_configuration_without_secrets_and_its_threads() {
    let place = Place::with(&[("config.yaml", MAIN)]);
    let program = place.start(&["-c", "config.yaml"]);
    let config = program.get("/debug/config/json");
    assert_eq!(config.status, 200);
    assert_eq!(config.json("/input/http_server/timeout"), "7s");
    assert!(!config.body.contains("hush"), "{config:?}");
    let config = program.get("/debug/config/yaml");
    assert!(config.body.contains("timeout: 7s") && !config.body.contains("hush"), "{config:?}");
    let stack = program.get("/debug/stack");
    assert_eq!(stack.status, 200);
    assert!(stack.body.starts_with("runtime: "), "{stack:?}");
    assert!(stack.body.contains("tokio"), "{stack:?}");
    program.stop();
}

#[test]
fn profiles_of_go_are_refused_with_what_to_use() {
    let main = "http: { address: '127.0.0.1:PORT', debug_endpoints: true }\n";
    let place = Place::with(&[("config.yaml", main)]);
    let program = place.start(&["-c", "config.yaml", "streams"]);
    for name in ["profile", "heap", "block", "mutex", "symbol", "trace", "goroutine", "allocs"] {
        let reply = program.get(&format!("/debug/pprof/{name}"));
        assert_eq!(reply.status, 501, "{reply:?}");
        assert!(reply.body.contains("Use: "), "{reply:?}");
    }
    assert_eq!(program.get("/debug/config/json").status, 200);
    assert_eq!(program.get("/debug/stack").status, 200);
    program.stop();
    let silent = Place::with(&[("config.yaml", "http: { address: '127.0.0.1:PORT' }\n")]);
    let program = silent.start(&["-c", "config.yaml", "streams"]);
    assert_eq!(program.get("/debug/stack").status, 404);
    program.stop();
}
