//! What the linter asks of the engine: components, and whether programs parse.

use sluice_bloblang::{Diagnostics, Program, Template};
use sluice_config::lint::{Catalogue, TextProblem};

use crate::Registry;

impl Catalogue for Registry {
    fn mapping_problem(&self, text: &str) -> Option<TextProblem> {
        Program::parse(text, self.language()).err().and_then(|problems| problem(text, &problems))
    }

    fn interpolation_problem(&self, text: &str) -> Option<TextProblem> {
        Template::parse(text, self.language()).err().and_then(|problems| problem(text, &problems))
    }
}

/// The problem that the reference's linter would see, in its words. Bad values of literal
/// arguments show when a component is built.
fn problem(text: &str, problems: &Diagnostics) -> Option<TextProblem> {
    let problem = problems.0.iter().find(|problem| !problem.in_argument_value)?;
    let mut message = match problem.reference() {
        "" => problem.message.clone(),
        reference => reference.to_owned(),
    };
    if problem.code == "unknown-function" {
        // Of a function it does not know, the reference also says what follows.
        let line = text.lines().nth(problem.line.saturating_sub(1)).unwrap_or_default();
        let rest: String = line.chars().skip(problem.column - 1).take(5).collect();
        message.push_str(": ");
        message.push_str(&rest);
    }
    let (line, column) = (problem.line as u32, problem.column as u32);
    Some(TextProblem { line, column, message })
}
