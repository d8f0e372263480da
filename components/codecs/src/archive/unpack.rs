//! `unarchive`: a message becomes several.

use sluice_bloblang::formats::{csv, xml};
use sluice_config::config;
use sluice_engine::{Batches, BuildError, DirectProcessor, Owner, Processor, Registry, Scope};
use sluice_message::{Batch, Message};
use sluice_value::{EcoString, Kind, Object, Value, json};
use smallvec::smallvec;

use super::{binary, tar, zip};
use crate::each::set_document;
use crate::limits::Budget;

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("unarchive", build).categories(&["Parsing", "Utility"]).doc(
        "Splits each message into the messages it holds, which take its place in the batch and \
             have its metadata.\n\n\
             Files (`tar`, `zip`) have their name in the metadata `archive_filename`, fields of an \
             object (`json_map`) theirs in `archive_key`. A message that cannot be split fails and \
             stays what it is, as does one whose files would lead out of the directory they are \
             unpacked in.",
    );
}

config! {
    /// How to split.
    struct UnarchiveConfig {
        /// How the messages lie in the one they are taken from. `csv:x` is a table whose columns
        /// `x` separates; `xml_documents_to_json:cast` makes numbers and truth values of text that
        /// spells one.
        format: String => lint_required advisory_options(
            "binary", "csv", "csv:x", "json_array", "json_documents", "json_map", "lines", "tar",
            "xml_documents_to_json", "xml_documents_to_json:cast", "zip",
        ),
    }
}

#[derive(Clone, Copy)]
enum Format {
    Binary,
    Csv(char),
    JsonArray,
    JsonDocuments,
    JsonMap,
    Lines,
    Tar,
    Xml { cast: bool },
    Zip,
}

impl Format {
    fn named(name: &str) -> Result<Self, String> {
        Ok(match name {
            "binary" => Self::Binary,
            "csv" => Self::Csv(','),
            "json_array" => Self::JsonArray,
            "json_documents" => Self::JsonDocuments,
            "json_map" => Self::JsonMap,
            "lines" => Self::Lines,
            "tar" => Self::Tar,
            "xml_documents_to_json" => Self::Xml { cast: false },
            "xml_documents_to_json:cast" => Self::Xml { cast: true },
            "zip" => Self::Zip,
            _ => {
                let delimiter = name
                    .strip_prefix("csv:")
                    .ok_or_else(|| format!("archive format not recognised: {name}"))?;
                let mut letters = delimiter.chars();
                match (letters.next(), letters.next()) {
                    (Some(delimiter), None) => Self::Csv(delimiter),
                    (None, _) => return Err("csv format requires a non-empty delimiter".into()),
                    _ => return Err("csv format requires a single character delimiter".into()),
                }
            }
        })
    }
}

struct Unarchive {
    format: Format,
    owner: Owner,
}

fn build(config: UnarchiveConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let format = Format::named(&config.format)?;
    Ok(Processor::direct(Unarchive { format, owner: scope.owner() }))
}

impl DirectProcessor for Unarchive {
    fn process(&self, batch: Batch) -> Batches {
        let mut unpacked = Batch::default();
        for mut message in batch {
            match unpack(self.format, &message) {
                Ok(messages) => unpacked.extend(messages),
                Err(problem) => {
                    self.owner.fail_loudly(&mut message, problem);
                    unpacked.push(message);
                }
            }
        }
        if unpacked.is_empty() { Batches::new() } else { smallvec![unpacked] }
    }
}

fn unpack(format: Format, message: &Message) -> Result<Vec<Message>, String> {
    let content = message.bytes();
    let mut unpacked =
        Unpacked { original: message, messages: Vec::new(), budget: Budget::default() };
    match format {
        Format::Binary => {
            for part in binary::unpack(content)? {
                unpacked.add(part.len(), |message| message.set_bytes(part))?;
            }
        }
        Format::Lines => {
            let mut start = 0;
            let breaks = memchr::memchr_iter(b'\n', content).chain([content.len()]);
            for end in breaks {
                let line = content.slice(start..end);
                unpacked.add(line.len(), |message| message.set_bytes(line))?;
                start = end + 1;
            }
        }
        Format::Tar => {
            for file in tar::unpack(content)? {
                unpacked.add(file.content.len(), |message| {
                    message.set_bytes(file.content);
                    message.set_metadata("archive_filename", file.name);
                })?;
            }
        }
        Format::Zip => {
            for file in zip::unpack(content)? {
                unpacked.add(file.content.len(), |message| {
                    message.set_bytes(file.content);
                    message.set_metadata("archive_filename", file.name);
                })?;
            }
        }
        Format::JsonArray => match document(message, "array")? {
            Value::Array(items) => {
                items.iter().try_for_each(|item| unpacked.document(item.clone()))?;
            }
            other => return Err(wrong_kind("array", other)),
        },
        Format::JsonMap => match document(message, "map")? {
            Value::Object(fields) => {
                for (key, value) in fields.iter() {
                    unpacked.add(0, |message| {
                        set_document(message, value.clone());
                        message.set_metadata("archive_key", key.clone());
                    })?;
                }
            }
            other => return Err(wrong_kind("map", other)),
        },
        Format::JsonDocuments => {
            let text = String::from_utf8_lossy(content);
            let mut rest = text.trim_start_matches(SPACE);
            while !rest.is_empty() {
                let (value, used) =
                    json::parse_prefix(rest).map_err(|error| error.in_document(rest.as_bytes()))?;
                unpacked.document(value)?;
                rest = rest[used..].trim_start_matches(SPACE);
            }
        }
        Format::Xml { cast } => {
            for value in xml::parse_all(content, cast)? {
                unpacked.document(value)?;
            }
        }
        Format::Csv(delimiter) => {
            let options = csv::Options { delimiter, lazy_quotes: false };
            let mut header: Option<Vec<EcoString>> = None;
            for record in csv::Records::new(content, options) {
                let record = record.map_err(|e| format!("failed to parse message as csv: {e}"))?;
                let Some(header) = &header else {
                    let name = |name: &Vec<u8>| String::from_utf8_lossy(name).as_ref().into();
                    header = Some(record.iter().map(name).collect());
                    continue;
                };
                let fields = record.into_iter().map(Value::text);
                let row: Object = header.iter().cloned().zip(fields).collect();
                unpacked.document(Value::Object(row))?;
            }
        }
    }
    Ok(unpacked.messages)
}

/// White space between JSON documents.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

struct Unpacked<'a> {
    original: &'a Message,
    messages: Vec<Message>,
    budget: Budget,
}

impl Unpacked<'_> {
    /// Adds a copy of the original that `change` gives its own content.
    fn add(&mut self, bytes: usize, change: impl FnOnce(&mut Message)) -> Result<(), String> {
        self.budget.spend(bytes)?;
        let mut message = self.original.clone();
        change(&mut message);
        self.messages.push(message);
        Ok(())
    }

    fn document(&mut self, value: Value) -> Result<(), String> {
        self.add(0, |message| set_document(message, value))
    }
}

fn document<'a>(message: &'a Message, what: &str) -> Result<&'a Value, String> {
    message.value().map_err(|error| {
        let error = error.in_document(message.bytes());
        format!("failed to parse message into JSON {what}: {error}")
    })
}

fn wrong_kind(what: &str, found: &Value) -> String {
    // The reference's names of types, which configurations match on.
    let kind = match found.kind() {
        Kind::Null => "<nil>",
        Kind::Bool => "bool",
        Kind::Number => "json.Number",
        Kind::Bytes => "[]uint8",
        Kind::String | Kind::Timestamp => "string",
        Kind::Array => "[]interface {}",
        Kind::Object => "map[string]interface {}",
    };
    format!("failed to parse message into JSON {what}: invalid type '{kind}'")
}
