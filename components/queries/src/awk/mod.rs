//! `awk` processor.
//!
//! A small AWK of our own: the language of POSIX without other programs and files, which a stream
//! must not reach from here, and with limits on steps and memory, which other implementations do
//! not have.

mod builtin;
mod format;
mod functions;
mod lex;
mod parse;
mod record;
mod run;
mod tree;
mod value;

use sluice_config::config;
use sluice_engine::{Batches, BuildError, DirectProcessor, Owner, Processor, Registry, Scope};
use sluice_message::{Batch, Message};
use sluice_value::{Object, Value};
use smallvec::smallvec;
use tracing::error;

use functions::Surroundings;
use tree::Program;
use value::Val;

/// Longest program.
const MAX_PROGRAM: usize = 256 * 1024;
/// Stack that programs run on: deep enough for what their parser and their calls allow.
const STACK: usize = 64 << 20;

config! {
    /// Which program to run on what.
    pub struct AwkConfig {
        /// How a message is given to the program: as its input, as variables, or not at all.
        codec: String => lint_required options("none", "text", "json"),
        /// The program.
        program: String => lint_required,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("awk", build).categories(&["Mapping"]).doc(
        "Runs an AWK program for each message; what it prints becomes the content.\n\n\
         With the codec `text` the content is the input of the program; with `json` each value of \
         the document is a variable (`foo_bar` for `foo.bar`); with `none` there is only what \
         functions reach. A program that prints nothing leaves the content alone.\n\n\
         Beside the functions of AWK there are `json_get`, `json_set`, `json_append` (the latter two \
         also with `_int`, `_float` and `_bool`), `json_delete`, `json_length`, `json_type`, \
         `create_json_object`, `create_json_array`, `metadata_get`, `metadata_set`, \
         `timestamp_unix`, `timestamp_unix_nano`, `timestamp_format`, `timestamp_format_nano`, \
         `base64_encode`, `base64_decode` and `print_log`.\n\n\
         Programs and files cannot be reached. A program that takes more than 5 million steps or \
         256 MiB for one message fails.",
    );
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Codec {
    None,
    Text,
    Json,
}

struct Awk {
    codec: Codec,
    program: Program,
    owner: Owner,
}

fn build(config: AwkConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let failed = |error: &dyn std::fmt::Display| {
        BuildError::new(format!("failed to compile AWK program: {error}"))
    };
    let codec = match config.codec.to_ascii_lowercase().as_str() {
        "none" => Codec::None,
        "text" => Codec::Text,
        "json" => Codec::Json,
        other => return Err(BuildError::new(format!("unrecognised codec: {other}"))),
    };
    if config.program.len() > MAX_PROGRAM {
        return Err(failed(&"it is too large"));
    }
    let program = stacker::grow(STACK, || parse::parse(&config.program));
    let program = program.map_err(|error| failed(&error))?;
    Ok(Processor::direct(Awk { codec, program, owner: scope.owner() }))
}

impl Awk {
    fn run(&self, message: &mut Message) -> Result<(), String> {
        let (input, variables) = self.given(message)?;
        let mut surroundings = Surroundings { message, path: self.owner.path() };
        let printed = run::run(&self.program, &input, &variables, &mut surroundings)?;
        if printed.status != 0 {
            let status = printed.status;
            return Err(format!(
                "non-fatal execution error: awk interpreter returned non-zero exit code: {status}"
            ));
        }
        if !printed.complaints.is_empty() {
            return Err(printed.complaints);
        }
        if !printed.output.is_empty() {
            let output = printed.output.strip_suffix('\n').unwrap_or(&printed.output);
            message.set_bytes(output.as_bytes().to_vec());
        }
        Ok(())
    }

    /// The input of the program and the variables that are set before it.
    fn given(&self, message: &Message) -> Result<(String, Vec<(String, Val)>), String> {
        let mut variables = Vec::new();
        let input = match self.codec {
            Codec::Text => String::from_utf8_lossy(message.bytes()).into_owned(),
            Codec::None => " ".to_owned(),
            Codec::Json => {
                let document =
                    message.value().map_err(|error| error.in_document(message.bytes()))?;
                flatten(&mut String::new(), document, &mut variables);
                " ".to_owned()
            }
        };
        if self.codec != Codec::None {
            for key in message.metadata().keys() {
                let text = message.metadata_text(key);
                variables.push((variable_name(key), Val::Input(text.into())));
            }
        }
        Ok((input, variables))
    }
}

/// A variable for each value of a document, named by its path.
fn flatten(path: &mut String, value: &Value, out: &mut Vec<(String, Val)>) {
    match value {
        Value::Object(fields) => flatten_fields(path, fields, out),
        Value::Array(items) => items.iter().for_each(|item| flatten(path, item, out)),
        Value::Null => out.push((variable_name(path), Val::Input("<nil>".into()))),
        other => out.push((variable_name(path), Val::Input(other.to_text().into()))),
    }
}

fn flatten_fields(path: &mut String, fields: &Object, out: &mut Vec<(String, Val)>) {
    for (key, value) in fields.iter() {
        let before = path.len();
        if before > 0 {
            path.push('.');
        }
        path.push_str(key);
        flatten(path, value, out);
        path.truncate(before);
    }
}

fn variable_name(path: &str) -> String {
    path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

impl DirectProcessor for Awk {
    fn process(&self, mut batch: Batch) -> Batches {
        stacker::grow(STACK, || {
            for message in batch.iter_mut() {
                if let Err(problem) = self.run(message) {
                    error!(path = %self.owner.path(), "AWK: {problem}");
                    self.owner.fail(message, problem);
                }
            }
        });
        smallvec![batch]
    }
}
