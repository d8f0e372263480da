//! What the linter asks of the engine: components by the registry, programs by the language.

use sluice_bloblang::{Diagnostics, Environment, Program, Template};
use sluice_config::ComponentKind;
use sluice_config::lint::{Catalogue, ComponentEntry, Components, TextProblem};

use crate::Registry;

/// A registry and the language its mappings are written in.
#[derive(Clone, Copy)]
pub struct EngineCatalogue<'a> {
    pub registry: &'a Registry,
    pub language: &'a Environment,
}

impl Components for EngineCatalogue<'_> {
    fn component(&self, kind: ComponentKind, name: &str) -> Option<ComponentEntry<'_>> {
        self.registry.component(kind, name)
    }
}

impl Catalogue for EngineCatalogue<'_> {
    fn mapping_problem(&self, text: &str) -> Option<TextProblem> {
        Program::parse(text, self.language).err().and_then(|problems| problem(&problems))
    }

    fn interpolation_problem(&self, text: &str) -> Option<TextProblem> {
        Template::parse(text, self.language).err().and_then(|problems| problem(&problems))
    }
}

/// The problem that the reference's linter would see. Bad values of literal arguments show when
/// a component is built.
fn problem(problems: &Diagnostics) -> Option<TextProblem> {
    let problem = problems.0.iter().find(|problem| !problem.in_argument_value)?;
    let (line, column) = (problem.line as u32, problem.column as u32);
    Some(TextProblem { line, column, message: problem.message.clone() })
}
