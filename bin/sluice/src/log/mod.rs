//! Log lines: what of the program's events is written where, and in which form.
//!
//! Components emit `tracing` events; their `label` and `path` fields become fields of the line. An
//! event may carry more fields than its author knew when writing it as JSON in a field named
//! [`EXTRA`]. Lines of other crates are logged from warnings on.
//!
//! Lives elsewhere: error samples of processors (the engine decides what it emits).

mod file;
mod format;

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use sluice_value::{Object, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::config::settings::LoggerSettings;
use crate::console;
use file::LogWriter;
use format::{Form, Line, Names};

/// Field with more fields of the line, as a JSON object.
const EXTRA: &str = "fields";

/// Where lines go unless a file is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Starts logging for the rest of the process.
///
/// # Errors
/// The log file cannot be opened, or logging has begun before.
pub fn init(settings: &LoggerSettings, level: Option<&str>, stream: Stream) -> Result<(), String> {
    let layer = LogLayer::new(settings, level.unwrap_or(&settings.level), stream)?;
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())
}

/// The levels of the reference. The program itself logs nothing as fatal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Off,
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Severity {
    /// An unknown word keeps the default, as in the reference.
    fn parse(word: &str) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "OFF" | "NONE" => Self::Off,
            "FATAL" => Self::Fatal,
            "ERROR" => Self::Error,
            "WARN" => Self::Warn,
            "DEBUG" => Self::Debug,
            "TRACE" | "ALL" => Self::Trace,
            _ => Self::Info,
        }
    }

    fn of(level: Level) -> Self {
        match level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warn,
            Level::INFO => Self::Info,
            Level::DEBUG => Self::Debug,
            Level::TRACE => Self::Trace,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Fatal => "fatal",
            Self::Error => "error",
            Self::Warn => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

struct LogLayer {
    level: Severity,
    form: Form,
    names: Names,
    static_fields: Object,
    /// Failures of processors are errors, not details.
    promote_failures: bool,
    writer: Mutex<LogWriter>,
}

impl LogLayer {
    fn new(settings: &LoggerSettings, level: &str, stream: Stream) -> Result<Self, String> {
        let (writer, is_terminal) = match (settings.file.path.as_str(), stream) {
            ("", Stream::Stdout) => (LogWriter::Stdout, std::io::stdout().is_terminal()),
            ("", Stream::Stderr) => (LogWriter::Stderr, std::io::stderr().is_terminal()),
            (_, _) => (LogWriter::open(&settings.file)?, false),
        };
        let colours = match stream {
            Stream::Stdout => console::stdout_has_colours(),
            Stream::Stderr => console::stderr_has_colours(),
        };
        let form = match settings.format.to_ascii_lowercase().as_str() {
            "json" => Form::Json,
            _ if is_terminal => Form::Human { colours },
            _ => Form::Logfmt,
        };
        let static_fields = settings.static_fields.iter();
        Ok(Self {
            level: Severity::parse(level),
            form,
            names: Names {
                level: settings.level_name.clone(),
                time: settings.timestamp_name.clone(),
                message: settings.message_name.clone(),
                add_time: settings.add_timestamp,
            },
            static_fields: static_fields
                .map(|(name, value)| (name.as_str().into(), Value::from(value.as_str())))
                .collect(),
            promote_failures: settings.log_all_errors,
            writer: Mutex::new(writer),
        })
    }

    /// The level an event is logged at; `None` when it is not.
    fn severity(&self, event: &Event<'_>, fields: &Fields) -> Option<Severity> {
        let mut severity = fields.severity.unwrap_or(Severity::of(*event.metadata().level()));
        if self.promote_failures && fields.message.starts_with("Processor failed: ") {
            severity = Severity::Error;
        }
        let is_own = event.metadata().target().starts_with("sluice");
        (severity <= self.level && (is_own || severity <= Severity::Warn)).then_some(severity)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let at_best = Severity::of(*event.metadata().level());
        if at_best > self.level && !self.promote_failures && self.level > Severity::Fatal {
            return;
        }
        let mut fields = Fields { values: self.static_fields.clone(), ..Fields::default() };
        event.record(&mut fields);
        let Some(severity) = self.severity(event, &fields) else { return };
        let line =
            Line { level: severity.name(), message: &fields.message, fields: &fields.values };
        let text = self.form.render(&line, &self.names);
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writer.write_all(text.as_bytes()); // there is nowhere to complain to
    }
}

/// Gathers the fields of an event.
#[derive(Default)]
struct Fields {
    message: String,
    severity: Option<Severity>,
    values: Object,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        self.values.insert(field.name(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "message" => self.message = text,
            EXTRA => self.extra(&text),
            _ => self.put(field, text.into()),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            EXTRA => self.extra(value),
            // Levels that events cannot have.
            "severity" => self.severity = Some(Severity::parse(value)),
            _ => self.put(field, value.into()),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}

impl Fields {
    fn extra(&mut self, text: &str) {
        match json::parse(text.as_bytes()) {
            Ok(Value::Object(fields)) => self.values.extend(fields),
            _ => {
                self.values.insert(EXTRA, text.into());
            }
        }
    }
}
