//! Why a stream can never start: everything that is wrong in its definition, before anything runs.

use std::collections::BTreeSet;

use sluice_config::{ComponentKind, Field, Node, Parameters, Position, Problem, Reader, Type};
use sluice_engine::{Misfit, Misfits, Registry, StreamConfig};

use crate::placeholders::Values;

/// One reason.
pub(crate) struct Refusal {
    /// For the log, as the component's builder would say it.
    pub(crate) said: String,
    /// For whoever wrote the document: the path within the stream and what is wrong there.
    pub(crate) problem: Problem,
}

impl Refusal {
    /// Of the definition as a whole.
    pub(crate) fn whole(message: String) -> Self {
        let (at, path, hint) = (Position::default(), String::new(), None);
        Self { said: message.clone(), problem: Problem { at, path, message, hint } }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { said: problem.to_string(), problem }
    }
}

impl From<Misfit> for Refusal {
    fn from(misfit: Misfit) -> Self {
        Self { said: misfit.to_string(), problem: misfit.problem }
    }
}

/// What is known of a definition.
pub(crate) struct Definition<'a> {
    pub(crate) stream: &'a Node,
    /// Its `metrics` and `tracer`, if they ask for something.
    pub(crate) observers: Option<&'a Node>,
    /// Values that do not depend on requests. None where placeholders stay as they are.
    pub(crate) constants: Option<&'a Values>,
    /// Paths of fields that requests fill.
    pub(crate) filled: &'a BTreeSet<String>,
}

impl Definition<'_> {
    /// All reasons, in the order of the document.
    pub(crate) fn refusals(&self, registry: &Registry) -> Vec<Refusal> {
        let mut refusals: Vec<Refusal> = Vec::new();
        let parameters = self.constants.map(|it| it as &dyn Parameters);
        let config = Reader::new().with_parameters(parameters).read::<StreamConfig>(self.stream);
        let problems = match config {
            Ok(config) => config.label_problems(),
            Err(problems) => problems,
        };
        let known = problems.0.into_iter().filter(|problem| !self.filled.contains(&problem.path));
        refusals.extend(known.map(Refusal::from));
        let misfits = self.misfits(registry).find(StreamConfig::fields(), self.stream);
        refusals.extend(misfits.into_iter().map(Refusal::from));
        if let Some(observers) = self.observers {
            let misfits = self.misfits(registry).find(&observer_fields(), observers);
            refusals.extend(misfits.into_iter().map(Refusal::from));
        }
        refusals
    }

    fn misfits<'a>(&'a self, registry: &'a Registry) -> Misfits<'a> {
        let misfits = Misfits::new(registry).with_filled(self.filled);
        match self.constants {
            Some(constants) => misfits.with_parameters(constants),
            None => misfits,
        }
    }
}

fn observer_fields() -> [Field; 2] {
    [("metrics", ComponentKind::Metrics), ("tracer", ComponentKind::Tracer)].map(|(name, kind)| {
        let mut field = Field::new(name);
        field.ty = Type::Component(kind);
        field
    })
}
