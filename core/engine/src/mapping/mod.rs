//! Mappings, checks and interpolated text, compiled for the engine's messages.
//!
//! A program is compiled once per text and shared ([`Programs`]): ten thousand instances of one
//! template differ only in the values of their placeholders, which are data to it.
//!
//! Lives elsewhere: the language (`sluice-bloblang`), which files and variables it may read (the
//! [language](crate::Registry::language) of the registry).

mod cache;
mod compile;
mod view;

use std::sync::Arc;

use bytes::Bytes;
use sluice_bloblang::{self as language, Input, Template};
use sluice_message::{Batch, Message};
use sluice_value::{EcoString, Value};

pub(crate) use compile::{Programs, mistakes};

use self::cache::CacheHandles;
use self::view::View;
use crate::Owner;
use crate::tenancy::{Field, Reading, Selection};
use language::analysis::Needle;

/// How a mapping treats the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Builds a new document.
    Mapping,
    /// Changes the document in place.
    Mutation,
}

/// A compiled mapping.
pub struct Mapping {
    compiled: Compiled,
    mode: Mode,
}

/// A compiled query for any value.
pub struct Program {
    compiled: Compiled,
}

/// A compiled query for a truth value.
pub struct Check {
    compiled: Compiled,
}

/// Compiled text with `${! }` parts.
pub struct Text {
    kind: TextKind,
}

enum TextKind {
    Fixed(String),
    Dynamic { template: Arc<Template>, surroundings: Surroundings },
}

/// A shared program and what is this instance's own.
struct Compiled {
    program: Arc<language::Program>,
    surroundings: Surroundings,
}

/// What a program can reach beside the messages.
struct Surroundings {
    values: Values,
    caches: CacheHandles,
}

/// Values of the placeholders that a program mentions.
#[derive(Clone, Default)]
struct Values(Arc<[(EcoString, String)]>);

impl language::Params for Values {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Surroundings {
    fn input<'a>(&'a self, messages: &'a View<'a>, at: usize) -> Input<'a> {
        Input::new(messages, at).with_params(&self.values).with_resources(&self.caches)
    }
}

/// What a mapping made of a message.
pub struct Mapped {
    /// `None` when the mapping deletes it. After a failed mutation, the message with what was
    /// assigned before the failure.
    pub message: Option<Message>,
    /// Why the mapping failed, as the message's failure says it.
    pub error: Option<String>,
}

impl Mapping {
    /// The message that `batch[at]` maps to; `None` when the mapping deletes it.
    ///
    /// # Errors
    /// Why the mapping failed, as the message's failure says it. What a mutation assigned before
    /// it failed is told by [`Mapping::apply`].
    pub fn map(&self, batch: &Batch, at: usize) -> Result<Option<Message>, String> {
        let mapped = self.apply(batch, at);
        mapped.error.map_or(Ok(mapped.message), Err)
    }

    /// Maps `messages[at]`. A failed mapping leaves it as it was.
    pub fn apply(&self, messages: &[Message], at: usize) -> Mapped {
        let (made, error) = self.run(messages, at, false);
        let original =
            messages.get(at).cloned().unwrap_or_else(|| Message::from_bytes(Bytes::new()));
        let message = match made {
            Some(made) => write(made, original),
            None => Some(original),
        };
        Mapped { message, error: error.map(|error| error.to_string()) }
    }

    /// Maps every message of a batch; each mapping sees the batch as it came. Failures are marked
    /// in the name of `owner`.
    pub fn process(&self, mut batch: Batch, owner: &Owner) -> Batch {
        if let [_] = batch.as_slice() {
            let (made, error) = self.run(&batch, 0, true);
            let Some(message) = batch.pop() else { return batch };
            batch.extend(settle(made, error, message, owner));
            return batch;
        }
        let made: Vec<_> = (0..batch.len()).map(|at| self.run(&batch, at, true)).collect();
        let settled = made
            .into_iter()
            .zip(batch)
            .filter_map(|((made, error), message)| settle(made, error, message, owner));
        settled.collect()
    }

    /// Maps `messages[at]` onto `origin`: `root` and `@` are the origin's. `None` when the
    /// mapping deletes it.
    ///
    /// # Errors
    /// Why the mapping failed.
    pub fn map_onto(
        &self,
        origin: &Message,
        messages: &[Message],
        at: usize,
    ) -> Result<Option<Message>, String> {
        let target = language::Origin {
            value: origin.value().ok().cloned(),
            metadata: origin.metadata().clone(),
        };
        let view = View(messages);
        let Compiled { program, surroundings } = &self.compiled;
        let made = program
            .map_onto(target, &surroundings.input(&view, at))
            .map_err(|error| error.to_string())?;
        Ok(write(made, origin.clone()))
    }

    /// Which messages the mapping keeps, where that is one value at one path: of all other
    /// documents it makes nothing.
    pub fn selection(&self) -> Option<Selection> {
        let Compiled { program, surroundings } = &self.compiled;
        let filter = language::analysis::filter(program, matches!(self.mode, Mode::Mutation))?;
        let (text, reading) = match filter.needle(&surroundings.values)? {
            Needle::Text(text) => match filter.reading {
                language::analysis::Reading::AsItIs => (text, Reading::Text),
                language::analysis::Reading::Text => (text, Reading::AsText),
                language::analysis::Reading::Lowercase => (text, Reading::Lowercase),
            },
            Needle::Integer(number) => (number.to_string(), Reading::Number),
        };
        let (origin, is_blind) = (filter.origin, filter.is_blind);
        let field = Field { origin, path: filter.path.into(), is_blind, reading };
        Some(Selection::new(field, text))
    }

    /// The program, for analysis.
    pub fn program(&self) -> &language::Program {
        &self.compiled.program
    }

    /// What the program makes, for the place of the message or not; `None` of a failed mapping.
    fn run(
        &self,
        messages: &[Message],
        at: usize,
        replaces: bool,
    ) -> (Option<language::Mapped>, Option<language::Error>) {
        let view = View(messages);
        let Compiled { program, surroundings } = &self.compiled;
        let input = surroundings.input(&view, at);
        let input = if replaces { input.replacing() } else { input };
        match self.mode {
            Mode::Mapping => match program.map(&input) {
                Ok(made) => (Some(made), None),
                Err(error) => (None, Some(error)),
            },
            Mode::Mutation => {
                let (made, error) = program.mutate(&input);
                (Some(made), error)
            }
        }
    }
}

fn settle(
    made: Option<language::Mapped>,
    error: Option<language::Error>,
    message: Message,
    owner: &Owner,
) -> Option<Message> {
    let mut message = match made {
        Some(made) => write(made, message)?,
        None => message,
    };
    if let Some(error) = error {
        owner.fail_loudly(&mut message, error);
    }
    Some(message)
}

/// Puts what a program made into the message it is about.
fn write(made: language::Mapped, mut message: Message) -> Option<Message> {
    match made.body {
        language::Body::Unchanged => {}
        language::Body::Deleted => return None,
        language::Body::Value(value) => message.set_value(value),
    }
    *message.metadata_mut() = made.metadata;
    Some(message)
}

impl Program {
    /// The value of the query for one message of a batch.
    ///
    /// # Errors
    /// Why the query failed; a query that deletes fails.
    pub fn eval(&self, messages: &[Message], at: usize) -> Result<Value, String> {
        let view = View(messages);
        let Compiled { program, surroundings } = &self.compiled;
        let made =
            program.map(&surroundings.input(&view, at)).map_err(|error| error.to_string())?;
        match made.body {
            language::Body::Value(value) => Ok(value),
            language::Body::Deleted => Err("query returned deleted".into()),
            language::Body::Unchanged => match messages.get(at).map(Message::value) {
                Some(Ok(value)) => Ok(value.clone()),
                Some(Err(error)) => Err(error.to_string()),
                None => Ok(Value::Null),
            },
        }
    }
}

impl Check {
    /// # Errors
    /// The query failed or gave something else than a truth value.
    pub fn is_true(&self, messages: &[Message], at: usize) -> Result<bool, String> {
        let view = View(messages);
        let Compiled { program, surroundings } = &self.compiled;
        program.check(&surroundings.input(&view, at)).map_err(|error| error.to_string())
    }
}

impl Text {
    /// The text when it is the same for every message.
    pub fn fixed(&self) -> Option<&str> {
        match &self.kind {
            TextKind::Fixed(text) => Some(text),
            TextKind::Dynamic { .. } => None,
        }
    }

    /// The text for one message of a batch.
    ///
    /// # Errors
    /// Why a query in it failed.
    pub fn render(&self, messages: &[Message], at: usize) -> Result<String, String> {
        match &self.kind {
            TextKind::Fixed(text) => Ok(text.clone()),
            TextKind::Dynamic { template, surroundings } => {
                let view = View(messages);
                template
                    .render(&surroundings.input(&view, at))
                    .map(String::from)
                    .map_err(|error| error.to_string())
            }
        }
    }

    /// The text for one message of a batch, bytes that queries yield unchanged.
    ///
    /// # Errors
    /// As [`Text::render`].
    pub fn render_bytes(&self, messages: &[Message], at: usize) -> Result<Bytes, String> {
        match &self.kind {
            TextKind::Fixed(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
            TextKind::Dynamic { template, surroundings } => {
                let view = View(messages);
                template
                    .render_bytes(&surroundings.input(&view, at))
                    .map_err(|error| error.to_string())
            }
        }
    }
}
