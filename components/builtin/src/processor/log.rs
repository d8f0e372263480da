//! `log`: lines about messages.

use std::collections::BTreeMap;

use sluice_config::{Interpolated, Query, config};
use sluice_engine::{
    Batches, BuildError, DirectProcessor, Processor, Program, Registry, Scope, Text,
};
use sluice_message::Batch;
use sluice_value::{Object, Value};
use smallvec::smallvec;
use tracing::{debug, error, info, trace, warn};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("log", build)
        .doc(
            "Logs a line for each message, which passes unchanged.\n\n\
             A mapping may add fields to the line: each field of the object it makes.",
        )
        .categories(&["Utility"]);
}

config! {
    /// What to log.
    struct LogConfig {
        /// Level of the line.
        level: String = "INFO" => advisory_options("FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL"),
        /// A mapping to an object of fields that are added to the line.
        fields_mapping: Option<Query>,
        /// The line's message.
        message: Interpolated = "",
        /// Fields that are added to the line.
        fields: Option<BTreeMap<String, Interpolated>> => deprecated,
    }
}

struct Log {
    level: Level,
    message: Text,
    fields_mapping: Option<Program>,
    fields: Vec<(String, Text)>,
    label: String,
    path: String,
}

#[derive(Clone, Copy)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

fn build(config: LogConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let level = match config.level.to_ascii_uppercase().as_str() {
        "FATAL" | "ERROR" => Level::Error,
        "WARN" => Level::Warn,
        "INFO" => Level::Info,
        "DEBUG" => Level::Debug,
        "TRACE" | "ALL" => Level::Trace,
        _ => return Err(BuildError::new(format!("log level not recognised: {}", config.level))),
    };
    let fields = config.fields.iter().flatten();
    let fields = fields.map(|(name, text)| Ok((name.clone(), scope.text(text)?)));
    Ok(Processor::direct(Log {
        level,
        message: scope.text(&config.message)?,
        fields_mapping: config.fields_mapping.as_ref().map(|it| scope.query(it)).transpose()?,
        fields: fields.collect::<Result<_, BuildError>>()?,
        label: scope.label().to_owned(),
        path: scope.path().to_owned(),
    }))
}

impl Log {
    /// The extra fields of a line.
    ///
    /// # Errors
    /// A field cannot be evaluated.
    fn fields_of(&self, batch: &Batch, at: usize) -> Result<Object, String> {
        let mut fields = Object::new();
        for (name, text) in &self.fields {
            let text = text
                .render(batch, at)
                .map_err(|problem| format!("field interpolation error: {problem}"))?;
            fields.insert(name.as_str(), Value::from(text));
        }
        let Some(mapping) = &self.fields_mapping else { return Ok(fields) };
        match mapping.eval(batch, at) {
            Ok(Value::Object(mapped)) => fields.extend(mapped),
            Ok(other) => {
                let kind = other.kind();
                return Err(format!("fields mapping yielded a non-object result: {kind}"));
            }
            Err(problem) => return Err(format!("failed to execute fields mapping: {problem}")),
        }
        Ok(fields)
    }

    /// Logs a line. What the fields are is only known now, so they travel as one JSON text under
    /// the name `fields`, which the program's log formats take apart again.
    fn log(&self, message: &str, fields: &Object) {
        macro_rules! line {
            ($level:ident) => {
                if fields.is_empty() {
                    $level!(label = %self.label, path = %self.path, "{message}")
                } else {
                    let fields = Value::Object(fields.clone());
                    $level!(label = %self.label, path = %self.path, %fields, "{message}")
                }
            };
        }
        match self.level {
            Level::Error => line!(error),
            Level::Warn => line!(warn),
            Level::Info => line!(info),
            Level::Debug => line!(debug),
            Level::Trace => line!(trace),
        }
    }

    fn is_heard(&self) -> bool {
        match self.level {
            Level::Error => tracing::enabled!(tracing::Level::ERROR),
            Level::Warn => tracing::enabled!(tracing::Level::WARN),
            Level::Info => tracing::enabled!(tracing::Level::INFO),
            Level::Debug => tracing::enabled!(tracing::Level::DEBUG),
            Level::Trace => tracing::enabled!(tracing::Level::TRACE),
        }
    }
}

impl DirectProcessor for Log {
    fn process(&self, batch: Batch) -> Batches {
        if self.is_heard() {
            for at in 0..batch.len() {
                let fields = self.fields_of(&batch, at).unwrap_or_else(|problem| {
                    error!(label = %self.label, path = %self.path, "{problem}");
                    Object::new()
                });
                match self.message.render(&batch, at) {
                    Ok(message) => self.log(&message, &fields),
                    Err(problem) => {
                        error!(label = %self.label, path = %self.path, "Failed to interpolate log message: {problem}");
                    }
                }
            }
        }
        smallvec![batch]
    }
}
