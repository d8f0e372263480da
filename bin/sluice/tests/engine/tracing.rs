//! Spans reach those who collect them, and hang together.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::sync::mpsc::channel;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::support::{PATIENCE, Place, collector};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A stream whose messages fail in a nested processor, with this tracer.
fn config(tracer: &str) -> String {
    format!(
        "
http: {{ enabled: false }}
input: {{ generate: {{ count: 2, interval: '', batch_size: 2, mapping: root.a = 1 }} }}
pipeline:
  threads: 1
  processors:
    - try:
        - mapping: root = this.b.uppercase()
output: {{ drop: {{}} }}
tracer: {tracer}
"
    )
}

/// A span as a collector sees it; ids in hexadecimal.
#[derive(Debug)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    has_failed: bool,
}

/// How many spans the stream makes.
const SPANS: usize = 8;

/// Gathers the spans of as many messages as it takes.
fn all_spans(mut next: impl FnMut() -> Vec<Span>) -> Vec<Span> {
    let mut spans = Vec::new();
    while spans.len() < SPANS {
        spans.extend(next());
    }
    spans
}

#[track_caller]
fn check_tree(spans: &[Span]) {
    let mut names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "input_generate",
            "input_generate",
            "mapping",
            "mapping",
            "output_drop",
            "output_drop",
            "try",
            "try"
        ]
    );
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (&*span.id, span)).collect();
    for span in spans {
        let parent = by_id.get(&*span.parent).map_or("", |parent| &*parent.name);
        let expected = match &*span.name {
            "input_generate" => "",
            "mapping" => "try",
            _ => "input_generate",
        };
        assert_eq!(parent, expected, "{span:?}");
        let traces = by_id.get(&*span.parent).map_or(&*span.trace, |parent| &*parent.trace);
        assert_eq!(traces, span.trace);
        assert_eq!(span.has_failed, ["mapping", "try"].contains(&&*span.name), "{span:?}");
    }
    assert_ne!(spans[0].trace, "0".repeat(32));
}

#[test]
fn an_open_telemetry_collector_gets_spans_over_http() {
    let (port, requests) = collector();
    let tracer = format!(
        "{{ open_telemetry_collector: {{ http: [ {{ address: 'localhost:{port}' }} ], tags: {{ service.name: shop }} }} }}"
    );
    let place = Place::with(&[("config.yaml", &config(&tracer))]);
    let outcome = place.run(&["-c", "config.yaml"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    check_tree(&all_spans(|| {
        let (head, body) = requests.recv_timeout(PATIENCE).unwrap();
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf\r\n"), "{head}");
        assert!(String::from_utf8_lossy(&body).contains("service.name"));
        otlp_spans(&body)
    }));
}

#[test]
fn an_open_telemetry_collector_gets_spans_over_grpc() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (sender, messages) = channel();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let serve = service_fn(move |request: http::Request<Incoming>| {
            let sender = sender.clone();
            async move {
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect().await?.to_bytes();
                let _ = sender.send((path, body)); // the test may have seen enough
                let mut trailers = http::HeaderMap::new();
                trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
                let frames =
                    [Frame::data(Bytes::from_static(&[0, 0, 0, 0, 0])), Frame::trailers(trailers)];
                let frames = frames.map(Ok::<_, std::convert::Infallible>);
                let body = StreamBody::new(futures_util::stream::iter(frames));
                let response = http::Response::builder().header("content-type", "application/grpc");
                Ok::<_, hyper::Error>(response.body(body).unwrap())
            }
        });
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        server.serve_connection(TokioIo::new(stream), serve).await
    });
    let tracer = format!(
        "{{ open_telemetry_collector: {{ grpc: [ {{ address: 'localhost:{port}' }} ] }} }}"
    );
    let place = Place::with(&[("config.yaml", &config(&tracer))]);
    let outcome = place.run(&["-c", "config.yaml"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(!outcome.stdout.contains("Failed to send spans"), "{outcome:?}");
    check_tree(&all_spans(|| {
        let (path, body) = messages.recv_timeout(PATIENCE).unwrap();
        assert_eq!(path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
        assert_eq!(body[0], 0);
        assert_eq!(u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize, body.len() - 5);
        otlp_spans(&body[5..])
    }));
    runtime.shutdown_timeout(Duration::from_millis(10));
}

#[test]
fn a_jaeger_collector_gets_spans() {
    let (port, requests) = collector();
    let tracer = format!(
        "{{ jaeger: {{ collector_url: 'http://localhost:{port}/api/traces', tags: {{ zone: north }} }} }}"
    );
    let place = Place::with(&[("config.yaml", &config(&tracer))]);
    let outcome = place.run(&["-c", "config.yaml"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    check_tree(&all_spans(|| {
        let (head, body) = requests.recv_timeout(PATIENCE).unwrap();
        assert!(head.starts_with("POST /api/traces HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/x-thrift\r\n"), "{head}");
        let batch = Thrift { bytes: &body, is_compact: false }.structure();
        assert_eq!(batch[&1].field(1).text(), "sluice");
        assert_eq!(batch[&1].field(2).items()[0].field(1).text(), "zone");
        jaeger_spans(&batch[&2])
    }));
}

#[test]
fn a_jaeger_agent_gets_spans() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = socket.local_addr().unwrap().port();
    let tracer = format!("{{ jaeger: {{ agent_address: '127.0.0.1:{port}' }} }}");
    let place = Place::with(&[("config.yaml", &config(&tracer))]);
    let outcome = place.run(&["-c", "config.yaml"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    check_tree(&all_spans(|| {
        let mut datagram = vec![0; 65_536];
        let length = socket.recv(&mut datagram).unwrap();
        let call = b"\x82\x81\x00\x09emitBatch";
        assert!(datagram.starts_with(call));
        let arguments =
            Thrift { bytes: &datagram[call.len()..length], is_compact: true }.structure();
        assert_eq!(arguments[&1].field(1).field(1).text(), "sluice");
        jaeger_spans(&arguments[&1].field(2))
    }));
}

#[test]
fn a_request_brings_its_trace_and_a_share_of_traces_can_be_left_out() {
    let (port, requests) = collector();
    let config = format!(
        "
http: {{ address: '127.0.0.1:PORT' }}
input: {{ http_server: {{ path: /in }} }}
output: {{ sync_response: {{}} }}
tracer: {{ open_telemetry_collector: {{ http: [ {{ url: 'localhost:{port}' }} ] }} }}
"
    );
    let place = Place::with(&[("config.yaml", &config)]);
    let program = place.start(&["-c", "config.yaml"]);
    program.until("an answer", || (program.get("/ping").status == 200).then_some(()));
    let header = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
    program.ask_with("POST", "/in", &header, "hi").is(200, "hi");
    assert_eq!(program.stop(), Some(0));
    let mut spans: Vec<Span> = Vec::new();
    let first = loop {
        let (_, body) = requests.recv_timeout(PATIENCE).unwrap();
        spans.extend(otlp_spans(&body));
        if let Some(first) = spans.iter().find(|span| span.name == "input_http_server_post") {
            break first;
        }
    };
    assert_eq!((&*first.trace, &*first.parent), (TRACE, PARENT));
    assert!(spans.iter().all(|span| span.trace == TRACE));

    let (port, requests) = collector();
    let tracer = format!(
        "{{ open_telemetry_collector: {{ http: [ {{ address: 'localhost:{port}' }} ], sampling: {{ enabled: true, ratio: 0 }} }} }}"
    );
    place.write("config.yaml", &self::config(&tracer));
    assert_eq!(place.run(&["-c", "config.yaml"]).code, 0);
    assert!(requests.recv_timeout(Duration::from_millis(100)).is_err());
}

fn otlp_spans(request: &[u8]) -> Vec<Span> {
    let of = |message: &[u8], wanted: u64| -> Vec<Vec<u8>> {
        fields(message).into_iter().filter(|(id, _)| *id == wanted).map(|(_, it)| it).collect()
    };
    let all = of(&of(&of(request, 1)[0], 2)[0], 2);
    let span = |span: &Vec<u8>| {
        let one = |id| of(span, id).first().cloned().unwrap_or_default();
        assert!(u64::from_le_bytes(one(7).try_into().unwrap()) > 0);
        Span {
            trace: hex(&one(1)),
            id: hex(&one(2)),
            parent: hex(&one(4)),
            name: String::from_utf8(one(5)).unwrap(),
            has_failed: !one(15).is_empty(),
        }
    };
    all.iter().map(span).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fields of a Protocol Buffers message: numbers as varints are skipped.
fn fields(mut message: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let length = match key & 7 {
            0 => {
                varint(&mut message);
                continue;
            }
            1 => 8,
            2 => varint(&mut message) as usize,
            other => panic!("wire type {other}"),
        };
        let (value, rest) = message.split_at(length);
        found.push((key >> 3, value.to_vec()));
        message = rest;
    }
    found
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

fn jaeger_spans(list: &Any) -> Vec<Span> {
    let id = |number: i64| format!("{:016x}", number as u64);
    let span = |span: &Any| Span {
        trace: format!("{}{}", id(span.field(2).number()), id(span.field(1).number())),
        id: id(span.field(3).number()),
        parent: id(span.field(4).number()),
        name: span.field(5).text(),
        has_failed: span.field(10).items().iter().any(|tag| tag.field(1).text() == "error"),
    };
    list.items().iter().map(span).collect()
}

/// A value in Thrift.
#[derive(Clone, Debug)]
enum Any {
    Number(i64),
    Text(String),
    Structure(BTreeMap<i16, Any>),
    List(Vec<Any>),
}

impl Any {
    #[track_caller]
    fn field(&self, id: i16) -> Any {
        match self {
            Self::Structure(fields) => fields[&id].clone(),
            other => panic!("{other:?} is no structure"),
        }
    }

    #[track_caller]
    fn items(&self) -> &[Any] {
        match self {
            Self::List(items) => items,
            other => panic!("{other:?} is no list"),
        }
    }

    #[track_caller]
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => panic!("{other:?} is no text"),
        }
    }

    #[track_caller]
    fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            other => panic!("{other:?} is no number"),
        }
    }
}

/// Reads either protocol of Thrift.
struct Thrift<'a> {
    bytes: &'a [u8],
    is_compact: bool,
}

impl Thrift<'_> {
    fn take(&mut self, count: usize) -> Vec<u8> {
        let (taken, rest) = self.bytes.split_at(count);
        self.bytes = rest;
        taken.to_vec()
    }

    fn big_endian(&mut self, count: usize) -> i64 {
        let bytes = self.take(count);
        let negative = if bytes[0] & 0x80 != 0 { -1 } else { 0 };
        bytes.into_iter().fold(negative, |value, byte| value << 8 | i64::from(byte))
    }

    fn zigzag(&mut self) -> i64 {
        let value = varint(&mut self.bytes);
        (value >> 1) as i64 ^ -((value & 1) as i64)
    }

    fn structure(&mut self) -> BTreeMap<i16, Any> {
        let mut fields = BTreeMap::new();
        let mut id = 0;
        loop {
            let head = self.take(1)[0];
            if head == 0 {
                return fields;
            }
            let code = if self.is_compact {
                id += i16::from(head >> 4);
                head & 15
            } else {
                id = self.big_endian(2) as i16;
                head
            };
            fields.insert(id, self.value(code));
        }
    }

    fn value(&mut self, code: u8) -> Any {
        match (self.is_compact, code) {
            (true, 5 | 6) => Any::Number(self.zigzag()),
            (true, 8) => {
                let length = varint(&mut self.bytes) as usize;
                Any::Text(String::from_utf8(self.take(length)).unwrap())
            }
            (true, 9) => {
                let head = self.take(1)[0];
                let length = match head >> 4 {
                    15 => varint(&mut self.bytes) as usize,
                    length => usize::from(length),
                };
                Any::List((0..length).map(|_| self.value(head & 15)).collect())
            }
            (_, 12) => Any::Structure(self.structure()),
            (false, 8) => Any::Number(self.big_endian(4)),
            (false, 10) => Any::Number(self.big_endian(8)),
            (false, 11) => {
                let length = self.big_endian(4) as usize;
                Any::Text(String::from_utf8(self.take(length)).unwrap())
            }
            (false, 15) => {
                let code = self.take(1)[0];
                let length = self.big_endian(4);
                Any::List((0..length).map(|_| self.value(code)).collect())
            }
            other => panic!("type {other:?}"),
        }
    }
}
