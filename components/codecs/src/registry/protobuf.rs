//! Protobuf schemas. A schema may have several messages; which of them a message is of stands
//! before its content, as a path of numbers: a message of the file, one inside of it, and so on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use prost::Message;
use prost_reflect::MessageDescriptor;

use crate::protobuf::{JsonOptions, compile, decode, from_json, to_json};

/// The name that a schema has as a file. None that it refers to can have it.
const ROOT: &str = ".";
/// Deepest nesting of messages.
const MAX_PATH: i64 = 100;

/// The messages of a schema.
pub(super) struct File {
    messages: Vec<MessageDescriptor>,
    /// The message that took a document last: probably it takes the next one, too.
    last: AtomicUsize,
}

type Result<T> = std::result::Result<T, String>;

impl File {
    pub(super) fn new(schema: &str, references: Vec<(String, String)>) -> Result<Self> {
        let mut files: BTreeMap<String, String> = references.into_iter().collect();
        files.insert(ROOT.to_owned(), schema.to_owned());
        let pool = compile(files)?;
        let file = pool.get_file_by_name(ROOT).ok_or("failed to parse proto schema")?;
        let messages: Vec<_> = file.messages().collect();
        if messages.is_empty() {
            return Err("schema has no messages".into());
        }
        Ok(Self { messages, last: AtomicUsize::new(0) })
    }

    pub(super) fn encode(&self, content: &[u8]) -> Result<Vec<u8>> {
        let last = self.last.load(Ordering::Relaxed);
        let others = (0..self.messages.len()).filter(|at| *at != last);
        let mut problems = Vec::new();
        for at in std::iter::once(last).chain(others) {
            let Some(descriptor) = self.messages.get(at) else { continue };
            match from_json(descriptor, content, false) {
                Ok(message) => {
                    self.last.store(at, Ordering::Relaxed);
                    let mut out = path_of(at);
                    message
                        .encode(&mut out)
                        .map_err(|error| format!("failed to marshal protobuf message: {error}"))?;
                    return Ok(out);
                }
                Err(problem) => {
                    problems.push(format!("unmarshal '{}': {problem}", descriptor.name()));
                }
            }
        }
        Err(problems.join(", "))
    }

    pub(super) fn decode(&self, content: &[u8]) -> Result<Vec<u8>> {
        let mut rest = content;
        let descriptor = self.named(&mut rest)?;
        let message = decode(&descriptor, rest)
            .map_err(|error| format!("failed to unmarshal protobuf message: {error}"))?;
        to_json(&message, JsonOptions::default())
            .map_err(|error| format!("failed to marshal JSON protobuf message: {error}"))
    }

    /// The message that content names, and goes past the name.
    fn named(&self, rest: &mut &[u8]) -> Result<MessageDescriptor> {
        let count = number(rest)?;
        if !(0..=MAX_PATH).contains(&count) {
            return Err(format!("message indexes of length {count}"));
        }
        let mut found: Option<MessageDescriptor> = None;
        // The first message of the file is named by nothing.
        for at in 0..count.max(1) {
            let index = if count == 0 { 0 } else { number(rest)? };
            let inner: Vec<MessageDescriptor> = match &found {
                None => self.messages.clone(),
                Some(found) => found.child_messages().collect(),
            };
            let position = usize::try_from(index).ok();
            found = position.and_then(|position| inner.get(position).cloned());
            if found.is_none() {
                return Err(format!(
                    "message index ({index}) at {at} is greater than available message \
                     definitions ({})",
                    inner.len()
                ));
            }
        }
        found.ok_or_else(|| "unable to read message indexes".into())
    }
}

/// The name of a message of the file.
fn path_of(at: usize) -> Vec<u8> {
    if at == 0 {
        return vec![0];
    }
    let mut out = vec![2];
    prost::encoding::encode_varint((at as u64) << 1, &mut out);
    out
}

/// A signed number, and goes past it.
fn number(rest: &mut &[u8]) -> Result<i64> {
    let number = prost::encoding::decode_varint(rest);
    let number = number.map_err(|_| "unable to read message indexes".to_owned())?;
    Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}
