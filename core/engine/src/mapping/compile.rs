//! Compiling texts of configurations, once each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sluice_bloblang::{Diagnostics, Environment, Program as LanguageProgram, Template};
use sluice_config::{Field, Interpolated, Node, Position, Problem, Problems, Query};
use sluice_value::EcoString;

use super::{
    CacheHandles, Check, Compiled, Mapping, Mode, Program, Surroundings, Text, TextKind, Values,
};
use crate::{BuildError, Registry, Scope};

/// Names before the dot that make `$name.rest` a placeholder, where a stream has placeholders.
const PLACEHOLDERS: [&str; 4] = ["tyk_context", "tyk_meta", "secret_env", "secret_conf"];

/// Programs by their text, alive as long as somebody uses them.
#[derive(Default)]
pub(crate) struct Programs {
    mappings: Table<LanguageProgram>,
    templates: Table<Template>,
}

/// Compiled things by text, and whether placeholders were known to the compiler.
struct Table<T>(Mutex<Entries<T>>);

struct Entries<T> {
    things: HashMap<(String, bool), Weak<T>>,
    /// How many entries to have before the dead ones are thrown out.
    purge_at: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Mutex::new(Entries { things: HashMap::new(), purge_at: 64 }))
    }
}

impl<T> Table<T> {
    fn get_or_compile(
        &self,
        text: &str,
        has_placeholders: bool,
        compile: impl FnOnce() -> Result<T, Diagnostics>,
    ) -> Result<Arc<T>, Diagnostics> {
        if reads_files(text) {
            return compile().map(Arc::new); // the files may change
        }
        let key = (text.to_owned(), has_placeholders);
        let known = self.entries(|entries| entries.things.get(&key).and_then(Weak::upgrade));
        if let Some(known) = known {
            return Ok(known);
        }
        let compiled = Arc::new(compile()?);
        self.entries(|entries| {
            if entries.things.len() >= entries.purge_at {
                entries.things.retain(|_, thing| thing.strong_count() > 0);
                entries.purge_at = (entries.things.len() * 2).max(64);
            }
            entries.things.insert(key, Arc::downgrade(&compiled));
        });
        Ok(compiled)
    }

    fn entries<R>(&self, act: impl FnOnce(&mut Entries<T>) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether a program may be made of other files, too.
fn reads_files(text: &str) -> bool {
    text.contains("import") || text.contains("from ")
}

/// Whether a program may look at metadata; also true for some that do not.
fn may_read_metadata(text: &str) -> bool {
    ["meta", "@", "bloblang"].iter().any(|word| text.contains(word)) || reads_files(text)
}

/// A text of the document.
struct Source<'a> {
    text: &'a str,
    at: Position,
    path: &'a str,
}

impl Source<'_> {
    fn error(&self, diagnostics: &Diagnostics) -> BuildError {
        self.problems(diagnostics).into()
    }

    fn problems(&self, diagnostics: &Diagnostics) -> Problems {
        let problems = diagnostics.0.iter().map(|problem| {
            let (line, column) = (problem.line as u32, problem.column as u32);
            let at = match self.at.line {
                0 => Position::default(),
                first => Position {
                    line: first + line.saturating_sub(1),
                    column: self.at.column + column.saturating_sub(1),
                },
            };
            Problem {
                at,
                path: self.path.to_owned(),
                message: problem.message.trim_end_matches([':', ' ']).to_owned(),
                hint: problem.hint.clone(),
            }
        });
        Problems(problems.collect())
    }
}

/// What is wrong with the program in a field that holds one: a mapping, or text with queries.
pub(crate) fn mistakes(
    registry: &Registry,
    field: &Field,
    node: &Node,
    path: &str,
    has_placeholders: bool,
) -> Problems {
    let Some(text) = node.as_text().filter(|text| !text.is_empty()) else {
        return Problems::default();
    };
    let language = registry.language().clone();
    let language =
        if has_placeholders { language.with_placeholders(PLACEHOLDERS) } else { language };
    let source = Source { text, at: node.at, path };
    let refused = if field.bloblang {
        LanguageProgram::parse(text, &language).err()
    } else if field.interpolated && text.contains("${") {
        Template::parse(text, &language).err()
    } else {
        None
    };
    refused.map(|diagnostics| source.problems(&diagnostics)).unwrap_or_default()
}

impl Scope {
    /// Compiles a mapping; once per template, however many instances there are.
    ///
    /// # Errors
    /// Every mistake in it, with its place in the document.
    pub fn mapping(&self, query: &Query, mode: Mode) -> Result<Mapping, BuildError> {
        Ok(Mapping { compiled: self.compile(query)?, mode })
    }

    /// Compiles a query.
    ///
    /// # Errors
    /// As [`Scope::mapping`].
    pub fn query(&self, query: &Query) -> Result<Program, BuildError> {
        Ok(Program { compiled: self.compile(query)? })
    }

    /// Compiles a query for a truth value.
    ///
    /// # Errors
    /// As [`Scope::mapping`].
    pub fn check(&self, query: &Query) -> Result<Check, BuildError> {
        Ok(Check { compiled: self.compile(query)? })
    }

    /// Compiles interpolated text.
    ///
    /// # Errors
    /// As [`Scope::mapping`].
    pub fn text(&self, text: &Interpolated) -> Result<Text, BuildError> {
        if !text.text.contains("${") {
            let fixed = match &self.environment().parameters {
                Some(parameters) => parameters.substitute(&text.text).into_owned(),
                None => text.text.clone(),
            };
            return Ok(Text { kind: TextKind::Fixed(fixed) });
        }
        let source = Source { text: &text.text, at: text.at, path: &text.path };
        self.note(source.text);
        let language = self.language();
        let template = self
            .programs()
            .templates
            .get_or_compile(source.text, self.has_placeholders(), || {
                Template::parse(source.text, &language)
            })
            .map_err(|diagnostics| source.error(&diagnostics))?;
        let kind = match template.as_static() {
            Some(fixed) => TextKind::Fixed(fixed.to_owned()),
            None => TextKind::Dynamic {
                surroundings: self.surroundings(template.placeholders()),
                template,
            },
        };
        Ok(Text { kind })
    }

    fn compile(&self, query: &Query) -> Result<Compiled, BuildError> {
        let source = Source { text: &query.text, at: query.at, path: &query.path };
        self.note(source.text);
        let language = self.language();
        let program = self
            .programs()
            .mappings
            .get_or_compile(source.text, self.has_placeholders(), || {
                LanguageProgram::parse(source.text, &language)
            })
            .map_err(|diagnostics| source.error(&diagnostics))?;
        let surroundings = self.surroundings(program.placeholders());
        Ok(Compiled { program, surroundings })
    }

    fn note(&self, program: &str) {
        if may_read_metadata(program) {
            self.reads_metadata();
        }
    }

    fn programs(&self) -> &Programs {
        self.environment().registry.programs()
    }

    fn has_placeholders(&self) -> bool {
        self.environment().parameters.is_some()
    }

    fn language(&self) -> Environment {
        let language = self.environment().registry.language().clone();
        if self.has_placeholders() { language.with_placeholders(PLACEHOLDERS) } else { language }
    }

    fn surroundings(&self, placeholders: &[EcoString]) -> Surroundings {
        let values = match &self.environment().parameters {
            Some(parameters) => placeholders
                .iter()
                .map(|name| {
                    let value = parameters.substitute(&format!("${name}")).into_owned();
                    (name.clone(), value)
                })
                .collect(),
            None => Values::default().0,
        };
        Surroundings { values: Values(values), caches: CacheHandles::new(self.resources()) }
    }
}
