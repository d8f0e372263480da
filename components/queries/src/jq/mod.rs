//! `jq` processor.

mod alternatives;
mod arithmetic;
mod budget;
mod functions;
mod location;
mod program;
mod value;

use sluice_config::config;
use sluice_engine::{Batches, BuildError, DirectProcessor, Owner, Processor, Registry, Scope};
use sluice_message::{Batch, Message};
use sluice_value::Value;
use smallvec::smallvec;

use program::Program;

config! {
    /// What to ask of each message.
    pub struct JqConfig {
        /// The program that is run on each message.
        query: String => lint_required,
        /// Takes the content as text, not as JSON.
        raw: bool = false => advanced,
        /// Writes results that are texts without quotes.
        output_raw: bool = false => advanced,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("jq", build).categories(&["Mapping"]).doc(
        "Replaces each message by what a jq program makes of it.\n\n\
         Several results become one list; without a result the message is dropped. Metadata stands \
         in `$metadata`. A message for which the program fails stays as it was and is marked as \
         failed.\n\n\
         A program that takes more than 5 million steps or 256 MiB for one message fails.",
    );
}

struct Jq {
    program: Program,
    raw: bool,
    output_raw: bool,
    owner: Owner,
}

fn build(config: JqConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let program = Program::compile(&config.query)?;
    let JqConfig { raw, output_raw, .. } = config;
    Ok(Processor::direct(Jq { program, raw, output_raw, owner: scope.owner() }))
}

impl Jq {
    /// What becomes of the content; `None` drops the message.
    fn ask(&self, message: &Message) -> Result<Option<Value>, String> {
        let input = if self.raw {
            Value::from(String::from_utf8_lossy(message.bytes()).as_ref())
        } else {
            let value = message.value().map_err(|error| error.in_document(message.bytes()));
            value?.clone()
        };
        let metadata = Value::Object(message.metadata().clone());
        let mut results = self.program.run(input, metadata)?;
        Ok(match results.len() {
            0 => None,
            _ if self.output_raw => Some(Value::bytes(raw(&results))),
            1 => results.pop().map(quoted),
            _ => Some(functions::list(results)),
        })
    }
}

/// A text as JSON: content that is a text alone would lose its quotes.
fn quoted(result: Value) -> Value {
    match result {
        text @ Value::String(_) => Value::bytes(text.to_json()),
        other => other,
    }
}

fn raw(results: &[Value]) -> Vec<u8> {
    results.iter().flat_map(|result| result.to_body().to_vec()).collect()
}

impl DirectProcessor for Jq {
    fn process(&self, batch: Batch) -> Batches {
        let messages = batch.into_messages().into_iter().filter_map(|mut message| {
            match budget::on_stack_enough(|| self.ask(&message)) {
                Ok(None) => return None,
                Ok(Some(content)) => message.set_value(content),
                Err(error) => self.owner.fail(&mut message, error),
            }
            Some(message)
        });
        let messages: Vec<_> = messages.collect();
        if messages.is_empty() { Batches::new() } else { smallvec![Batch::new(messages)] }
    }
}
