//! The functions that programs have here beside those of AWK: about the message, JSON, times.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{Timestamp, Zoned, tz::TimeZone};
use sluice_bloblang::layout::Layout;
use sluice_message::Message;
use sluice_value::{EcoVec, Kind, Object, Value, json, path};
use tracing::{debug, error, info, trace, warn};

use super::run::Run;
use super::value::Val;

/// What programs can reach beside their input.
pub(super) struct Surroundings<'p> {
    pub(super) message: &'p mut Message,
    /// Where the processor is, for what programs log.
    pub(super) path: &'p str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Native {
    Base64Decode,
    Base64Encode,
    CreateJsonArray,
    CreateJsonObject,
    JsonAppend(Typed),
    JsonDelete,
    JsonGet,
    JsonLength,
    JsonSet(Typed),
    JsonType,
    MetadataGet,
    MetadataSet,
    PrintLog,
    TimestampFormat,
    TimestampFormatNano,
    TimestampUnix,
    TimestampUnixNano,
}

/// What an argument becomes in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Text,
    Int,
    Float,
    Bool,
}

impl Native {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "base64_decode" => Self::Base64Decode,
            "base64_encode" => Self::Base64Encode,
            "create_json_array" => Self::CreateJsonArray,
            "create_json_object" => Self::CreateJsonObject,
            "json_append" => Self::JsonAppend(Typed::Text),
            "json_append_bool" => Self::JsonAppend(Typed::Bool),
            "json_append_float" => Self::JsonAppend(Typed::Float),
            "json_append_int" => Self::JsonAppend(Typed::Int),
            "json_delete" => Self::JsonDelete,
            "json_get" => Self::JsonGet,
            "json_length" => Self::JsonLength,
            "json_set" => Self::JsonSet(Typed::Text),
            "json_set_bool" => Self::JsonSet(Typed::Bool),
            "json_set_float" => Self::JsonSet(Typed::Float),
            "json_set_int" => Self::JsonSet(Typed::Int),
            "json_type" => Self::JsonType,
            "metadata_get" => Self::MetadataGet,
            "metadata_set" => Self::MetadataSet,
            "print_log" => Self::PrintLog,
            "timestamp_format" => Self::TimestampFormat,
            "timestamp_format_nano" => Self::TimestampFormatNano,
            "timestamp_unix" => Self::TimestampUnix,
            "timestamp_unix_nano" => Self::TimestampUnixNano,
            _ => return None,
        })
    }

    pub(super) fn call(self, run: &mut Run<'_, '_>, arguments: &[Val]) -> Result<Val, String> {
        let texts: Vec<String> =
            arguments.iter().map(|argument| run.text(argument).to_string()).collect();
        let text = |at: usize| texts.get(at).map_or("", String::as_str);
        let number = |at: usize| arguments.get(at).map_or(0.0, Val::number);
        let surroundings = &mut *run.surroundings;
        let message = &mut *surroundings.message;
        Ok(match self {
            Self::Base64Encode => Val::text(STANDARD.encode(text(0))),
            Self::Base64Decode => {
                let decoded = STANDARD.decode(text(0)).map_err(|error| error.to_string())?;
                Val::text(String::from_utf8_lossy(&decoded).as_ref())
            }
            Self::CreateJsonArray => Val::text(go_json(&Value::from(
                texts.into_iter().map(Value::from).collect::<Vec<_>>(),
            ))),
            Self::CreateJsonObject => {
                let mut object = Object::new();
                for pair in texts.chunks_exact(2) {
                    object.insert(pair[0].as_str(), Value::from(pair[1].as_str()));
                }
                Val::text(go_json(&Value::Object(object)))
            }
            Self::JsonGet => Val::text(match document(message)?.search(&path::split(text(0))) {
                None | Some(Value::Null) => "null".to_owned(),
                Some(Value::String(found)) => found.to_string(),
                Some(found) => found.to_string(),
            }),
            Self::JsonLength => {
                let found = document(message)?.search(&path::split(text(0)));
                Val::Number(match found {
                    Some(Value::String(found)) => found.len() as f64,
                    Some(Value::Array(items)) => items.len() as f64,
                    _ => 0.0,
                })
            }
            Self::JsonType => {
                let found = document(message)?.search(&path::split(text(0)));
                Val::text(match found.map(|found| found.kind()) {
                    None => "undefined",
                    Some(Kind::Number) => "float",
                    Some(Kind::Bytes | Kind::Timestamp) => "string",
                    Some(kind) => kind.name(),
                })
            }
            Self::JsonSet(typed) => {
                set(message, text(0), typed.value(arguments.get(1), text(1)))?;
                Val::Number(0.0)
            }
            Self::JsonAppend(typed) => {
                append(message, text(0), typed.value(arguments.get(1), text(1)))?;
                Val::Number(0.0)
            }
            Self::JsonDelete => {
                document_mut(message)?.remove(&path::split(text(0)));
                Val::Number(0.0)
            }
            Self::MetadataGet => Val::text(message.metadata_text(text(0))),
            Self::MetadataSet => {
                message.set_metadata(text(0), text(1));
                Val::Unset
            }
            Self::PrintLog => {
                log(surroundings.path, text(0), text(1));
                Val::Unset
            }
            Self::TimestampFormat => {
                let moment = Timestamp::from_second(number(0) as i64);
                Val::text(formatted(moment, text(1))?)
            }
            Self::TimestampFormatNano => {
                let moment = Timestamp::from_nanosecond(number(0) as i128);
                Val::text(formatted(moment, text(1))?)
            }
            Self::TimestampUnix => Val::Number(moment(text(0), text(1))?.as_second() as f64),
            Self::TimestampUnixNano => {
                Val::Number(moment(text(0), text(1))?.as_nanosecond() as f64)
            }
        })
    }
}

impl Typed {
    fn value(self, argument: Option<&Val>, text: &str) -> Value {
        match self {
            Self::Text => Value::from(text),
            Self::Int => Value::Int(argument.map_or(0.0, Val::number) as i64),
            Self::Float => Value::Float(argument.map_or(0.0, Val::number)),
            Self::Bool => Value::Bool(argument.is_some_and(Val::is_true)),
        }
    }
}

fn log(path: &str, text: &str, level: &str) {
    match level {
        "TRACE" => trace!(%path, "{text}"),
        "DEBUG" => debug!(%path, "{text}"),
        "WARN" => warn!(%path, "{text}"),
        "ERROR" | "FATAL" => error!(%path, "{text}"),
        _ => info!(%path, "{text}"),
    }
}

/// JSON as the reference's encoder writes it, with characters of HTML escaped.
fn go_json(value: &Value) -> String {
    let mut text = value.to_json();
    json::escape_html(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn unreadable(message: &Message, error: &json::JsonError) -> String {
    let error = error.in_document(message.bytes());
    format!("failed to parse message into json: {error}")
}

fn document(message: &Message) -> Result<&Value, String> {
    message.value().map_err(|error| unreadable(message, &error))
}

fn document_mut(message: &mut Message) -> Result<&mut Value, String> {
    if let Err(error) = message.value() {
        return Err(unreadable(message, &error));
    }
    message.value_mut().map_err(|error| error.to_string())
}

fn set(message: &mut Message, at: &str, value: Value) -> Result<(), String> {
    // A path through something that has no parts changes nothing, as in the reference.
    let _ = document_mut(message)?.set(&path::split(at), value);
    Ok(())
}

fn append(message: &mut Message, at: &str, value: Value) -> Result<(), String> {
    let at = path::split(at);
    let document = document_mut(message)?;
    let mut items = match document.search(&at) {
        None => EcoVec::new(),
        Some(Value::Array(items)) => items,
        Some(other) => EcoVec::from([other]),
    };
    items.push(value);
    let _ = document.set(&at, Value::Array(items));
    Ok(())
}

const RFC3339: &str = "2006-01-02T15:04:05Z07:00";

/// Layouts that times without a layout of their own may be written in.
const LAYOUTS: &[&str] = &[
    "Mon Jan 02 15:04:05 -0700 2006",
    "Mon, 02 Jan 2006 15:04:05 -0700",
    "Mon, 02 Jan 2006 15:04:05 MST",
    RFC3339,
    "02 Jan 06 15:04 MST",
    "02 Jan 06 15:04 -0700",
    "Mon, 2 Jan 2006 15:04:05 -0700",
    "2006-01-02T15:04:05MST",
    "2006-01-02T15:04:05",
    "2006-01-02 15:04:05",
    "2006-01-02T15:04:05Z0700",
    "2006-01-02",
];

fn formatted(moment: Result<Timestamp, jiff::Error>, layout: &str) -> Result<String, String> {
    let moment = moment.map_err(|_| "timestamp out of range".to_owned())?;
    let layout = if layout.is_empty() { RFC3339 } else { layout };
    Ok(Layout::new(layout).format(&moment.to_zoned(TimeZone::UTC)))
}

fn moment(text: &str, layout: &str) -> Result<Timestamp, String> {
    let parse = |layout: &str| Layout::new(layout).parse(text.as_bytes());
    if text.is_empty() {
        return Ok(Timestamp::now());
    }
    if !layout.is_empty() {
        return parse(layout).map(|at: Zoned| at.timestamp()).map_err(|error| error.to_string());
    }
    let parsed = LAYOUTS.iter().find_map(|layout| parse(layout).ok());
    let unknown = || format!("failed to detect datetime format of: {text}");
    parsed.map(|at| at.timestamp()).ok_or_else(unknown)
}
