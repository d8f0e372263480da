//! Compiled mappings and running them.

mod assembly;
mod assign;
mod body;
mod run;
mod scan;

use std::{collections::HashMap, sync::Arc};

use sluice_value::{EcoString, Object, Value};

use crate::{
    Context, Diagnostics, Environment, Error, Expr, Host, Input, Outcome,
    budget::{Budget, Limits},
    context::{Frame, Root, Variables},
    eval, gofmt, parse,
};
use body::run_body;
use run::Run;

/// Maps of a mapping, its own and imported ones.
pub(crate) type Maps = HashMap<EcoString, Arc<MapBody>>;

/// A compiled mapping. Compiled once and shared; all that changes comes with the [`Input`].
#[derive(Clone)]
pub struct Program {
    pub(crate) statements: Vec<Statement>,
    pub(crate) assembly: Option<Arc<Assembly>>,
    pub(crate) maps: Maps,
    pub(crate) variables: Arc<[EcoString]>,
    pub(crate) placeholders: Vec<EcoString>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) directory: Arc<str>,
    pub(crate) scan: bool,
    /// The document is read as a whole, once.
    pub(crate) once: bool,
    /// Values may come to share their parts.
    pub(crate) shares: bool,
    pub(crate) limits: Limits,
}

/// One statement and the line that its errors name.
#[derive(Clone, Debug)]
pub struct Statement {
    pub line: usize,
    pub kind: StatementKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    Assign {
        target: Target,
        value: Expr,
    },
    /// The statements of the first condition that holds; the last may have none.
    If(Vec<(Option<Expr>, Vec<Statement>)>),
}

/// What a statement assigns to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A path of the new document; the empty path is all of it.
    Root(Vec<EcoString>),
    /// A metadata key, or all metadata.
    Metadata(Option<EcoString>),
    Variable(usize),
}

/// The body of a `map`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MapBody {
    pub(crate) name: EcoString,
    pub(crate) statements: Vec<Statement>,
    pub(crate) variables: Arc<[EcoString]>,
}

/// What a mapping makes of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapped {
    pub body: Body,
    pub metadata: Object,
}

/// The content a mapping makes.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// The mapping assigned nothing to `root`: the content stays, byte for byte.
    Unchanged,
    /// Drop the message.
    Deleted,
    /// Strings and bytes are raw content, anything else is a document.
    Value(Value),
}

/// A message that a mapping writes onto, such as the origin of a branch.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The content, if it is a document.
    pub value: Option<Value>,
    pub metadata: Object,
}

impl Program {
    /// Compiles a mapping.
    ///
    /// # Errors
    /// All problems found, the one the reference would name first.
    pub fn parse(text: &str, environment: &Environment) -> Result<Self, Diagnostics> {
        parse::mapping(text, environment)
    }

    /// The statements, for analysis.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Placeholders in the text (`tyk_context.user`), each once, in order of appearance.
    pub fn placeholders(&self) -> &[EcoString] {
        &self.placeholders
    }

    /// Maps a message to a new one. When it fails, nothing has changed.
    ///
    /// # Errors
    /// `failed assignment (line N): reason`.
    pub fn map(&self, input: &Input<'_>) -> Result<Mapped, Error> {
        let metadata = own_metadata(input);
        let mut run = Run::new(self, input, Root::Untouched, metadata);
        let rest = match &self.assembly {
            Some(assembly) => run.assemble(assembly)?,
            None => &self.statements,
        };
        run.statements(rest)?;
        run.finish()
    }

    /// Changes a message in place: `this`, `@` and message functions see what was assigned so
    /// far, and what was assigned before a failure stays.
    pub fn mutate(&self, input: &Input<'_>) -> (Mapped, Option<Error>) {
        let metadata = own_metadata(input);
        let exists = input.index < input.messages.len();
        let document = if exists { input.messages.value(input.index).ok() } else { None };
        let root = document.map_or(Root::Untouched, |value| Root::Value(value.clone()));
        let mut run = Run::new(self, input, root, metadata);
        run.in_place = true;
        // What a statement makes is what the next one reads.
        let is_single =
            matches!(self.statements[..], [Statement { kind: StatementKind::Assign { .. }, .. }]);
        let watches = self.shares || !is_single;
        run.budget = Budget::new(self.limits, watches);
        run.shares_document = document.is_some();
        let failure = run.statements(&self.statements).and_then(|()| run.check()).err();
        if failure.is_some()
            && let Some(document) = run.document.take()
        {
            // The content is the document that was changed in place, not what replaced it.
            run.root = Root::Value(document);
        }
        (run.into_mapped(), failure)
    }

    /// Maps a message onto another one: `root` and `@` are the origin's, `this` and message
    /// functions see the input.
    ///
    /// # Errors
    /// `failed assignment (line N): reason`.
    pub fn map_onto(&self, origin: Origin, input: &Input<'_>) -> Result<Mapped, Error> {
        let root = origin.value.map_or(Root::Untouched, Root::Value);
        let mut run = Run::new(self, input, root, origin.metadata);
        run.statements(&self.statements)?;
        run.finish()
    }

    /// Runs the mapping as a condition.
    ///
    /// # Errors
    /// It fails, or does not yield a boolean.
    pub fn check(&self, input: &Input<'_>) -> Result<bool, Error> {
        let value = match self.map(input)?.body {
            Body::Value(Value::Bool(b)) => return Ok(b),
            Body::Value(raw @ (Value::String(_) | Value::RawString(_) | Value::Bytes(_))) => {
                sluice_value::json::parse(&raw.to_body())
                    .map_err(|error| Error::new(error.in_document(&raw.to_body())))?
            }
            Body::Value(value) => value,
            Body::Deleted => {
                return Err(Error::new(
                    "query mapping resulted in deleted message, expected a boolean value",
                ));
            }
            Body::Unchanged => input
                .messages
                .value(input.index)
                .cloned()
                .map_err(|error| Error::new(error.to_string()))?,
        };
        value
            .as_bool()
            .ok_or_else(|| Error::expected(&["bool"], &value).from_expression(|| "mapping".into()))
    }

    /// Runs the mapping with `this` being `value`, in the surroundings of `context`.
    ///
    /// # Errors
    /// `failed assignment (line N): reason`.
    pub fn eval_value(
        &self,
        value: &Value,
        context: &Context<'_>,
    ) -> Result<Outcome<'static>, Error> {
        let frame = Frame { maps: Some(&self.maps), writes: None, ..*context.frame };
        let context = Context { frame: &frame, ..context.with_this(value) };
        eval::with_stack(|| run_body(&self.statements, &self.variables, &context))
    }
}

fn own_metadata(input: &Input<'_>) -> Object {
    if input.index < input.messages.len() {
        input.messages.metadata(input.index).clone()
    } else {
        Object::new()
    }
}

fn as_condition(condition: &Expr, outcome: &Outcome<'_>) -> Result<bool, Error> {
    match outcome.as_value() {
        Some(Value::Bool(b)) => Ok(*b),
        _ => Err(eval::not_a_condition(condition, outcome)),
    }
}

impl Variables {
    pub(crate) fn new(names: &Arc<[EcoString]>) -> Self {
        Self { slots: vec![None; names.len()], names: Arc::clone(names) }
    }

    fn assign(&mut self, slot: usize, outcome: Outcome<'static>) {
        self.slots[slot] = match outcome {
            Outcome::Deleted | Outcome::Nothing => None,
            Outcome::Owned(value) => Some(value),
            Outcome::Borrowed(value) => Some(value.clone()),
        };
    }
}

/// Programs are equal that do the same; the lines of their statements may differ.
impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        self.statements == other.statements
            && self.maps == other.maps
            && self.variables == other.variables
    }
}

impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("statements", &self.statements)
            .field("maps", &self.maps.keys())
            .field("placeholders", &self.placeholders)
            .finish_non_exhaustive()
    }
}

pub(crate) use assembly::Assembly;
pub(crate) use body::apply_map;
pub(crate) use scan::{may_share, reads_all_once, reads_few_paths};

/// The `%T` of an assigned value, for error texts.
fn go_type(expr: &Expr, outcome: &Outcome<'_>) -> &'static str {
    gofmt::type_of_result(expr, outcome)
}
