//! Compiled mappings and running them.

mod assembly;
mod assign;
mod scan;

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use sluice_value::{EcoString, Object, Value};

use crate::{
    Context, Diagnostics, Environment, Error, Expr, Host, Input, Outcome,
    budget::{Budget, Limits},
    context::{Frame, MAX_MAPS, Place, Root, Variables, Write},
    eval, gofmt, parse, path,
};

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
        let watches = self.shares || self.statements.len() > 1;
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

/// A mapping at work on one message.
struct Run<'r> {
    program: &'r Program,
    input: &'r Input<'r>,
    root: Root,
    metadata: Object,
    variables: Variables,
    /// The message's document where it differs from the batch's.
    document: Option<Value>,
    in_place: bool,
    /// A mutation that has not replaced its document: `this` is `root`.
    shares_document: bool,
    budget: Budget,
}

impl<'r> Run<'r> {
    fn new(program: &'r Program, input: &'r Input<'r>, root: Root, metadata: Object) -> Self {
        let variables = Variables::new(&program.variables);
        Self {
            program,
            input,
            root,
            metadata,
            variables,
            document: None,
            in_place: false,
            shares_document: false,
            budget: Budget::new(program.limits, program.shares),
        }
    }

    fn statements(&mut self, statements: &[Statement]) -> Result<(), Error> {
        for statement in statements {
            self.statement(statement)
                .map_err(|error| self.explain(error).in_statement(statement.line))?;
        }
        Ok(())
    }

    /// Makes the document of the first statements, and returns the others.
    fn assemble(&mut self, assembly: &Assembly) -> Result<&'r [Statement], Error> {
        let (mut first, rest) = self.program.statements.split_at(assembly.statements);
        let mut values = Vec::with_capacity(assembly.slots());
        while let Some(statement) = first.first() {
            let before = values.len();
            let failed = match self.fill(first, &mut values) {
                Ok(()) if values.len() > before => {
                    first = &first[values.len() - before..];
                    continue;
                }
                Ok(()) => self.statement(statement).err().map(|error| (statement, error)),
                Err(error) => Some((&first[values.len() - before], error)),
            };
            if let Some((statement, error)) = failed {
                return Err(self.explain(error).in_statement(statement.line));
            }
            first = &first[1..];
        }
        self.root = assembly.build(values);
        Ok(rest)
    }

    /// Computes what the statements up to the next that assigns to something else than the
    /// document assign, or up to one that writes.
    fn fill(
        &mut self,
        statements: &[Statement],
        values: &mut Vec<Outcome<'static>>,
    ) -> Result<(), Error> {
        self.with_context(|context| {
            for statement in statements {
                let StatementKind::Assign { target: Target::Root(_), value } = &statement.kind
                else {
                    return Ok(());
                };
                values.push(value.eval(context)?.into_owned());
                if context.has_writes() {
                    return Ok(());
                }
            }
            Ok(())
        })
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), Error> {
        match &statement.kind {
            StatementKind::Assign { target, value } => {
                let outcome = self.eval(value)?;
                self.assign(target, value, outcome)
            }
            StatementKind::If(branches) => {
                for (at, (condition, statements)) in branches.iter().enumerate() {
                    let holds = match condition {
                        Some(condition) => {
                            let outcome = self.eval(condition).map_err(|error| {
                                error.context(format!("failed to check if condition {}", at + 1))
                            })?;
                            as_condition(condition, &outcome)?
                        }
                        None => true,
                    };
                    if holds {
                        return statements.iter().try_for_each(|inner| self.statement(inner));
                    }
                }
                Ok(())
            }
        }
    }

    fn eval(&mut self, expr: &Expr) -> Result<Outcome<'static>, Error> {
        self.with_context(|context| expr.eval(context).map(Outcome::into_owned))
    }

    /// Runs `work` where expressions stand, and carries out what they wrote.
    fn with_context<T>(&mut self, work: impl FnOnce(&Context<'_>) -> T) -> T {
        let writes = RefCell::new(Vec::new());
        let result = {
            let document = match (&self.root, &self.document) {
                (Root::Value(root), _) if self.shares_document => Some(root),
                (_, document) => document.as_ref(),
            };
            let frame = Frame {
                input: *self.input,
                host: &*self.program.host,
                directory: &self.program.directory,
                maps: Some(&self.program.maps),
                document,
                metadata: &self.metadata,
                in_place: self.in_place,
                scan: self.program.scan,
                writes: Some(&writes),
                budget: &self.budget,
            };
            work(&Context::new(&frame, Some(&self.variables), Some(&self.root)))
        };
        for write in writes.into_inner() {
            self.write(write);
        }
        result
    }

    /// Carries out what `set` does to the value it was called on.
    fn write(&mut self, write: Write) {
        let place = match write.place {
            Place::Variable(slot) => self.variables.slots.get_mut(slot).and_then(Option::as_mut),
            Place::Document if self.shares_document => match &mut self.root {
                Root::Value(root) => Some(root),
                _ => None,
            },
            Place::Document => {
                if self.document.is_none() {
                    self.document = self.input.messages.value(self.input.index).ok().cloned();
                }
                self.document.as_mut()
            }
        };
        let Some(place) = place else { return };
        // `set` itself reported what cannot be written.
        match write.value {
            Some(value) => drop(path::set(place, &write.keys, value)),
            None => drop(path::delete(place, &write.keys)),
        }
    }

    fn assign(
        &mut self,
        target: &Target,
        expr: &Expr,
        outcome: Outcome<'static>,
    ) -> Result<(), Error> {
        if outcome == Outcome::Nothing {
            return Ok(());
        }
        match target {
            Target::Variable(slot) => {
                self.budget.check(outcome.value_or_null())?;
                self.variables.assign(*slot, outcome);
                Ok(())
            }
            Target::Metadata(key) => {
                self.budget.check(outcome.value_or_null())?;
                assign::metadata(&mut self.metadata, key.as_ref(), expr, outcome)
            }
            Target::Root(keys) => {
                if keys.is_empty() && self.shares_document {
                    self.shares_document = false;
                    if let Root::Value(document) = std::mem::take(&mut self.root) {
                        self.document = Some(document);
                    }
                }
                assign::root(&mut self.root, keys, outcome)
            }
        }
    }

    /// Says why there is no document, where an expression needed one.
    fn explain(&self, error: Error) -> Error {
        let Some(path) = error.missing_context() else { return error };
        let (messages, index) = (self.input.messages, self.input.index);
        let reason = if index >= messages.len() || messages.bytes(index).is_empty() {
            "message is empty".to_owned()
        } else {
            match messages.value(index) {
                Ok(_) => return error,
                Err(error) => {
                    format!("parse as json: {}", error.in_document(&messages.bytes(index)))
                }
            }
        };
        let dot = if path.is_empty() { "" } else { "." };
        Error::new(format!(
            "unable to reference message as structured (with 'this{dot}{path}'): {reason}"
        ))
    }

    fn finish(self) -> Result<Mapped, Error> {
        self.check()?;
        Ok(self.into_mapped())
    }

    /// Refuses a document that would be too large to print.
    fn check(&self) -> Result<(), Error> {
        match &self.root {
            Root::Value(value) => self.budget.check(value),
            Root::Untouched | Root::Deleted => Ok(()),
        }
    }

    fn into_mapped(self) -> Mapped {
        let body = match self.root {
            Root::Untouched => Body::Unchanged,
            Root::Deleted => Body::Deleted,
            Root::Value(value) => Body::Value(value),
        };
        Mapped { body, metadata: self.metadata }
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

/// Applies a map to `this` of the context.
pub(crate) fn apply_map(name: &str, context: &Context<'_>) -> Result<Outcome<'static>, Error> {
    let maps = context.frame.maps.ok_or_else(|| Error::new("no maps were found"))?;
    let body = maps.get(name).ok_or_else(|| Error::new(format!("map {name} was not found")))?;
    let entered = context.maps_entered + 1;
    if entered > MAX_MAPS {
        return Err(Error::recursion(format!("map {}", body.name), MAX_MAPS));
    }
    context.budget().spend(1)?;
    let context = Context { maps_entered: entered, ..*context };
    eval::with_stack(|| run_body(&body.statements, &body.variables, &context))
}

/// Runs statements that build a document of their own and have variables of their own.
fn run_body(
    statements: &[Statement],
    names: &Arc<[EcoString]>,
    context: &Context<'_>,
) -> Result<Outcome<'static>, Error> {
    let mut root = Root::Untouched;
    let mut variables = Variables::new(names);
    for statement in statements {
        body_statement(statement, &mut root, &mut variables, context)
            .map_err(|error| error.in_map_statement(statement.line))?;
    }
    Ok(match root {
        Root::Untouched => Outcome::Nothing,
        Root::Deleted => Outcome::Deleted,
        Root::Value(value) => Outcome::Owned(value),
    })
}

fn body_statement(
    statement: &Statement,
    root: &mut Root,
    variables: &mut Variables,
    context: &Context<'_>,
) -> Result<(), Error> {
    let eval = |expr: &Expr, root: &Root, variables: &Variables| {
        let context = Context { root: Some(root), variables: Some(variables), ..*context };
        expr.eval(&context).map(Outcome::into_owned)
    };
    match &statement.kind {
        StatementKind::Assign { target, value } => {
            let outcome = eval(value, root, variables)?;
            match target {
                _ if outcome == Outcome::Nothing => Ok(()),
                Target::Root(keys) => assign::root(root, keys, outcome),
                Target::Variable(slot) => {
                    context.budget().check(outcome.value_or_null())?;
                    variables.assign(*slot, outcome);
                    Ok(())
                }
                Target::Metadata(_) => {
                    Err(Error::new("unable to assign metadata in the current context"))
                }
            }
        }
        StatementKind::If(branches) => {
            for (at, (condition, statements)) in branches.iter().enumerate() {
                let holds = match condition {
                    Some(condition) => {
                        let outcome = eval(condition, root, variables).map_err(|error| {
                            error.context(format!("failed to check if condition {}", at + 1))
                        })?;
                        as_condition(condition, &outcome)?
                    }
                    None => true,
                };
                if holds {
                    return statements
                        .iter()
                        .try_for_each(|inner| body_statement(inner, root, variables, context));
                }
            }
            Ok(())
        }
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
pub(crate) use scan::{may_share, reads_few_paths};

/// The `%T` of an assigned value, for error texts.
fn go_type(expr: &Expr, outcome: &Outcome<'_>) -> &'static str {
    gofmt::type_of_result(expr, outcome)
}
