//! `csv` input: rows of files.

use std::sync::Arc;

use bytes::Bytes;
use sluice_builtin::csv::{Rows, delimiter, document};
use sluice_config::{Node, config};
use sluice_engine::{BuildError, BuiltInput, Registry, Scan, ScanError, Scanner, Scope};
use sluice_message::Message;
use sluice_value::{EcoString, Value};
use tracing::error;

use crate::input_file::{Files, Paths};

config! {
    /// Where and how to read.
    pub struct CsvInput {
        /// Files to read in order. Globs are expanded when the input starts.
        paths: Paths,
        /// Whether the first row of a file names its columns.
        parse_header_row: bool = true,
        /// What separates values.
        delimiter: String = ",",
        /// Whether quotes may stand where they should not.
        lazy_quotes: bool = false,
        /// Deletes a file once every message of it was delivered.
        delete_on_finish: bool = false => advanced,
        /// Rows of a batch.
        batch_count: usize = 1 => advanced,
        /// Keeps failed messages and sends them again.
        auto_replay_nacks: bool = true,
        /// Names that the header row must have.
        expected_headers: Option<Vec<String>>,
        /// How many values each row must have; else as many as the first of its file.
        expected_number_of_fields: Option<i64> => rule(at_least_one_field),
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("csv", build)
        .categories(&["Local"])
        .lint(sluice_builtin::csv::headers_are_parsed)
        .doc(
            "Reads files of comma-separated values and makes a message of each row: an object by \
             the names of the header row, or without one an array.\n\n\
             A file whose header is not the expected one, or that has a broken row, is read no \
             further; the next one is.",
        );
}

fn at_least_one_field(node: &Node) -> Vec<String> {
    let is_wrong = node.as_text().and_then(|text| text.parse::<i64>().ok()).is_some_and(|n| n < 1);
    let message = || "expected_number_of_fields must be at least 1".to_owned();
    is_wrong.then(message).into_iter().collect()
}

fn build(config: CsvInput, _: &Scope) -> Result<BuiltInput, BuildError> {
    let expected = config.expected_headers.unwrap_or_default();
    if !expected.is_empty() && !config.parse_header_row {
        return Err(BuildError::new("expected_headers is set but parse_header_row is false"));
    }
    let fields = match config.expected_number_of_fields {
        Some(fields) if fields < 1 => {
            return Err(BuildError::new("expected_number_of_fields must be at least 1"));
        }
        fields => fields.map(|fields| fields as usize),
    };
    let scanner = CsvFiles {
        comma: delimiter(&config.delimiter)?,
        lazy_quotes: config.lazy_quotes,
        fields,
        has_header: config.parse_header_row,
        expected,
    };
    let files = Files::new(Arc::new(scanner), &config.paths, config.delete_on_finish)?;
    let files = files.in_batches_of(config.batch_count.max(1));
    Ok(BuiltInput::connector(files, config.auto_replay_nacks))
}

/// Cuts files into rows.
struct CsvFiles {
    comma: char,
    lazy_quotes: bool,
    fields: Option<usize>,
    has_header: bool,
    expected: Vec<String>,
}

impl Scanner for CsvFiles {
    fn begin(&self, name: &str) -> Result<Box<dyn Scan>, ScanError> {
        Ok(Box::new(CsvFile {
            rows: Rows::new(self.comma, self.lazy_quotes, self.fields),
            name: name.to_owned(),
            header: if self.has_header { Header::Awaited } else { Header::None },
            expected: self.expected.clone(),
            is_given_up: false,
        }))
    }
}

struct CsvFile {
    rows: Rows,
    name: String,
    header: Header,
    expected: Vec<String>,
    is_given_up: bool,
}

enum Header {
    None,
    Awaited,
    Known { names: Vec<EcoString>, metadata: Value },
}

impl CsvFile {
    fn take(&mut self, at_end: bool, out: &mut Vec<Message>) {
        while !self.is_given_up {
            let Some(row) = self.rows.next(at_end) else { return };
            match row {
                Err(problem) => self.give_up(&problem.message),
                Ok(fields) if matches!(self.header, Header::Awaited) => self.read_header(fields),
                Ok(fields) => out.push(self.message(fields)),
            }
        }
    }

    fn read_header(&mut self, names: Vec<EcoString>) {
        if !self.expected.is_empty() && names != self.expected {
            let expected = &self.expected;
            return self.give_up(&format!("header row {names:?} is not the expected {expected:?}"));
        }
        let metadata = names.iter().cloned().map(Value::String).collect::<Vec<_>>().into();
        self.header = Header::Known { names, metadata };
    }

    fn message(&self, fields: Vec<EcoString>) -> Message {
        match &self.header {
            Header::Known { names, metadata } => {
                let mut message = Message::from_value(document(fields, Some(names)));
                message.set_metadata("header", metadata.clone());
                message
            }
            _ => Message::from_value(document(fields, None)),
        }
    }

    fn give_up(&mut self, problem: &str) {
        error!(file = %self.name, "Stopped reading a file: {problem}");
        self.is_given_up = true;
    }
}

impl Scan for CsvFile {
    fn feed(&mut self, chunk: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError> {
        if !self.is_given_up {
            self.rows.feed(&chunk);
            self.take(false, out);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Message>) -> Result<(), ScanError> {
        self.take(true, out);
        Ok(())
    }
}
