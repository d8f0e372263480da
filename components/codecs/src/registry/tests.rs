//! Both processors against a server that speaks the registry's protocol.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sluice_engine::wiring::Step;
use sluice_engine::{Registry, Scope};
use sluice_message::{Batch, Message};
use sluice_testkit::{batch, contents, environment};
use sluice_value::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A registry that answers what a test says, and remembers what it was asked.
#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<HashMap<String, (u16, String)>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts the server and returns its URL.
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        match stream.read_u8().await {
                            Ok(byte) => request.push(byte),
                            Err(_) => return,
                        }
                    }
                    let request = String::from_utf8(request).unwrap();
                    let path = request.split(' ').nth(1).unwrap().to_owned();
                    server.requests.lock().unwrap().push(request);
                    let answer = server.answers.lock().unwrap().get(&path).cloned();
                    let (status, body) = answer.unwrap_or((404, "{\"error_code\":40403}".into()));
                    let length = body.len();
                    let head = format!(
                        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                    );
                    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                });
            }
        });
        url
    }

    fn answer(&self, path: &str, status: u16, body: &str) {
        self.answers.lock().unwrap().insert(path.to_owned(), (status, body.to_owned()));
    }

    /// Registers a schema under a number and as the latest and first version of a subject.
    fn register(&self, id: u32, subject: &str, kind: &str, schema: &str, references: &str) {
        let schema = Value::from(schema).to_string();
        let body = format!(
            r#"{{"subject":"{subject}","version":1,"id":{id},"schemaType":"{kind}","schema":{schema},"references":{references}}}"#
        );
        for path in [
            format!("/schemas/ids/{id}"),
            format!("/subjects/{subject}/versions/latest"),
            format!("/subjects/{subject}/versions/1"),
        ] {
            self.answer(&path, 200, &body);
        }
    }

    fn asked(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

fn step(block: &str) -> Step {
    let mut registry = Registry::default();
    crate::register(&mut registry);
    let scope = Scope::root(environment(registry));
    scope.processor(&sluice_config::parse(block).unwrap()).unwrap()
}

async fn run(step: &Step, batch: Batch) -> Batch {
    step.process(batch).await.into_iter().next().unwrap()
}

#[track_caller]
fn failure(message: &Message) -> &str {
    &message.failure().expect("it did not fail").message
}

const ITEM: &str = r#"{"type":"record","name":"Item","namespace":"shop","fields":[
    {"name":"name","type":"string"},{"name":"size","type":["null","Size"],"default":null}]}"#;
const SIZE: &str = r#"{"type":"enum","name":"Size","namespace":"shop","symbols":["S","L"]}"#;

#[tokio::test]
async fn avro_messages_go_there_and_back() {
    let server = Server::default();
    let url = server.start().await;
    server.register(7, "size", "AVRO", SIZE, "[]");
    let reference = r#"[{"name":"shop.Size","subject":"size","version":1}]"#;
    server.register(515, "items", "AVRO", ITEM, reference);
    let encode = step(&format!("schema_registry_encode: {{ url: '{url}/', subject: items }}"));
    let decode = step(&format!("schema_registry_decode: {{ url: '{url}' }}"));

    let document = r#"{"name":"pen","size":{"shop.Size":"L"}}"#;
    let encoded = run(&encode, batch(&[document, r#"{"name":"cap"}"#, r#"{"nope":1}"#])).await;
    assert_eq!(&encoded[0].bytes()[..], b"\0\0\0\x02\x03\x06pen\x02\x02");
    assert!(failure(&encoded[2]).contains("cannot determine codec"));
    let asked = server.asked();
    let decoded = run(&decode, encoded.iter().take(2).cloned().collect()).await;
    assert_eq!(contents(&decoded), [document, r#"{"name":"cap","size":null}"#]);
    run(&decode, encoded).await;
    assert_eq!(server.asked(), asked + 2, "schemas are kept");

    let raw = step(&format!(
        "schema_registry_encode: {{ url: '{url}', subject: '${{! json(\"to\") }}', avro_raw_json: true }}"
    ));
    let failed = run(&raw, batch(&[r#"{"to":"a/b"}"#])).await;
    assert_eq!(failure(&failed[0]), "schema subject 'a/b' not found by registry");
    assert!(
        server
            .requests
            .lock()
            .unwrap()
            .last()
            .unwrap()
            .starts_with("GET /subjects/a%2Fb/versions/latest ")
    );
    let raw = step(&format!(
        "schema_registry_encode: {{ url: '{url}', subject: items, avro_raw_json: true }}"
    ));
    let encoded = run(&raw, batch(&[r#"{"name":"pen","size":"L"}"#])).await;
    assert_eq!(&encoded[0].bytes()[..], b"\0\0\0\x02\x03\x06pen\x02\x02");
}

#[tokio::test]
async fn json_messages_are_checked() {
    let server = Server::default();
    let url = server.start().await;
    server.register(
        3,
        "j",
        "JSON",
        r#"{"required":["n"],"properties":{"n":{"type":"integer"}}}"#,
        "[]",
    );
    let encode = step(&format!("schema_registry_encode: {{ url: '{url}', subject: j }}"));
    let encoded = run(&encode, batch(&[r#"{ "n":1 }"#, r#"{"n":"x"}"#])).await;
    assert_eq!(&encoded[0].bytes()[..], b"\0\0\0\0\x03{ \"n\":1 }");
    assert_eq!(
        failure(&encoded[1]),
        "json message does not conform to schema: [n: Invalid type. Expected: integer, given: string]"
    );
    let decode = step(&format!("schema_registry_decode: {{ url: '{url}' }}"));
    let decoded = run(&decode, encoded.into_iter().take(1).collect()).await;
    assert_eq!(contents(&decoded), [r#"{ "n":1 }"#]);
}

#[cfg(feature = "protobuf")]
#[tokio::test]
async fn protobuf_messages_name_themselves_in_their_schema() {
    let server = Server::default();
    let url = server.start().await;
    let schema = r#"syntax = "proto3"; package p; import "part.proto";
        message A { string a = 1; message In { int32 i = 1; } }
        message B { Part b = 1; }"#;
    server.register(
        1,
        "part",
        "PROTOBUF",
        r#"syntax = "proto3"; package p; message Part { int32 n = 1; }"#,
        "[]",
    );
    server.register(
        2,
        "p",
        "PROTOBUF",
        schema,
        r#"[{"name":"part.proto","subject":"part","version":1}]"#,
    );
    let encode = step(&format!("schema_registry_encode: {{ url: '{url}', subject: p }}"));
    let documents = [r#"{"a":"x"}"#, r#"{"b":{"n":5}}"#, r#"{"a":"y"}"#];
    let encoded = run(&encode, batch(&documents)).await;
    assert_eq!(&encoded[0].bytes()[..], b"\0\0\0\0\x02\0\x0a\x01x");
    assert_eq!(&encoded[1].bytes()[..], b"\0\0\0\0\x02\x02\x02\x0a\x02\x08\x05");
    let decode = step(&format!("schema_registry_decode: {{ url: '{url}' }}"));
    let nested = Message::from_bytes(&b"\0\0\0\0\x02\x04\0\0\x08\x07"[..]);
    let decoded = run(&decode, encoded.into_iter().chain([nested]).collect()).await;
    assert_eq!(contents(&decoded)[..3], documents);
    assert_eq!(contents(&decoded)[3], r#"{"i":7}"#);
    let broken: [&[u8]; 4] = [
        b"\0\0\0\0\x02",
        b"\0\0\0\0\x02\x02\x7e",
        b"\0\0\0\0\x02\xfe\xff\xff\x0f",
        b"\0\0\0\0\x02\0\xff",
    ];
    let broken = broken.map(Message::from_bytes).into_iter().collect();
    let failed = run(&decode, broken).await;
    assert!(failed.iter().all(|message| message.failure().is_some()));
}

#[tokio::test]
async fn what_cannot_be_decoded_stays_what_it_is() {
    let server = Server::default();
    let url = server.start().await;
    server.register(1, "s", "AVRO", r#""string""#, "[]");
    server.answer("/schemas/ids/2", 500, "boom\n");
    server.answer("/schemas/ids/3", 200, r#"{"schemaType":"XML","schema":""}"#);
    server.answer("/schemas/ids/4", 200, r#"{"schema":"{"}"#);
    server.answer("/schemas/ids/5", 200, "");
    let messages: [(&[u8], &str); 8] = [
        (b"", "message is empty"),
        (b"\0\0\0", "message is too short"),
        (b"{}", "serialization format version number 123 not supported"),
        (b"\0\0\0\0\x09", "schema '9' not found by registry"),
        (b"\0\0\0\0\x02", "request failed for schema '2': status code 500: boom"),
        (b"\0\0\0\0\x03", "schema type XML not supported"),
        (b"\0\0\0\0\x04", "cannot unmarshal schema JSON"),
        (b"\0\0\0\0\x01\xff", "short buffer"),
    ];
    let decode = step(&format!("schema_registry_decode: {{ url: '{url}' }}"));
    let sent: Batch = messages.iter().map(|(content, _)| Message::from_bytes(*content)).collect();
    let failed = run(&decode, sent).await;
    for (message, (content, problem)) in failed.iter().zip(messages) {
        assert!(failure(message).contains(problem), "{} is not {problem}", failure(message));
        assert_eq!(message.bytes(), content);
    }
}

#[tokio::test]
async fn requests_are_signed_and_schemas_refreshed() {
    let server = Server::default();
    let url = server.start().await;
    server.register(1, "s", "AVRO", r#""string""#, "[]");
    let encode = step(&format!(
        "schema_registry_encode: {{ url: '{url}', subject: s, refresh_period: 1ms, \
         basic_auth: {{ enabled: true, username: u, password: p }} }}"
    ));
    let first = run(&encode, batch(&[r#""x""#])).await;
    assert_eq!(&first[0].bytes()[..], b"\0\0\0\0\x01\x02x");
    let request = server.requests.lock().unwrap()[0].to_lowercase();
    assert!(request.contains("authorization: basic dtpw"), "{request}");
    assert!(request.contains("accept: application/vnd.schemaregistry.v1+json"), "{request}");

    server.register(2, "s", "AVRO", r#""string""#, "[]");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let second = run(&encode, batch(&[r#""x""#])).await;
    assert_eq!(&second[0].bytes()[..], b"\0\0\0\0\x02\x02x");

    server.answer("/subjects/s/versions/latest", 500, "");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let third = run(&encode, batch(&[r#""x""#])).await;
    assert_eq!(third[0].bytes(), second[0].bytes(), "the old schema stays in use");
}

#[tokio::test]
async fn references_that_disagree_are_refused() {
    let server = Server::default();
    let url = server.start().await;
    server.register(1, "a", "AVRO", SIZE, "[]");
    let twice =
        r#"[{"name":"x","subject":"a","version":1},{"name":"x","subject":"a","version":2}]"#;
    server.register(2, "b", "AVRO", r#"["x"]"#, twice);
    server.register(3, "c", "AVRO", r#"["x"]"#, r#"[{"name":"x","subject":"c","version":1}]"#);
    let decode = step(&format!("schema_registry_decode: {{ url: '{url}' }}"));
    let sent: [&[u8]; 2] = [b"\0\0\0\0\x02\0", b"\0\0\0\0\x03\0"];
    let failed = run(&decode, sent.map(Message::from_bytes).into_iter().collect()).await;
    assert!(failure(&failed[0]).contains("version mismatch of 1 and 2"));
    assert!(failure(&failed[1]).contains("unknown type name"));
}

#[tokio::test]
async fn json_schemas_refer_to_each_other() {
    let server = Server::default();
    let url = server.start().await;
    let person = r#"{"type":"object","properties":{"name":{"$ref":"name.json"},"at":{"$ref":"https://example.com/place#/definitions/town"}}}"#;
    let name = r#"{"type":"string","minLength":2}"#;
    let place = r#"{"definitions":{"town":{"type":"string"}}}"#;
    server.register(1, "name", "JSON", name, "[]");
    server.register(2, "place", "JSON", place, "[]");
    let both = r#"[{"name":"name.json","subject":"name","version":1},{"name":"https://example.com/place","subject":"place","version":1}]"#;
    server.register(3, "person", "JSON", person, both);
    server.register(4, "lost", "JSON", r#"{"$ref":"nowhere.json"}"#, "[]");
    let decode = step(&format!("schema_registry_decode: {{ url: '{url}' }}"));
    let sent: [&[u8]; 4] = [
        b"\0\0\0\0\x03{\"name\":\"ann\",\"at\":\"x\"}",
        b"\0\0\0\0\x03{\"name\":\"a\"}",
        b"\0\0\0\0\x03{\"at\":1}",
        b"\0\0\0\0\x04{}",
    ];
    let made = run(&decode, sent.map(Message::from_bytes).into_iter().collect()).await;
    assert!(made[0].failure().is_none(), "{}", failure(&made[0]));
    assert_eq!(&made[0].bytes()[..], b"{\"name\":\"ann\",\"at\":\"x\"}");
    assert!(failure(&made[1]).contains("name: String length must be"), "{}", failure(&made[1]));
    assert!(failure(&made[2]).contains("at: Invalid type"), "{}", failure(&made[2]));
    assert!(failure(&made[3]).contains("failed to parse root schema"), "{}", failure(&made[3]));
}
