//! `grok` processor.

mod pattern;

use std::collections::BTreeMap;

use sluice_config::config;
use sluice_engine::{Batches, BuildError, DirectProcessor, Owner, Processor, Registry, Scope};
use sluice_message::Batch;
use sluice_value::Value;
use smallvec::smallvec;

use pattern::{Grok, Patterns};

config! {
    /// Which expressions to try.
    pub struct GrokConfig {
        /// Expressions to try in order; the first one to find a value makes the result.
        expressions: Vec<String>,
        /// Patterns by name, for use in expressions and in each other.
        pattern_definitions: BTreeMap<String, String> = sluice_config::Node::empty_map(),
        /// Files with patterns: paths, folders or globs.
        pattern_paths: Vec<String> = [""; 0],
        /// Leaves out what patterns without a name of their own match.
        named_captures_only: bool = true => advanced,
        /// Offers the usual patterns.
        use_default_patterns: bool = true => advanced,
        /// Leaves out empty values.
        remove_empty_values: bool = true => advanced,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("grok", build).categories(&["Parsing"]).doc(
        "Replaces each message, a text such as a line of a log, by an object with the values that \
         grok expressions find in it.\n\n\
         `%{WORD:first} %{INT:second:int}` makes `{\"first\":\"foo\",\"second\":1}` of `foo 1`; types \
         are `int`, `float`, `bool` and `string`. Dots in names make objects within the object. \
         Expressions are matched in linear time and have no look-around.",
    );
}

struct Parser {
    expressions: Vec<Grok>,
    owner: Owner,
}

fn build(config: GrokConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let mut patterns =
        if config.use_default_patterns { pattern::defaults() } else { Patterns::new() };
    patterns.extend(config.pattern_definitions);
    for path in &config.pattern_paths {
        add_files(path, &mut patterns, scope).map_err(|error| {
            BuildError::new(format!("failed to parse patterns from path '{path}': {error}"))
        })?;
    }
    let compile = |expression: &String| {
        let named_only = config.named_captures_only;
        Grok::compile(expression, &patterns, named_only, !config.remove_empty_values).map_err(
            |error| {
                let error = format!("failed to compile Grok pattern '{expression}': {error}");
                BuildError::new(error)
            },
        )
    };
    let expressions = config.expressions.iter().map(compile).collect::<Result<_, _>>()?;
    Ok(Processor::direct(Parser { expressions, owner: scope.owner() }))
}

/// Adds the patterns of the files that a path, a folder or a glob names.
fn add_files(path: &str, patterns: &mut Patterns, scope: &Scope) -> Result<(), String> {
    let host = scope.environment().registry.language().host().clone();
    let add = |file: &str, patterns: &mut Patterns| {
        let content = host.read_file(file)?;
        pattern::read(&String::from_utf8_lossy(&content), patterns);
        Ok::<(), String>(())
    };
    let is_folder = std::path::Path::new(path).is_dir();
    let glob =
        if is_folder { format!("{}/*", path.trim_end_matches('/')) } else { path.to_owned() };
    if !is_folder && !path.contains(['*', '?', '[']) {
        return add(path, patterns);
    }
    let mut files: Vec<_> = glob::glob(&glob)
        .map_err(|error| error.to_string())?
        .filter_map(Result::ok)
        .filter(|file| file.is_file())
        .collect();
    files.sort();
    files.iter().try_for_each(|file| add(&file.to_string_lossy(), patterns))
}

impl DirectProcessor for Parser {
    fn process(&self, mut batch: Batch) -> Batches {
        for message in batch.iter_mut() {
            let found = self.expressions.iter().find_map(|grok| grok.parse(message.bytes()));
            match found {
                Some(values) => message.set_value(Value::Object(values)),
                None => self.owner.fail(message, "no pattern matches found"),
            }
        }
        smallvec![batch]
    }
}
