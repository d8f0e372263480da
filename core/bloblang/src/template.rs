//! Text with expressions inside, as configuration fields hold it: `topic-${! this.kind }`.

use bytes::Bytes;
use ecow::EcoString;
use sluice_value::{Object, Value};

use crate::{
    Context, Diagnostics, Environment, Error, Input, Program,
    budget::Budget,
    context::Frame,
    parse::{self, Segment},
};

/// A compiled interpolated string. Text without expressions costs nothing to render.
#[derive(Clone, Debug)]
pub struct Template(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Static(EcoString),
    Dynamic { segments: Vec<Segment>, program: Box<Program> },
}

impl Template {
    /// Compiles a template. `${{! x }}` stands for the text `${! x }`.
    ///
    /// # Errors
    /// An expression that does not parse, or has no end.
    pub fn parse(text: &str, environment: &Environment) -> Result<Self, Diagnostics> {
        let (segments, program) = parse::segments(text, environment)?;
        if segments.iter().any(|segment| !matches!(segment, Segment::Text(_))) {
            return Ok(Self(Kind::Dynamic { segments, program: Box::new(program) }));
        }
        let text: EcoString = segments
            .iter()
            .map(|segment| match segment {
                Segment::Text(text) => text.as_str(),
                _ => "",
            })
            .collect();
        Ok(Self(Kind::Static(text)))
    }

    /// A template that is just text.
    pub fn literal(text: impl Into<EcoString>) -> Self {
        Self(Kind::Static(text.into()))
    }

    /// The text, when it is the same for every message.
    pub fn as_static(&self) -> Option<&str> {
        match &self.0 {
            Kind::Static(text) => Some(text),
            Kind::Dynamic { .. } => None,
        }
    }

    /// Placeholders in the text, each once, in order of appearance.
    pub fn placeholders(&self) -> &[EcoString] {
        match &self.0 {
            Kind::Static(_) => &[],
            Kind::Dynamic { program, .. } => program.placeholders(),
        }
    }

    /// The text for a message.
    ///
    /// # Errors
    /// What the first failing expression says.
    pub fn render(&self, input: &Input<'_>) -> Result<EcoString, Error> {
        match &self.0 {
            Kind::Static(text) => Ok(text.clone()),
            Kind::Dynamic { .. } => {
                let bytes = self.render_bytes(input)?;
                Ok(EcoString::from(&*String::from_utf8_lossy(&bytes)))
            }
        }
    }

    /// The text for a message, bytes that expressions yield unchanged.
    ///
    /// # Errors
    /// What the first failing expression says.
    pub fn render_bytes(&self, input: &Input<'_>) -> Result<Bytes, Error> {
        let (segments, program) = match &self.0 {
            Kind::Static(text) => return Ok(Bytes::copy_from_slice(text.as_bytes())),
            Kind::Dynamic { segments, program } => (segments, program),
        };
        let none = Object::new();
        let exists = input.index < input.messages.len();
        let metadata = if exists { input.messages.metadata(input.index) } else { &none };
        let budget = Budget::new(program.limits, true);
        let frame = Frame {
            input: *input,
            host: &*program.host,
            directory: &program.directory,
            maps: None,
            document: None,
            metadata,
            in_place: false,
            scan: segments.len() == 1,
            moves: false,
            writes: None,
            budget: &budget,
        };
        let context = Context::new(&frame, None, None);
        let mut out = Vec::new();
        for segment in segments {
            match segment {
                Segment::Text(text) => out.extend_from_slice(text.as_bytes()),
                Segment::Param(name) => {
                    out.extend_from_slice(input.params.get(name).unwrap_or_default().as_bytes());
                }
                Segment::Query(query) => {
                    let outcome = query.eval(&context)?;
                    budget.check(outcome.value_or_null())?;
                    append(outcome.value_or_null(), &mut out);
                }
            }
        }
        Ok(out.into())
    }
}

fn append(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::RawString(content) | Value::Bytes(content) => out.extend_from_slice(content),
        other => out.extend_from_slice(other.to_text().as_bytes()),
    }
}
