//! `sluice blobl`: a mapping on the lines of standard input.

use std::io::{BufRead, BufReader, Write};
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock, PoisonError};

use sluice_bloblang::{Body, Environment, Input, Messages, Program};
use sluice_value::json::JsonError;
use sluice_value::{Object, Value, json};

use super::{Setting, schema};
use crate::cli::BloblArgs;
use crate::config::files;
use crate::console::{self, Colour};

pub fn run(setting: &Setting, args: &BloblArgs) -> ExitCode {
    let program = match compile(setting.registry.language(), args) {
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

fn complain(message: impl std::fmt::Display) {
    console::complain_line(Colour::Red.paint(message, console::stderr_has_colours()));
}

fn compile(language: &Environment, args: &BloblArgs) -> Result<Program, String> {
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
            let directory = std::path::Path::new(path).parent();
            let directory = directory.map(files::clean).unwrap_or_else(|| ".".into());
            let text = String::from_utf8_lossy(&text).into_owned();
            (text, language.clone().with_directory(&directory))
        }
    };
    Program::parse(&text, &language)
        .map_err(|problems| format!("failed to parse mapping: {problems}"))
}

/// The lines of standard input, for several readers.
struct Lines<R> {
    input: Mutex<R>,
    limit: usize,
}

impl<R: BufRead> Lines<R> {
    /// The next line without its end; `None` after the last.
    fn next(&self) -> Result<Option<Vec<u8>>, String> {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = Vec::new();
        loop {
            let available = input.fill_buf().map_err(|error| error.to_string())?;
            if available.is_empty() {
                return Ok((!line.is_empty()).then_some(line));
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(available.len());
            line.extend_from_slice(&available[..taken]);
            input.consume(end.map_or(taken, |end| end + 1));
            if line.len() > self.limit {
                return Err(format!("a line is longer than {} bytes", self.limit));
            }
            if end.is_some() {
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
        }
    }
}

fn map_lines<R: BufRead>(
    program: &Program,
    args: &BloblArgs,
    lines: &Lines<R>,
) -> Result<(), String> {
    while let Some(line) = lines.next()? {
        let line = Line {
            text: line.into(),
            raw: args.raw,
            value: OnceLock::new(),
            metadata: Object::new(),
        };
        match map(program, &line, args.pretty) {
            Ok(mut result) => {
                result.push(b'\n');
                let mut stdout = std::io::stdout().lock();
                if stdout.write_all(&result).and_then(|()| stdout.flush()).is_err() {
                    return Ok(()); // nobody reads any more
                }
            }
            Err(error) => complain(format_args!("failed to execute map: {error}")),
        }
    }
    Ok(())
}

fn map(program: &Program, line: &Line, pretty: bool) -> Result<Vec<u8>, String> {
    let mapped = program.map(&Input::new(line, 0)).map_err(|error| error.to_string())?;
    let print = |value: &Value| match value {
        Value::String(_) | Value::Bytes(_) => value.to_body().to_vec(),
        document if pretty => schema::pretty(document).into_bytes(),
        document => document.to_json(),
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

/// A line as a message.
struct Line {
    text: bytes::Bytes,
    raw: bool,
    value: OnceLock<Result<Value, JsonError>>,
    metadata: Object,
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
