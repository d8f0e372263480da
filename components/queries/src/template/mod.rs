//! `template` processor.

mod functions;
mod lex;
mod parse;
mod run;
mod sprig;
mod sprig_crypto;
mod sprig_more;
mod sprig_rare;

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice_bloblang::Host;
use sluice_config::{Position, Query, config};
use sluice_engine::{
    Batches, BuildError, DirectProcessor, Owner, Processor, Program, Registry, Scope, Status,
};
use sluice_message::{Batch, Message};
use sluice_value::Value;
use smallvec::smallvec;

use parse::Templates;
use run::Surroundings;

config! {
    /// The template and what it may use.
    pub struct TemplateConfig {
        /// The template, in the syntax of Go's `text/template`; or the file it is in.
        text: String = "",
        /// Takes `text` for the path of a file.
        from_file: bool = false,
        /// Functions by name: Bloblang mappings of their argument.
        functions: Option<BTreeMap<String, String>>,
        /// Templates by name that the template can call.
        sub_templates: Option<BTreeMap<String, SubTemplateConfig>>,
    }
}

config! {
    /// A template for use in others.
    pub struct SubTemplateConfig {
        /// The template, or the file it is in.
        text: String => lint_required,
        /// Takes `text` for the path of a file.
        from_file: bool = false,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("template", build)
        .status(Status::Experimental)
        .categories(&["Mapping"])
        .doc(
            "Fills in a template with each message, a JSON document.\n\n\
             The syntax is that of Go's `text/template`. Beside its functions there are those of the \
             Sprig library (except `getHostByName` and those that make keys and certificates), `meta` \
             for metadata, and those that `functions` adds. A \
             template that uses a function that is not there is refused at start. A message for which \
             the template fails stays as it was and is marked as failed.",
        );
}

struct Template {
    templates: Templates,
    functions: Vec<Program>,
    /// Where environment variables come from.
    host: Arc<dyn Host>,
    owner: Owner,
}

fn build(config: TemplateConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let mut names = Vec::new();
    let mut functions = Vec::new();
    for (name, mapping) in config.functions.into_iter().flatten() {
        if functions::is_known(&name) {
            let message = format!("can not redefine a predefined function named {name}");
            return Err(BuildError::new(message));
        }
        let path = format!("{}.functions.{name}", scope.path());
        let query = Query { text: mapping, at: Position::default(), path };
        functions.push(scope.query(&query)?);
        names.push(name);
    }
    let read = |text: String, from_file: bool| {
        if !from_file {
            return Ok(text);
        }
        let host = scope.environment().registry.language().host();
        let content = host.read_file(&text).map_err(BuildError::new)?;
        Ok::<_, BuildError>(String::from_utf8_lossy(&content).into_owned())
    };
    let mut templates = Templates::new();
    let text = read(config.text, config.from_file)?;
    parse::parse("main", &text, &names, &mut templates)
        .map_err(|error| BuildError::new(format!("Failed to parse template: {error}")))?;
    for (name, sub) in config.sub_templates.into_iter().flatten() {
        let text = read(sub.text, sub.from_file)?;
        parse::parse(&name, &text, &names, &mut templates).map_err(|error| {
            BuildError::new(format!("Failed to parse sub template {name}: {error}"))
        })?;
    }
    let host = scope.environment().registry.language().host().clone();
    Ok(Processor::direct(Template { templates, functions, host, owner: scope.owner() }))
}

/// A message and the functions of the configuration.
struct Here<'t> {
    template: &'t Template,
    message: &'t Message,
}

impl Surroundings for Here<'_> {
    fn metadata(&self, key: &str) -> Value {
        self.message.metadata().get(key).cloned().unwrap_or_default()
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.template.host.env(name)
    }

    fn own(&self, function: usize, argument: &Value) -> Result<Value, String> {
        let mut message = self.message.clone();
        message.set_bytes(argument.to_json());
        self.template.functions[function].eval(&[message], 0)
    }
}

impl Template {
    fn fill(&self, message: &Message) -> Result<String, String> {
        let document = message.value().map_err(|error| {
            let error = error.in_document(message.bytes());
            format!("Failed to parse part into json: {error}")
        })?;
        let here = Here { template: self, message };
        run::run(&self.templates, document, &here)
            .map_err(|error| format!("Failed to execute template: {error}"))
    }
}

impl DirectProcessor for Template {
    fn process(&self, mut batch: Batch) -> Batches {
        for message in batch.iter_mut() {
            match self.fill(message) {
                Ok(text) => message.set_bytes(text),
                Err(error) => self.owner.fail(message, error),
            }
        }
        smallvec![batch]
    }
}
