//! `sluice blobl server`, over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Directory, program, read};

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let mut child = program()
            .args(["blobl", "server", "--no-open", "--host", "127.0.0.1", "--port", "0"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it is");
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        Self { child, port: port.unwrap_or_else(|| panic!("no address: {line}")) }
    }

    /// Status, head and body of an answer.
    fn ask(&self, head: &str, body: &[u8]) -> (u16, String, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let head = head.replace("PORT", &self.port.to_string());
        let length = body.len();
        let request = format!("{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        // Of a body that is too large only a part may be read.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").expect("there is an answer");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        (status.expect("there is a status"), head.to_ascii_lowercase(), body.to_owned())
    }

    fn get(&self, path: &str) -> (u16, String, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost:PORT"), b"")
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:PORT\r\n\
             Content-Type: application/json"
        );
        let (status, _, answer) = self.ask(&head, body.to_string().as_bytes());
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str(&answer).expect("it is JSON")
    }

    fn execute(&self, mapping: &str, input: &str) -> Value {
        self.post("/execute", &json!({ "mapping": mapping, "input": input }))
    }

    /// Ends it as Ctrl+C would.
    fn stop(mut self) -> bool {
        let pid = self.child.id().to_string();
        let kill = std::process::Command::new("kill").args(["-INT", &pid]).status();
        assert!(kill.expect("kill runs").success());
        self.child.wait().expect("it ends").success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_page_comes_with_all_it_needs() {
    let server = Server::start(&[]);
    let (status, head, page) = server.get("/");
    assert_eq!(status, 200);
    assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
    for part in page.split(['"', '\'']).filter(|part| part.starts_with('/')) {
        assert_eq!(server.get(part).0, 200, "{part}");
    }
    for elsewhere in ["http", "//"] {
        assert!(!page.contains(elsewhere), "the page refers to elsewhere: {page}");
    }
    let script = server.get("/playground.js").2;
    assert!(script.contains("from \"/bloblang.js\""));
    let grammar = server.get("/bloblang.js").2;
    assert!(grammar.contains("export function bloblang"));
    assert_eq!(server.get("/etc/passwd").0, 404);
    let words: Value = serde_json::from_str(&server.get("/words").2).expect("it is JSON");
    assert!(words["methods"].as_array().is_some_and(|all| all.len() > 150));
    let state: Value = serde_json::from_str(&server.get("/state").2).expect("it is JSON");
    let outcome = server.execute(
        state["mapping"].as_str().expect("a mapping"),
        state["input"].as_str().expect("an input"),
    );
    assert_eq!(outcome["mapping_error"], Value::Null);
    assert!(outcome["result"].as_str().is_some_and(|text| text.contains("\"total\": 28")));
    assert!(server.stop());
}

#[test]
fn mappings_run() {
    let server = Server::start(&[]);
    let outcome = server.execute("root.b = this.a + 1", r#"{"a":1}"#);
    assert_eq!(outcome["result"], "{\n  \"b\": 2\n}");
    assert_eq!((&outcome["parse_error"], &outcome["mapping_error"]), (&Value::Null, &Value::Null));
    let outcome = server.execute("root.b = this.a.uppercase()", r#"{"a":1}"#);
    assert_eq!(
        outcome["mapping_error"],
        "execution error: failed assignment (line 1): \
         expected string value, got number from field `this.a` (1)"
    );
    assert_eq!(outcome["result"], Value::Null);
    assert_eq!(
        server.execute("root = 1", "")["mapping_error"],
        "Input JSON string cannot be empty"
    );
    assert_eq!(server.execute("", "{}")["parse_error"], "Mapping string cannot be empty");
}

#[test]
fn what_is_wrong_has_its_place_in_units_of_the_browser() {
    let server = Server::start(&[]);
    let outcome = server.execute("root.a = \"😀\"\nroot.b = \"é😀\" + nope()", "{}");
    let text = outcome["parse_error"].as_str().expect("it is refused");
    assert!(text.starts_with("failed to parse mapping: "), "{text}");
    let problem = &outcome["problems"][0];
    assert_eq!((&problem["start"], &problem["end"]), (&json!(31), &json!(35)), "{problem}");
    assert_eq!(problem["code"], "unknown-function");
    assert_eq!(problem["line"], 2);
}

#[test]
fn the_page_is_helped() {
    let server = Server::start(&[]);
    let answer = server.post("/complete", &json!({ "mapping": "root = \"😀\".upp", "offset": 15 }));
    assert_eq!((&answer["start"], &answer["end"]), (&json!(12), &json!(15)));
    let labels = answer["items"].as_array().expect("a list").iter().map(|item| &item["label"]);
    assert!(labels.into_iter().any(|label| label == "uppercase"));
    let answer = server.post("/format", &json!({ "mapping": "root  =  1" }));
    assert_eq!(answer["formatted"], "root = 1\n");
    let answer = server.post("/format", &json!({ "mapping": "root  = " }));
    assert!(answer["parse_error"].is_string());
}

#[test]
fn other_pages_and_names_are_refused() {
    let server = Server::start(&[]);
    let body = json!({ "mapping": "root = 1", "input": "{}" }).to_string();
    let status = |headers: &str| {
        server.ask(&format!("POST /execute HTTP/1.1\r\n{headers}"), body.as_bytes()).0
    };
    assert_eq!(status("Host: 127.0.0.1:PORT"), 200, "a program is no page");
    assert_eq!(status("Host: evil.example:PORT"), 403);
    assert_eq!(status("Host: 127.0.0.1:PORT\r\nOrigin: http://evil.example"), 403);
    assert_eq!(status("Host: 127.0.0.1:PORT\r\nOrigin: null"), 403);
    assert_eq!(status("Host: 127.0.0.1:PORT\r\nSec-Fetch-Site: cross-site"), 403);
    let get = |headers: &str| server.ask(&format!("GET /state HTTP/1.1\r\n{headers}"), b"").0;
    assert_eq!(get("Host: evil.example:PORT"), 403);
}

#[test]
fn requests_are_bounded_and_the_machine_is_out_of_reach() {
    let server = Server::start(&[]);
    let head = "POST /execute HTTP/1.1\r\nHost: 127.0.0.1:PORT";
    assert_eq!(server.ask(head, &vec![b' '; 5 * 1024 * 1024]).0, 413);
    assert_eq!(server.ask(head, b"no json").0, 400);
    assert_eq!(server.ask("PUT /execute HTTP/1.1\r\nHost: 127.0.0.1:PORT", b"").0, 405);
    let long = "#".repeat(1024 * 1024 + 1);
    assert!(server.execute(&long, "{}")["mapping_error"].is_string());
    for call in ["env(\"HOME\")", "file(\"/etc/hostname\")", "file_rel(\"x\")", "hostname()"] {
        let outcome = server.execute(&format!("root = {call}"), "{}");
        let refused =
            outcome["parse_error"].as_str().is_some_and(|text| text.contains("no function"));
        assert!(refused, "{call}: {outcome}");
    }
}

#[test]
fn files_are_loaded_and_written_back() {
    let directory = Directory::new();
    directory.write("maps.blobl", "map twice { root = this * 2 }\n");
    let mapping = directory.write("m.blobl", "import \"maps.blobl\"\nroot = 1\n");
    let input = directory.path("new.json");
    let server = Server::start(&["-m", &mapping, "-i", &input, "--write"]);
    let state: Value = serde_json::from_str(&server.get("/state").2).expect("it is JSON");
    assert_eq!(state["mapping"], "import \"maps.blobl\"\nroot = 1\n");
    let changed = "import \"maps.blobl\"\nroot = this.apply(\"twice\")\n";
    assert_eq!(server.execute(changed, "4")["result"], "8");
    let began = Instant::now();
    while !std::path::Path::new(&input).exists() && began.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!((read(&mapping), read(&input)), (changed.into(), "4".into()));
    server.execute(changed, "5");
    assert!(server.stop(), "what changed last is written at the end");
    assert_eq!(read(&input), "5");
}

#[test]
fn without_write_files_stay_and_must_exist() {
    let directory = Directory::new();
    let mapping = directory.write("m.blobl", "root = 1\n");
    let server = Server::start(&["-m", &mapping]);
    server.execute("root = 2", "{}");
    assert!(server.stop());
    assert_eq!(read(&mapping), "root = 1\n");
    let ran = crate::support::blobl(&["server", "-n", "-p", "0", "-i", &directory.path("no")], "");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("cannot read"), "{}", ran.err);
}
