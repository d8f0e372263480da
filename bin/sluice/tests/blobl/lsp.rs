//! `sluice lsp`, spoken to as editors do.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::support::{Directory, program};

const URI: &str = "file:///somewhere/m.blobl";

struct Editor {
    child: Child,
    /// Closed when the editor goes away.
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    last_id: i64,
}

impl Editor {
    fn start(capabilities: &Value) -> (Self, Value) {
        let mut child = program()
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut editor = Self { child, to, from, last_id: 0 };
        let params = json!({ "processId": null, "rootUri": null, "capabilities": capabilities });
        let answer = editor.ask("initialize", params);
        editor.tell("initialized", json!({}));
        (editor, answer)
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let to = self.to.as_mut().expect("it is open");
        write!(to, "Content-Length: {}\r\n\r\n{text}", text.len()).expect("it reads");
        to.flush().expect("it reads");
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.from.read_line(&mut line).expect("it answers");
            match line.trim().split_once(": ") {
                Some(("Content-Length", value)) => length = value.parse().expect("a number"),
                Some(_) => {}
                None => break,
            }
        }
        let mut content = vec![0; length];
        self.from.read_exact(&mut content).expect("all of it comes");
        serde_json::from_slice(&content).expect("it is JSON")
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The answer to a request, all of it.
    fn ask_for_all(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let answer = self.receive();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let mut answer = self.ask_for_all(method, params);
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].take()
    }

    /// Opens a document and says what is wrong with it.
    fn open(&mut self, uri: &str, language: &str, text: &str) -> Vec<Value> {
        let document = json!({ "uri": uri, "languageId": language, "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
        self.problems(uri)
    }

    fn change(&mut self, uri: &str, text: &str) -> Vec<Value> {
        let params = json!({
            "textDocument": { "uri": uri, "version": 2 },
            "contentChanges": [{ "text": text }],
        });
        self.tell("textDocument/didChange", params);
        self.problems(uri)
    }

    fn problems(&mut self, uri: &str) -> Vec<Value> {
        let message = self.receive();
        assert_eq!(message["method"], "textDocument/publishDiagnostics");
        assert_eq!(message["params"]["uri"], uri);
        message["params"]["diagnostics"].as_array().expect("a list").clone()
    }

    fn at(&mut self, method: &str, uri: &str, line: u32, character: u32) -> Value {
        let place = json!({
            "textDocument": { "uri": uri },
            "position": { "line": line, "character": character },
        });
        self.ask(method, place)
    }

    fn stop(mut self) {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn range(line: u32, start: u32, end: u32) -> Value {
    json!({ "start": { "line": line, "character": start }, "end": { "line": line, "character": end } })
}

fn labels(completion: &Value) -> Vec<&str> {
    let items = completion.as_array().expect("a list");
    items.iter().map(|item| item["label"].as_str().expect("a text")).collect()
}

#[test]
fn mistakes_are_marked_and_go_away() {
    let (mut editor, answer) = Editor::start(&json!({}));
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
    assert_eq!(answer["serverInfo"]["name"], "sluice");
    // An emoji is two units of UTF-16, and four bytes.
    let text = "root.a = \"😀\".uppercas()\nroot.b = 1\nroot.c = nope()\n";
    let problems = editor.open(URI, "bloblang", text);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(problems[0]["range"], range(0, 14, 22));
    assert_eq!(problems[0]["code"], "unknown-method");
    assert_eq!(problems[0]["severity"], 1);
    let message = problems[0]["message"].as_str().expect("a text");
    assert!(message.contains("did you mean `uppercase`?"), "{message}");
    assert_eq!(problems[1]["range"], range(2, 9, 13));
    assert_eq!(editor.change(URI, "root.a = 1\n"), Vec::<Value>::new());
    editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": URI } }));
    assert_eq!(editor.problems(URI), Vec::<Value>::new());
    editor.stop();
}

#[test]
fn editors_that_count_bytes_may() {
    let (mut editor, answer) =
        Editor::start(&json!({ "general": { "positionEncodings": ["utf-8", "utf-16"] } }));
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-8");
    let problems = editor.open(URI, "bloblang", "root.a = \"😀\".uppercas()\n");
    assert_eq!(problems[0]["range"], range(0, 16, 24));
    editor.stop();
}

#[test]
fn words_are_explained_and_lead_to_their_definition() {
    let (mut editor, _) = Editor::start(&json!({}));
    editor.open(URI, "bloblang", "let x = \"😀\"\nroot = \"😀\" + $x.uppercase()\n");
    let hover = editor.at("textDocument/hover", URI, 1, 18);
    assert_eq!(hover["contents"]["kind"], "markdown");
    assert!(hover["contents"]["value"].as_str().is_some_and(|it| it.contains(".uppercase()")));
    assert_eq!(hover["range"], range(1, 17, 26));
    assert_eq!(editor.at("textDocument/hover", URI, 1, 9), Value::Null);
    let place = editor.at("textDocument/definition", URI, 1, 15);
    assert_eq!(place, json!({ "uri": URI, "range": range(0, 4, 5) }));
    editor.stop();
}

#[test]
fn what_could_follow_is_offered() {
    let snippets = json!({ "textDocument": { "completion": { "completionItem": { "snippetSupport": true } } } });
    let (mut editor, _) = Editor::start(&snippets);
    editor.open(URI, "bloblang", "let total = 1\nroot.a = \"😀\".rep\nroot.b = ra\n");
    let methods = editor.at("textDocument/completion", URI, 1, 17);
    let repeat = methods.as_array().and_then(|all| all.iter().find(|it| it["label"] == "repeat"));
    let repeat = repeat.expect("it is a method");
    assert_eq!(repeat["textEdit"], json!({ "newText": "repeat($0)", "range": range(1, 14, 17) }));
    assert_eq!(repeat["detail"], ".repeat(count: integer)");
    assert_eq!(repeat["insertTextFormat"], 2);
    let names = editor.at("textDocument/completion", URI, 2, 11);
    let names = labels(&names);
    for label in ["$total", "range", "this", "match"] {
        assert!(names.contains(&label), "{label}: {names:?}");
    }
    editor.stop();
    let (mut editor, _) = Editor::start(&json!({}));
    editor.open(URI, "bloblang", "root.a = this.rep\n");
    let methods = editor.at("textDocument/completion", URI, 0, 17);
    let repeat = methods.as_array().and_then(|all| all.iter().find(|it| it["label"] == "repeat"));
    assert_eq!(repeat.expect("it is a method")["textEdit"]["newText"], "repeat()");
    editor.stop();
}

#[test]
fn the_call_being_written_is_shown() {
    let (mut editor, _) = Editor::start(&json!({}));
    editor.open(URI, "bloblang", "root.a = \"😀\".replace_all(\"a\", )\n");
    let help = editor.at("textDocument/signatureHelp", URI, 0, 31);
    assert_eq!(help["signatures"][0]["label"], ".replace_all(old: string, new: string)");
    assert_eq!(help["activeParameter"], 1);
    assert_eq!(editor.at("textDocument/signatureHelp", URI, 0, 4), Value::Null);
    editor.stop();
}

#[test]
fn mappings_are_formatted() {
    let (mut editor, _) = Editor::start(&json!({}));
    let params = |uri: &str| json!({ "textDocument": { "uri": uri }, "options": { "tabSize": 2, "insertSpaces": true } });
    editor.open(URI, "bloblang", "root.a   =  \"😀\"\nroot.b =    1");
    let edits = editor.ask("textDocument/formatting", params(URI));
    let whole =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 1, "character": 13 } });
    let new_text = "root.a = \"😀\"\nroot.b = 1\n";
    assert_eq!(edits, json!([{ "range": whole, "newText": new_text }]));
    editor.change(URI, new_text);
    assert_eq!(editor.ask("textDocument/formatting", params(URI)), json!([]));
    editor.change(URI, "root =");
    assert_eq!(editor.ask("textDocument/formatting", params(URI)), Value::Null);
    editor.stop();
}

#[test]
fn mappings_inside_yaml_are_served_in_their_place() {
    let (mut editor, _) = Editor::start(&json!({}));
    let uri = "file:///somewhere/config.yaml";
    let text = "pipeline:\n  processors:\n    - mapping: |\n        root.a = \"😀\".nope()\n        root.b = this.x.\n    - log: {}\n";
    let problems = editor.open(uri, "yaml", text);
    assert_eq!(problems[0]["range"]["start"], json!({ "line": 3, "character": 22 }));
    let methods = editor.at("textDocument/completion", uri, 4, 24);
    assert!(labels(&methods).contains(&"uppercase"));
    assert_eq!(editor.at("textDocument/completion", uri, 5, 6), Value::Null);
    // What environment variables hold is not known here.
    let variables = "a:\n  mapping: |\n    root = ${NAME}\n";
    assert_eq!(editor.change(uri, variables), Vec::<Value>::new());
    editor.stop();
}

#[test]
fn imports_are_read_beside_the_document() {
    let directory = Directory::new();
    directory.write("maps.blobl", "map twice { root = this * 2 }\n");
    let (mut editor, _) = Editor::start(&json!({}));
    let uri = format!("file://{}", directory.path("a%20b.blobl"));
    let mapping = "import \"./maps.blobl\"\nroot = this.apply(\"twice\")\n";
    assert_eq!(editor.open(&uri, "bloblang", mapping), Vec::<Value>::new());
    let problems = editor.change(&uri, "import \"./none.blobl\"\nroot = 1\n");
    assert_eq!(problems[0]["code"], "import");
    assert_eq!(problems[0]["range"], range(0, 7, 21));
    editor.stop();
}

#[test]
fn what_is_not_known_is_refused_and_no_harm() {
    let (mut editor, _) = Editor::start(&json!({}));
    let answer = editor.ask_for_all("textDocument/rename", json!({}));
    assert_eq!(answer["error"]["code"], -32601);
    let answer = editor.ask_for_all("textDocument/hover", json!({ "wrong": 1 }));
    assert_eq!(answer["error"]["code"], -32602);
    editor.tell("textDocument/didOpen", json!({ "wrong": 1 }));
    assert_eq!(editor.at("textDocument/hover", "file:///not/open.blobl", 0, 0), Value::Null);
    editor.open(URI, "bloblang", "root = 1\n");
    // Far behind the end.
    assert_eq!(editor.at("textDocument/hover", URI, 99, 99), Value::Null);
    editor.stop();
}

#[test]
fn an_editor_that_goes_away_ends_the_server() {
    let (mut editor, _) = Editor::start(&json!({}));
    editor.to = None; // closing the pipe is all that a crashed editor does
    let status = editor.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(1));
}
