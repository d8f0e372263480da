//! Processors that change each message on its own.

use sluice_engine::{Batches, DirectProcessor, Owner, Processor, Scope};
use sluice_message::{Batch, Message};
use sluice_value::Value;
use smallvec::smallvec;

struct Each<F> {
    convert: F,
    owner: Owner,
    is_loud: bool,
}

/// A processor that converts each message; a message that cannot be converted fails unchanged.
pub(crate) fn each<F>(scope: &Scope, convert: F) -> Processor
where
    F: Fn(&mut Message) -> Result<(), String> + Send + Sync + 'static,
{
    Processor::direct(Each { convert, owner: scope.owner(), is_loud: false })
}

/// As [`each`], and what fails is logged as an error.
pub(crate) fn each_loudly<F>(scope: &Scope, convert: F) -> Processor
where
    F: Fn(&mut Message) -> Result<(), String> + Send + Sync + 'static,
{
    Processor::direct(Each { convert, owner: scope.owner(), is_loud: true })
}

impl<F> DirectProcessor for Each<F>
where
    F: Fn(&mut Message) -> Result<(), String> + Send + Sync,
{
    fn process(&self, mut batch: Batch) -> Batches {
        for message in batch.iter_mut() {
            if let Err(error) = (self.convert)(message) {
                if self.is_loud {
                    self.owner.fail_loudly(message, error);
                } else {
                    self.owner.fail(message, error);
                }
            }
        }
        smallvec![batch]
    }
}

/// Makes a value a message's content, as a document: a text keeps its quotes.
pub(crate) fn set_document(message: &mut Message, value: Value) {
    match value {
        text @ (Value::String(_) | Value::RawString(_) | Value::Bytes(_)) => {
            message.set_bytes(text.to_json());
        }
        value => message.set_value(value),
    }
}

/// The content as a value.
///
/// # Errors
/// It is not JSON, in the words that all formats use.
pub(crate) fn document(message: &Message) -> Result<&Value, String> {
    message.value().map_err(|error| {
        format!("failed to parse message as JSON: {}", error.in_document(message.bytes()))
    })
}
