//! What a mapping can see and reach: the messages, parameters, resources and the host.
//!
//! The language knows none of these types, only these traits; the engine implements them for its
//! batches, the gateway for its requests, tests for plain values.

use std::sync::Arc;

use bytes::Bytes;
use ecow::EcoString;
use sluice_value::{Object, Value, json::JsonError};

use crate::path;

/// A batch of messages, addressed by position so that any batch type can be viewed.
pub trait Messages {
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The content as bytes.
    fn bytes(&self, at: usize) -> Bytes;

    /// The content as a value, parsed on first use and kept.
    ///
    /// # Errors
    /// The content is not JSON.
    fn value(&self, at: usize) -> Result<&Value, JsonError>;

    /// The content as a value that is not kept.
    ///
    /// # Errors
    /// The content is not JSON.
    fn parse(&self, at: usize) -> Result<Value, JsonError> {
        self.value(at).cloned()
    }

    /// Whether [`Messages::value`] costs nothing because the value is there already.
    fn is_parsed(&self, at: usize) -> bool;

    /// What stands at `keys`, without keeping the rest of an unparsed document.
    ///
    /// # Errors
    /// The content is not JSON.
    fn find(&self, at: usize, keys: &[EcoString]) -> Result<Option<Value>, JsonError> {
        let value = self.value(at)?;
        Ok(path::search(value, keys).map(std::borrow::Cow::into_owned))
    }

    fn metadata(&self, at: usize) -> &Object;

    /// Why the message counts as failed, if it does.
    fn failure(&self, _at: usize) -> Option<Failure<'_>> {
        None
    }

    /// The tracing span the message travels with, as text map (`traceparent` and friends).
    fn trace(&self, _at: usize) -> Option<Object> {
        None
    }

    /// The id under which the message's journey is followed.
    fn flow_id(&self, _at: usize) -> Option<String> {
        None
    }
}

/// Why a message counts as failed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failure<'a> {
    pub message: &'a str,
    /// Which component said so, where that is known.
    pub source: Option<FailureSource<'a>>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct FailureSource<'a> {
    pub label: &'a str,
    pub component: &'a str,
    pub path: &'a str,
}

/// Values of the placeholders (`$tyk_context.user`) a program was compiled with.
pub trait Params {
    /// The value of the placeholder `name` (without the dollar sign); `None` reads as empty text.
    fn get(&self, name: &str) -> Option<&str>;
}

impl Params for () {
    fn get(&self, _name: &str) -> Option<&str> {
        None
    }
}

impl<S: std::hash::BuildHasher> Params for std::collections::HashMap<String, String, S> {
    fn get(&self, name: &str) -> Option<&str> {
        std::collections::HashMap::get(self, name).map(String::as_str)
    }
}

impl Params for std::collections::BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<&str> {
        std::collections::BTreeMap::get(self, name).map(String::as_str)
    }
}

/// Stream resources that functions can use.
pub trait Resources {
    fn cache(&self, _name: &str) -> Option<&dyn Cache> {
        None
    }
}

impl Resources for () {}

/// A cache resource. Mappings never wait, so implementations answer at once or block briefly.
pub trait Cache {
    /// # Errors
    /// The cache could not be asked.
    fn get(&self, key: &str) -> Result<Option<Bytes>, String>;
    /// # Errors
    /// The value could not be stored.
    fn set(&self, key: &str, value: Bytes) -> Result<(), String>;
    /// False when the key exists already.
    ///
    /// # Errors
    /// The value could not be stored.
    fn add(&self, key: &str, value: Bytes) -> Result<bool, String>;
    /// # Errors
    /// The cache could not be asked.
    fn delete(&self, key: &str) -> Result<(), String>;
}

/// The outside world: this crate itself opens no file and reads no environment.
pub trait Host: Send + Sync {
    /// # Errors
    /// The reason, as the user should read it (`open x: no such file or directory`).
    fn read_file(&self, path: &str) -> Result<Bytes, String>;

    /// Reads a file that becomes part of a program, as imports do.
    ///
    /// # Errors
    /// As [`Host::read_file`].
    fn read_program(&self, path: &str) -> Result<Bytes, String> {
        self.read_file(path)
    }

    fn env(&self, _name: &str) -> Option<String> {
        None
    }

    /// # Errors
    /// The reason why it is unknown.
    fn hostname(&self) -> Result<String, String> {
        Err("the host name is not available here".into())
    }
}

/// A host without files and environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn read_file(&self, _path: &str) -> Result<Bytes, String> {
        Err("imports are disabled in this context".into())
    }
}

impl<T: Host + ?Sized> Host for Arc<T> {
    fn read_file(&self, path: &str) -> Result<Bytes, String> {
        (**self).read_file(path)
    }

    fn read_program(&self, path: &str) -> Result<Bytes, String> {
        (**self).read_program(path)
    }

    fn env(&self, name: &str) -> Option<String> {
        (**self).env(name)
    }

    fn hostname(&self) -> Result<String, String> {
        (**self).hostname()
    }
}

/// Everything one evaluation is given: the message (by its place in its batch) and the values
/// that may differ from one evaluation to the next.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    pub messages: &'a dyn Messages,
    pub index: usize,
    pub params: &'a dyn Params,
    pub resources: &'a dyn Resources,
    /// What is made takes the message's place, so that nobody reads its document afterwards.
    pub is_replaced: bool,
}

impl<'a> Input<'a> {
    /// The message at `index` of `messages`, without parameters and resources.
    pub fn new(messages: &'a dyn Messages, index: usize) -> Self {
        Self { messages, index, params: &(), resources: &(), is_replaced: false }
    }

    pub fn with_params(self, params: &'a dyn Params) -> Self {
        Self { params, ..self }
    }

    /// The same for a mapping whose result takes the message's place.
    pub fn replacing(self) -> Self {
        Self { is_replaced: true, ..self }
    }

    pub fn with_resources(self, resources: &'a dyn Resources) -> Self {
        Self { resources, ..self }
    }
}

/// One value that stands alone, for queries that have no batch around them.
#[derive(Clone, Debug, Default)]
pub struct Single {
    pub value: Value,
    pub metadata: Object,
}

impl Messages for Single {
    fn len(&self) -> usize {
        1
    }

    fn bytes(&self, _at: usize) -> Bytes {
        self.value.to_body()
    }

    fn value(&self, _at: usize) -> Result<&Value, JsonError> {
        Ok(&self.value)
    }

    fn is_parsed(&self, _at: usize) -> bool {
        true
    }

    fn metadata(&self, _at: usize) -> &Object {
        &self.metadata
    }
}
