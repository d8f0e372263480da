//! Spans as Jaeger takes them: Thrift, in its binary form for collectors and its compact one for
//! agents.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use sluice_telemetry::{FinishedSpan, SpanContext};

/// What a program is called when its tags do not say.
const SERVICE: &str = "sluice";

/// A batch in the binary protocol: the body of a request to a collector.
pub(crate) fn binary_batch(tags: &BTreeMap<String, String>, spans: &[FinishedSpan]) -> Vec<u8> {
    let mut thrift = Thrift { out: Vec::new(), is_compact: false, last: Vec::new() };
    batch(&mut thrift, tags, spans);
    thrift.out
}

/// The call `emitBatch` in the compact protocol: a datagram to an agent.
pub(crate) fn compact_call(tags: &BTreeMap<String, String>, spans: &[FinishedSpan]) -> Vec<u8> {
    const PROTOCOL: u8 = 0x82;
    const ONE_WAY_VERSION_1: u8 = 4 << 5 | 1;
    let mut thrift =
        Thrift { out: vec![PROTOCOL, ONE_WAY_VERSION_1, 0], is_compact: true, last: Vec::new() };
    thrift.varint("emitBatch".len() as u64);
    thrift.out.extend_from_slice(b"emitBatch");
    thrift.begin();
    thrift.structure(1, |thrift| batch(thrift, tags, spans));
    thrift.end();
    thrift.out
}

fn batch(thrift: &mut Thrift, tags: &BTreeMap<String, String>, spans: &[FinishedSpan]) {
    let service = tags.get("service.name").map_or(SERVICE, String::as_str);
    thrift.begin();
    thrift.structure(1, |thrift| {
        thrift.begin();
        thrift.text(1, service);
        let others: Vec<_> = tags.iter().filter(|(key, _)| *key != "service.name").collect();
        thrift.list(2, others.len());
        for (key, value) in others {
            tag(thrift, key, value);
        }
        thrift.end();
    });
    thrift.list(2, spans.len());
    for finished in spans {
        span(thrift, finished);
    }
    thrift.end();
}

fn span(thrift: &mut Thrift, span: &FinishedSpan) {
    let context = span.context;
    thrift.begin();
    thrift.int64(1, context.trace_id as u64 as i64);
    thrift.int64(2, (context.trace_id >> 64) as u64 as i64);
    thrift.int64(3, context.span_id as i64);
    thrift.int64(4, span.parent.unwrap_or(0) as i64);
    thrift.text(5, &span.name);
    thrift.list(6, span.links.len());
    span.links.iter().for_each(|link| reference(thrift, link));
    thrift.int32(7, i32::from(context.is_sampled));
    thrift.int64(8, micros(span.began));
    let took = span.ended.duration_since(span.began).unwrap_or_default();
    thrift.int64(9, i64::try_from(took.as_micros()).unwrap_or(i64::MAX));
    thrift.list(10, usize::from(span.error.is_some()));
    if let Some(error) = &span.error {
        tag(thrift, "error", error);
    }
    thrift.end();
}

fn reference(thrift: &mut Thrift, linked: &SpanContext) {
    const FOLLOWS_FROM: i32 = 1;
    thrift.begin();
    thrift.int32(1, FOLLOWS_FROM);
    thrift.int64(2, linked.trace_id as u64 as i64);
    thrift.int64(3, (linked.trace_id >> 64) as u64 as i64);
    thrift.int64(4, linked.span_id as i64);
    thrift.end();
}

fn tag(thrift: &mut Thrift, key: &str, value: &str) {
    const TEXT: i32 = 0;
    thrift.begin();
    thrift.text(1, key);
    thrift.int32(2, TEXT);
    thrift.text(3, value);
    thrift.end();
}

fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Writes either protocol. Elements of lists are structures.
struct Thrift {
    out: Vec<u8>,
    is_compact: bool,
    /// Ids of the fields last written, one for each structure that is open.
    last: Vec<i16>,
}

#[derive(Clone, Copy)]
enum Type {
    Int32,
    Int64,
    Text,
    Structure,
    List,
}

impl Type {
    fn code(self, is_compact: bool) -> u8 {
        match (self, is_compact) {
            (Self::Int32, true) => 5,
            (Self::Int64, true) => 6,
            (Self::List, true) => 9,
            (Self::Structure, false) => 12,
            (Self::Structure, true) => 12,
            (Self::Text, true) | (Self::Int32, false) => 8,
            (Self::Int64, false) => 10,
            (Self::Text, false) => 11,
            (Self::List, false) => 15,
        }
    }
}

impl Thrift {
    fn begin(&mut self) {
        self.last.push(0);
    }

    fn end(&mut self) {
        self.last.pop();
        self.out.push(0);
    }

    fn field(&mut self, ty: Type, id: i16) {
        let code = ty.code(self.is_compact);
        if self.is_compact {
            // Ids rise by less than 16 here, so the short form always does.
            let last = self.last.last_mut().map_or(0, |last| std::mem::replace(last, id));
            self.out.push(((id - last) as u8) << 4 | code);
        } else {
            self.out.push(code);
            self.out.extend_from_slice(&id.to_be_bytes());
        }
    }

    fn structure(&mut self, id: i16, write: impl FnOnce(&mut Self)) {
        self.field(Type::Structure, id);
        write(self);
    }

    fn list(&mut self, id: i16, length: usize) {
        self.field(Type::List, id);
        let element = Type::Structure.code(self.is_compact);
        match (self.is_compact, length) {
            (true, 0..15) => self.out.push((length as u8) << 4 | element),
            (true, _) => {
                self.out.push(0xf0 | element);
                self.varint(length as u64);
            }
            (false, _) => {
                self.out.push(element);
                self.out.extend_from_slice(&(length as u32).to_be_bytes());
            }
        }
    }

    fn text(&mut self, id: i16, text: &str) {
        self.field(Type::Text, id);
        if self.is_compact {
            self.varint(text.len() as u64);
        } else {
            self.out.extend_from_slice(&(text.len() as u32).to_be_bytes());
        }
        self.out.extend_from_slice(text.as_bytes());
    }

    fn int32(&mut self, id: i16, value: i32) {
        self.field(Type::Int32, id);
        if self.is_compact {
            self.zigzag(i64::from(value));
        } else {
            self.out.extend_from_slice(&value.to_be_bytes());
        }
    }

    fn int64(&mut self, id: i16, value: i64) {
        self.field(Type::Int64, id);
        if self.is_compact {
            self.zigzag(value);
        } else {
            self.out.extend_from_slice(&value.to_be_bytes());
        }
    }

    fn zigzag(&mut self, value: i64) {
        self.varint((value << 1 ^ value >> 63) as u64);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}
