//! A mapping at work on one message.

use std::cell::RefCell;

use sluice_value::{Object, Value};

use super::{
    Assembly, Body, Mapped, Program, Statement, StatementKind, Target, as_condition,
    assembly::Slots, assign,
};
use crate::{
    Context, Error, Expr, Input, Outcome,
    budget::Budget,
    context::{Frame, Place, Root, Variables, Write},
    path,
};

/// A mapping at work on one message.
pub(super) struct Run<'r> {
    program: &'r Program,
    input: &'r Input<'r>,
    pub(super) root: Root,
    metadata: Object,
    variables: Variables,
    /// The message's document where it differs from the batch's.
    pub(super) document: Option<Value>,
    pub(super) in_place: bool,
    /// A mutation that has not replaced its document: `this` is `root`.
    pub(super) shares_document: bool,
    pub(super) budget: Budget,
}

impl<'r> Run<'r> {
    pub(super) fn new(
        program: &'r Program,
        input: &'r Input<'r>,
        root: Root,
        metadata: Object,
    ) -> Self {
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

    pub(super) fn statements(&mut self, statements: &[Statement]) -> Result<(), Error> {
        for statement in statements {
            self.statement(statement)
                .map_err(|error| self.explain(error).in_statement(statement.line))?;
        }
        Ok(())
    }

    /// Makes the document of the first statements, and returns the others.
    pub(super) fn assemble(&mut self, assembly: &Assembly) -> Result<&'r [Statement], Error> {
        let (mut first, rest) = self.program.statements.split_at(assembly.statements);
        let mut values = Slots::with_capacity(assembly.slots());
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
    /// document assign, or up to one after which
    /// the surroundings are others.
    fn fill(&mut self, statements: &[Statement], values: &mut Slots) -> Result<(), Error> {
        self.with_context(|context| {
            for statement in statements {
                let StatementKind::Assign { target: Target::Root(_), value } = &statement.kind
                else {
                    return Ok(());
                };
                values.push(value.eval(context)?.into_owned());
                if context.has_writes() || context.has_new_document() {
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
                (_, Some(document)) => Some(document),
                _ => self.parsed(),
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
                moves: self.program.once && self.input.is_replaced,
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

    /// The message's document, if it was parsed already: so that nobody has to ask for it again.
    fn parsed(&self) -> Option<&'r Value> {
        let Input { messages, index, .. } = *self.input;
        let is_parsed = !self.in_place && index < messages.len() && messages.is_parsed(index);
        if is_parsed { messages.value(index).ok() } else { None }
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

    pub(super) fn finish(self) -> Result<Mapped, Error> {
        self.check()?;
        Ok(self.into_mapped())
    }

    /// Refuses a document that would be too large to print.
    pub(super) fn check(&self) -> Result<(), Error> {
        match &self.root {
            Root::Value(value) => self.budget.check(value),
            Root::Untouched | Root::Deleted => Ok(()),
        }
    }

    pub(super) fn into_mapped(self) -> Mapped {
        let body = match self.root {
            Root::Untouched => Body::Unchanged,
            Root::Deleted => Body::Deleted,
            Root::Value(value) => Body::Value(value),
        };
        Mapped { body, metadata: self.metadata }
    }
}
