//! `jmespath` processor.
//!
//! Written here and not taken from a library: the ones there are copy each document to values of
//! their own, and know neither limits nor the reference's texts of errors.

mod eval;
mod functions;
mod lex;
mod parse;

use sluice_config::config;
use sluice_engine::{Batches, BuildError, DirectProcessor, Owner, Processor, Registry, Scope};
use sluice_message::{Batch, Message};
use sluice_value::Value;
use smallvec::smallvec;

use eval::Run;
use parse::Node;

config! {
    /// What to ask of each message.
    pub struct JmespathConfig {
        /// The query that is asked of each message.
        query: String => lint_required,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("jmespath", build).categories(&["Mapping"]).doc(
        "Replaces each message, a JSON document, by what a JMESPath query finds in it.\n\n\
         What is not found is `null`. A message for which the query fails stays as it was and is \
         marked as failed.",
    );
}

struct Jmespath {
    query: Node,
    owner: Owner,
}

fn build(config: JmespathConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let query = parse::parse(&config.query)
        .map_err(|error| BuildError::new(format!("failed to compile JMESPath query: {error}")))?;
    Ok(Processor::direct(Jmespath { query, owner: scope.owner() }))
}

impl Jmespath {
    fn ask(&self, message: &Message) -> Result<Value, String> {
        let document = message.value().map_err(|error| error.in_document(message.bytes()))?;
        let run = Run::new();
        let found = run.ask(&self.query, document)?;
        run.plain(found)
    }
}

impl DirectProcessor for Jmespath {
    fn process(&self, mut batch: Batch) -> Batches {
        for message in batch.iter_mut() {
            match self.ask(message) {
                Ok(text @ Value::String(_)) => message.set_bytes(text.to_json()),
                Ok(found) => message.set_value(found),
                Err(error) => self.owner.fail(message, error),
            }
        }
        smallvec![batch]
    }
}
