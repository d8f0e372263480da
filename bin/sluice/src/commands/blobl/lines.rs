//! A mapping on the lines of standard input.

use std::io::{BufRead, BufReader, Stdin, Write};
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock, PoisonError};

use sluice_bloblang::{Body, Environment, Input, Messages, Program};
use sluice_value::json::JsonError;
use sluice_value::{Object, Value, json};

use super::{beside, complain};
use crate::cli::BloblLines;
use crate::commands::schema;
use crate::config::files;

/// Results kept back at most, in bytes, while more lines are at hand.
const MAX_BUFFERED: usize = 64 * 1024;

pub(super) fn run(language: &Environment, args: &BloblLines) -> ExitCode {
    let program = match compile(language, args) {
        Ok(program) => program,
        Err(message) => {
            complain(message);
            return ExitCode::FAILURE;
        }
    };
    let lines =
        Lines { input: Mutex::new(BufReader::new(std::io::stdin())), limit: args.max_token_length };
    let outcome = std::thread::scope(|scope| {
        let others: Vec<_> =
            (1..args.threads).map(|_| scope.spawn(|| map_lines(&program, args, &lines))).collect();
        let own = map_lines(&program, args, &lines);
        others.into_iter().fold(own, |outcome, other| match other.join() {
            Ok(other) => outcome.and(other),
            Err(panic) => std::panic::resume_unwind(panic),
        })
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}

fn compile(language: &Environment, args: &BloblLines) -> Result<Program, String> {
    let (text, language) = match (&args.mapping, &args.file) {
        (Some(_), Some(_)) => {
            let message =
                "invalid flags, unable to execute both a file mapping and an inline mapping";
            return Err(message.into());
        }
        (Some(text), None) => (text.clone(), language.clone()),
        (None, None) => (String::new(), language.clone()),
        (None, Some(path)) => {
            let text = files::read(path)
                .map_err(|error| format!("failed to read mapping file: {error}"))?;
            (String::from_utf8_lossy(&text).into_owned(), beside(language, path))
        }
    };
    Program::parse(&text, &language)
        .map_err(|problems| format!("failed to parse mapping: {problems}"))
}

/// The lines of standard input, for several readers.
struct Lines {
    input: Mutex<BufReader<Stdin>>,
    limit: usize,
}

/// A line without its end.
struct Text {
    line: Vec<u8>,
    /// Another one is at hand, so that results may wait for its own.
    more: bool,
}

impl Lines {
    /// The next line; `None` after the last.
    fn next(&self) -> Result<Option<Text>, String> {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = Vec::new();
        let mut ended = false;
        while !ended {
            let available = input.fill_buf().map_err(|error| error.to_string())?;
            if available.is_empty() {
                break;
            }
            let end = memchr::memchr(b'\n', available);
            let taken = end.unwrap_or(available.len());
            line.extend_from_slice(&available[..taken]);
            input.consume(end.map_or(taken, |end| end + 1));
            if line.len() >= self.limit {
                return Err(format!(
                    "a line is too long: --max-token-length allows less than {} bytes",
                    self.limit
                ));
            }
            ended = end.is_some();
        }
        if !ended && line.is_empty() {
            return Ok(None);
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let more = memchr::memchr(b'\n', input.buffer()).is_some();
        Ok(Some(Text { line, more }))
    }
}

fn map_lines(program: &Program, args: &BloblLines, lines: &Lines) -> Result<(), String> {
    let mut results = Vec::new();
    loop {
        let text = match lines.next() {
            Ok(Some(text)) => text,
            Ok(None) => {
                print(&mut results);
                return Ok(());
            }
            Err(error) => {
                print(&mut results);
                return Err(error);
            }
        };
        let line = Line::new(text.line.into(), args.raw);
        match map(program, &line, args.pretty) {
            Ok(result) => {
                results.extend_from_slice(&result);
                results.push(b'\n');
            }
            Err(error) => {
                // On a terminal, complaints stand where they belong.
                print(&mut results);
                complain(format_args!("failed to execute map: {error}"));
            }
        }
        if (!text.more || results.len() >= MAX_BUFFERED) && !print(&mut results) {
            return Ok(()); // nobody reads any more
        }
    }
}

/// Writes what has gathered; false when nobody reads it.
fn print(results: &mut Vec<u8>) -> bool {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(results).and_then(|()| stdout.flush());
    results.clear();
    written.is_ok()
}

/// What the command would print for this text, on several lines.
///
/// # Errors
/// The mapping fails.
pub(super) fn map_text(program: &Program, text: String) -> Result<Vec<u8>, String> {
    map(program, &Line::new(text.into(), false), true)
}

fn map(program: &Program, line: &Line, pretty: bool) -> Result<Vec<u8>, String> {
    let mapped = program.map(&Input::new(line, 0)).map_err(|error| error.to_string())?;
    let print = |value: &Value| match value {
        Value::String(_) | Value::RawString(_) | Value::Bytes(_) => value.to_body().to_vec(),
        document if pretty => escape_html(schema::pretty(document).into_bytes()),
        document => escape_html(document.to_json()),
    };
    Ok(match mapped.body {
        Body::Deleted => Vec::new(),
        Body::Value(value) => print(&value),
        Body::Unchanged => match line.value(0) {
            Ok(value) => print(value),
            Err(_) => line.text.to_vec(),
        },
    })
}

/// Spells what HTML gives a meaning as the reference's command does. These characters are only
/// found inside of strings.
fn escape_html(document: Vec<u8>) -> Vec<u8> {
    if memchr::memchr3(b'<', b'>', b'&', &document).is_none() {
        return document;
    }
    let mut escaped = Vec::with_capacity(document.len() + 16);
    for byte in document {
        match byte {
            b'<' => escaped.extend_from_slice(b"\\u003c"),
            b'>' => escaped.extend_from_slice(b"\\u003e"),
            b'&' => escaped.extend_from_slice(b"\\u0026"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A line as a message.
struct Line {
    text: bytes::Bytes,
    raw: bool,
    value: OnceLock<Result<Value, JsonError>>,
    metadata: Object,
}

impl Line {
    fn new(text: bytes::Bytes, raw: bool) -> Self {
        Self { text, raw, value: OnceLock::new(), metadata: Object::new() }
    }
}

impl Messages for Line {
    fn len(&self) -> usize {
        1
    }

    fn bytes(&self, _: usize) -> bytes::Bytes {
        self.text.clone()
    }

    fn value(&self, _: usize) -> Result<&Value, JsonError> {
        let value = self.value.get_or_init(|| {
            if self.raw { Ok(Value::bytes(self.text.clone())) } else { json::parse(&self.text) }
        });
        value.as_ref().map_err(Clone::clone)
    }

    fn is_parsed(&self, _: usize) -> bool {
        self.value.get().is_some()
    }

    fn metadata(&self, _: usize) -> &Object {
        &self.metadata
    }
}
