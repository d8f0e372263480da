//! `csv`.

use std::sync::Arc;

use bytes::Bytes;
use sluice_config::{Node, config};
use sluice_engine::{BuildError, Registry, Scan, ScanError, Scanner, Scope};
use sluice_message::{Failure, Message};
use sluice_value::{EcoString, Value};

use crate::csv::{Rows, delimiter, document, headers_are_parsed};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .scanner("csv", build)
        .doc(
            "Makes a message of each row of comma-separated values.\n\n\
             With a header row a message is an object by its names, without one an array. The \
             metadata `csv_row` counts rows from 0.",
        )
        .lint(headers_are_parsed);
}

config! {
    /// Rows of values.
    struct CsvConfig {
        /// What separates values, instead of a comma.
        custom_delimiter: Option<String>,
        /// Whether the first row names the columns.
        parse_header_row: bool = true,
        /// Whether quotes may stand where they should not.
        lazy_quotes: bool = false,
        /// Whether a broken row makes a message that is marked as failed, rather than end the stream.
        continue_on_error: bool = false,
        /// Names that the header row must have.
        expected_headers: Option<Vec<String>>,
        /// How many values each row must have; else as many as the first.
        expected_number_of_fields: Option<i64> => rule(at_least_one_field),
    }
}

fn at_least_one_field(node: &Node) -> Vec<String> {
    let is_wrong = node.as_text().and_then(|text| text.parse::<i64>().ok()).is_some_and(|n| n < 1);
    let message = || "expected_number_of_fields must be at least 1".to_owned();
    is_wrong.then(message).into_iter().collect()
}

struct Csv {
    config: CsvConfig,
    comma: char,
    fields: Option<usize>,
}

fn build(config: CsvConfig, _: &Scope) -> Result<Arc<dyn Scanner>, BuildError> {
    let expected = config.expected_headers.as_ref().is_some_and(|headers| !headers.is_empty());
    if expected && !config.parse_header_row {
        return Err(BuildError::new("expected_headers is set but parse_header_row is false"));
    }
    let fields = match config.expected_number_of_fields {
        Some(fields) if fields < 1 => {
            return Err(BuildError::new("expected_number_of_fields must be at least 1"));
        }
        fields => fields.map(|fields| fields as usize),
    };
    let comma = delimiter(config.custom_delimiter.as_deref().unwrap_or_default())?;
    Ok(Arc::new(Csv { config, comma, fields }))
}

impl Scanner for Csv {
    fn begin(&self, _: &str) -> Result<Box<dyn Scan>, ScanError> {
        let header = if self.config.parse_header_row { Header::Awaited } else { Header::None };
        Ok(Box::new(CsvScan {
            rows: Rows::new(self.comma, self.config.lazy_quotes, self.fields),
            header,
            expected: self.config.expected_headers.clone().unwrap_or_default(),
            continue_on_error: self.config.continue_on_error,
            row: 0,
        }))
    }
}

struct CsvScan {
    rows: Rows,
    header: Header,
    expected: Vec<String>,
    continue_on_error: bool,
    row: i64,
}

enum Header {
    None,
    Awaited,
    Known(Vec<EcoString>),
}

impl CsvScan {
    fn take(&mut self, at_end: bool, out: &mut Vec<Message>) -> Result<(), ScanError> {
        while let Some(row) = self.rows.next(at_end) {
            if matches!(self.header, Header::Awaited) {
                let names = row.map_err(|error| ScanError(error.to_string()))?;
                if !self.expected.is_empty() && names != self.expected {
                    return Err(ScanError(format!(
                        "header row {names:?} does not match the expected headers {:?}",
                        self.expected
                    )));
                }
                self.header = Header::Known(names);
                continue;
            }
            let (fields, error) = match row {
                Ok(fields) => (fields, None),
                Err(error) if self.continue_on_error => (error.fields.clone(), Some(error)),
                Err(error) => return Err(ScanError(error.to_string())),
            };
            let header = match &self.header {
                Header::Known(names) => Some(names.as_slice()),
                _ => None,
            };
            let mut message = Message::from_value(document(fields, header));
            message.set_metadata("csv_row", Value::Int(self.row));
            if let Some(error) = error {
                message.set_failure(Failure { message: error.to_string(), ..Failure::default() });
            }
            self.row += 1;
            out.push(message);
        }
        Ok(())
    }
}

impl Scan for CsvScan {
    fn feed(&mut self, chunk: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError> {
        self.rows.feed(&chunk);
        self.take(false, out)
    }

    fn end(&mut self, out: &mut Vec<Message>) -> Result<(), ScanError> {
        self.take(true, out)
    }
}
