//! Where an expression stands while it is evaluated: what `this`, `root`, `@`, `$variables` and
//! the names of lambdas mean there.

use std::{borrow::Cow, cell::RefCell, sync::Arc};

use bytes::Bytes;
use ecow::EcoString;
use sluice_value::{Object, Value};

use crate::{Error, Failure, Host, Input, Outcome, budget::Budget, path, program::Maps};

/// Deepest chain of maps applying maps.
pub(crate) const MAX_MAPS: usize = 5000;

/// The surroundings of an expression. Cheap to copy; a lambda's body gets a changed copy.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub(crate) frame: &'a Frame<'a>,
    /// The message that message functions look at; `from` changes it.
    pub(crate) index: usize,
    /// `this`, where a method or match gave it a value; otherwise it is the document.
    pub(crate) this: Option<&'a Value>,
    /// What `this` becomes once a lambda has captured it. One level only, as in the reference.
    pub(crate) outer: Option<&'a Value>,
    pub(crate) names: Option<&'a Binding<'a>>,
    /// Slots of the mapping's variables; `None` where there are no variables.
    pub(crate) variables: Option<&'a Variables>,
    pub(crate) root: Option<&'a Root>,
    pub(crate) maps_entered: usize,
}

/// What stays the same during one statement.
pub(crate) struct Frame<'a> {
    pub(crate) input: Input<'a>,
    pub(crate) host: &'a dyn Host,
    /// Where relative paths of the mapping start from.
    pub(crate) directory: &'a str,
    pub(crate) maps: Option<&'a Maps>,
    /// The message's document where it is not the batch's any more, because a mutation changes it
    /// while it runs, and where it is at hand anyway.
    pub(crate) document: Option<&'a Value>,
    /// The metadata as assigned so far.
    pub(crate) metadata: &'a Object,
    /// A mutation: message functions see what was assigned so far.
    pub(crate) in_place: bool,
    /// Read single paths from unparsed documents instead of parsing them.
    pub(crate) scan: bool,
    /// Parse unparsed documents for whoever reads them, instead of keeping the value beside.
    pub(crate) moves: bool,
    /// Writes of `set` into `this` or a variable, carried out after the statement.
    pub(crate) writes: Option<&'a RefCell<Vec<Write>>>,
    pub(crate) budget: &'a Budget,
}

/// A name that a lambda gave to its context.
pub(crate) struct Binding<'a> {
    value: &'a Value,
    outer: Option<&'a Binding<'a>>,
}

/// The document being built.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Root {
    /// Nothing was assigned: the message keeps its content.
    #[default]
    Untouched,
    Deleted,
    Value(Value),
}

/// Variables of a mapping or of one application of a map.
#[derive(Clone, Debug)]
pub(crate) struct Variables {
    pub(crate) slots: Vec<Option<Value>>,
    /// The names of the slots, for look-ups by computed name.
    pub(crate) names: Arc<[EcoString]>,
}

/// A change that `set` makes to what it was called on.
pub(crate) struct Write {
    pub(crate) place: Place,
    pub(crate) keys: Vec<EcoString>,
    /// `None` deletes.
    pub(crate) value: Option<Value>,
}

pub(crate) enum Place {
    Document,
    Variable(usize),
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        frame: &'a Frame<'a>,
        variables: Option<&'a Variables>,
        root: Option<&'a Root>,
    ) -> Self {
        Self {
            frame,
            index: frame.input.index,
            this: None,
            outer: None,
            names: None,
            variables,
            root,
            maps_entered: 0,
        }
    }

    /// The same place with `this` being `value`.
    pub fn with_this<'b>(&self, value: &'b Value) -> Context<'b>
    where
        'a: 'b,
    {
        Context { this: Some(value), outer: self.this, ..*self }
    }

    /// The same place seen from another message of the batch.
    pub(crate) fn at_message(&self, index: usize) -> Self {
        Self { index, ..*self }
    }

    /// What `this` is.
    ///
    /// # Errors
    /// There is none here, or the message is not JSON.
    pub fn this(&self) -> Result<&'a Value, Error> {
        match self.this {
            Some(value) => Ok(value),
            None => self.document().map_err(|_| Error::no_context(String::new())),
        }
    }

    /// What stands at a path below `this`.
    pub(crate) fn this_path(&self, keys: &[EcoString]) -> Result<Outcome<'a>, Error> {
        if self.this.is_none() && self.frame.scan && self.can_scan() && !has_wildcard(keys) {
            let input = &self.frame.input;
            return match input.messages.find(input.index, keys) {
                Ok(found) => Ok(found.map_or_else(Outcome::null, Outcome::Owned)),
                Err(_) => Err(Error::no_context(path::join(keys))),
            };
        }
        if keys.is_empty() && self.this.is_none() && self.frame.moves && self.can_scan() {
            let input = &self.frame.input;
            let parsed = input.messages.parse(input.index).map(Outcome::Owned);
            return parsed.map_err(|_| Error::no_context(String::new()));
        }
        match self.this() {
            Ok(value) => Ok(lookup(value, keys)),
            Err(_) => Err(Error::no_context(path::join(keys))),
        }
    }

    fn can_scan(&self) -> bool {
        let input = &self.frame.input;
        self.frame.document.is_none()
            && input.index < input.messages.len()
            && !input.messages.is_parsed(input.index)
    }

    /// Whether `this` is the document rather than a value given by a method.
    pub(crate) fn this_is_document(&self) -> bool {
        self.this.is_none()
    }

    /// Takes `this` away, as a lambda does that gives it a name.
    pub(crate) fn pop_this(&self) -> Result<(&'a Value, Self), Error> {
        let value = self.this()?;
        Ok((value, Self { this: self.outer, outer: None, ..*self }))
    }

    /// `value` under a name, while `this` stays what it is here: what a lambda's body sees that
    /// is run on `value`.
    pub(crate) fn bound<T>(&self, value: &'a Value, run: impl FnOnce(&Context<'_>) -> T) -> T {
        let binding = Binding { value, outer: self.names };
        run(&Context { names: Some(&binding), outer: None, ..*self })
    }

    pub(crate) fn named<T>(&self, value: &'a Value, run: impl FnOnce(&Context<'_>) -> T) -> T {
        let binding = Binding { value, outer: self.names };
        run(&Context { names: Some(&binding), ..*self })
    }

    /// The name bound `depth` lambdas further out than the innermost.
    pub(crate) fn name(&self, depth: usize) -> Option<&'a Value> {
        let innermost = self.names?;
        (0..depth).try_fold(innermost, |binding, _| binding.outer).map(|binding| binding.value)
    }

    /// The document of the message being mapped.
    fn document(&self) -> Result<&'a Value, NoDocument> {
        self.frame.document(self.frame.input.index)
    }

    /// The document of the message that message functions look at.
    ///
    /// # Errors
    /// The content is not JSON, or there is no such message.
    pub fn message_value(&self) -> Result<&'a Value, Error> {
        self.frame
            .document(self.index)
            .map_err(|_| Error::new(self.frame.why_no_document(self.index)))
    }

    /// The content of the message that message functions look at.
    pub fn message_bytes(&self) -> Bytes {
        let input = &self.frame.input;
        match self.frame.document {
            Some(document) if self.is_own() && self.frame.in_place => document.to_json().into(),
            _ if self.index < input.messages.len() => input.messages.bytes(self.index),
            _ => Bytes::new(),
        }
    }

    /// The metadata of the message that message functions look at, as it came.
    pub fn message_metadata(&self) -> Cow<'a, Object> {
        let input = &self.frame.input;
        if self.frame.in_place && self.is_own() {
            Cow::Borrowed(self.frame.metadata)
        } else if self.index < input.messages.len() {
            Cow::Borrowed(input.messages.metadata(self.index))
        } else {
            Cow::Owned(Object::new())
        }
    }

    /// The metadata of the message being made, as assigned so far.
    pub fn new_metadata(&self) -> &'a Object {
        self.frame.metadata
    }

    /// Why the message that message functions look at counts as failed.
    pub fn message_failure(&self) -> Option<Failure<'a>> {
        let messages = self.frame.input.messages;
        if self.index < messages.len() { messages.failure(self.index) } else { None }
    }

    /// Position in the batch of the message that message functions look at.
    pub fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn budget(&self) -> &'a Budget {
        self.frame.budget
    }

    pub fn input(&self) -> &Input<'a> {
        &self.frame.input
    }

    /// Where relative paths of the mapping start from.
    pub(crate) fn directory(&self) -> &'a str {
        self.frame.directory
    }

    pub fn host(&self) -> &'a dyn Host {
        self.frame.host
    }

    /// Whether something waits to be written after the statement.
    pub(crate) fn has_writes(&self) -> bool {
        self.frame.writes.is_some_and(|writes| !writes.borrow().is_empty())
    }

    /// Whether the document was parsed since the frame was made.
    pub(crate) fn has_new_document(&self) -> bool {
        let input = &self.frame.input;
        self.frame.document.is_none()
            && input.index < input.messages.len()
            && input.messages.is_parsed(input.index)
    }

    fn is_own(&self) -> bool {
        self.index == self.frame.input.index
    }
}

impl<'a> Frame<'a> {
    pub(crate) fn document(&self, index: usize) -> Result<&'a Value, NoDocument> {
        match self.document {
            Some(document) if index == self.input.index => Ok(document),
            _ if index >= self.input.messages.len() => Err(NoDocument),
            _ => self.input.messages.value(index).map_err(|_| NoDocument),
        }
    }

    /// Whether the message has content at all.
    pub(crate) fn is_empty(&self, index: usize) -> bool {
        index >= self.input.messages.len() || self.input.messages.bytes(index).is_empty()
    }

    /// What is wrong with the content of a message that has no document.
    pub(crate) fn why_no_document(&self, index: usize) -> String {
        if self.is_empty(index) {
            return "target message part does not exist".into();
        }
        match self.input.messages.value(index) {
            Ok(_) => String::new(),
            Err(error) => error.in_document(&self.input.messages.bytes(index)),
        }
    }
}

/// The message is not JSON, or there is no such message.
pub(crate) struct NoDocument;

/// Whether a path may gather several values, which takes more than scanning.
fn has_wildcard(keys: &[EcoString]) -> bool {
    keys.iter().any(|key| key == "*")
}

/// What stands at `keys`, `null` where nothing does.
pub(crate) fn lookup<'a>(value: &'a Value, keys: &[EcoString]) -> Outcome<'a> {
    match (value, keys) {
        (_, []) => return Outcome::Borrowed(value),
        (Value::Object(fields), [key]) => {
            return fields.get(key).map_or_else(Outcome::null, Outcome::Borrowed);
        }
        _ => {}
    }
    path::search(value, keys).map_or_else(Outcome::null, Outcome::from)
}
