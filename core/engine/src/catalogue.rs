//! What the linter asks of the engine: components, and whether programs parse.

use sluice_bloblang::{Diagnostics, Program, Template};
use sluice_config::lint::{Catalogue, TextProblem};

use crate::Registry;

impl Catalogue for Registry {
    fn mapping_problem(&self, text: &str) -> Option<TextProblem> {
        Program::parse(text, self.language()).err().and_then(|problems| problem(&problems))
    }

    fn interpolation_problem(&self, text: &str) -> Option<TextProblem> {
        Template::parse(text, self.language()).err().and_then(|problems| problem(&problems))
    }
}

/// The problem that the reference's linter would see. Bad values of literal arguments show when
/// a component is built.
fn problem(problems: &Diagnostics) -> Option<TextProblem> {
    let problem = problems.0.iter().find(|problem| !problem.in_argument_value)?;
    let (line, column) = (problem.line as u32, problem.column as u32);
    Some(TextProblem { line, column, message: problem.message.clone() })
}
