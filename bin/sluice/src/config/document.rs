//! One configuration file: its text, its tree, and what is wrong with it.

use sluice_config::lint::{Lint, LintKind, LintOptions, Linter, Unreadable, check_shape};
use sluice_config::{Field, Node, Normal, Position, env, parse};
use sluice_engine::{Misfit, Misfits, Registry};

use super::files;
use super::variables::Variables;

/// A file that was parsed. What its fields mean is not known yet.
#[derive(Clone, Debug)]
pub struct Document {
    pub path: String,
    /// The text with variables replaced.
    pub text: String,
    pub root: Node,
    /// Findings about the text as a whole.
    pub lints: Vec<Lint>,
}

/// Everything that is wrong with a document.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Why it is no configuration.
    pub shape: Vec<Unreadable>,
    /// What the linter says of the rest, findings about the text first.
    pub lints: Vec<Lint>,
    /// What building it would refuse besides.
    pub misfits: Vec<Misfit>,
}

impl Findings {
    /// All of them, in that order.
    pub fn into_lints(self) -> Vec<Lint> {
        let shape = self.shape.into_iter().enumerate().map(|(at, it)| it.into_lint(at == 0));
        let mut all: Vec<Lint> = shape.collect();
        all.extend(self.lints);
        for Misfit { problem, .. } in self.misfits {
            // Of a component that is not known, the linter spoke already.
            if !all.iter().any(|lint| lint.path == problem.path) {
                let (at, path, message, hint) =
                    (problem.at, problem.path, problem.message, problem.hint);
                let (kind, is_warning) = (LintKind::Unfit, false);
                all.push(Lint { kind, at, place: at, path, message, hint, is_warning });
            }
        }
        all
    }
}

/// Why a file is no document.
#[derive(Clone, Debug)]
pub struct ReadError {
    pub message: String,
    /// The place in the text, and the text, where there is one.
    pub place: Option<(Position, String)>,
}

impl ReadError {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None }
    }
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl Document {
    /// Reads a file and replaces variables in it.
    ///
    /// # Errors
    /// The file cannot be read or is not YAML.
    pub fn read(path: &str, variables: &Variables) -> Result<Self, ReadError> {
        let bytes = files::read(path).map_err(ReadError::new)?;
        Self::from_bytes(path, &bytes, variables)
    }

    /// Reads a text that stands for a file.
    ///
    /// # Errors
    /// The text is not YAML.
    pub fn from_bytes(path: &str, bytes: &[u8], variables: &Variables) -> Result<Self, ReadError> {
        let mut lints = Vec::new();
        if std::str::from_utf8(bytes).is_err() {
            let message = "detected invalid utf-8 encoding in config, this may result in \
                           interpolation functions not working as expected";
            lints.push(Lint::error(LintKind::Read, 1, message));
        }
        let raw = String::from_utf8_lossy(bytes);
        let replaced = env::replace(&raw, |name| variables.get(name));
        if !replaced.missing.is_empty() {
            let names = replaced.missing.join(" ");
            let message = format!("required environment variables were not set: [{names}]");
            lints.push(Lint::error(LintKind::MissingVariable, 1, message));
        }
        let text = replaced.text;
        match parse(&text) {
            Ok(root) => Ok(Self { path: path.to_owned(), text, root, lints }),
            Err(error) => {
                Err(ReadError { message: error.to_string(), place: Some((error.at, text)) })
            }
        }
    }

    /// A document that no file holds.
    pub fn empty() -> Self {
        let (path, text) = (String::new(), String::new());
        Self { path, text, root: Node::empty_map(), lints: Vec::new() }
    }

    /// Whether its author asked not to be corrected.
    fn is_lint_disabled(&self) -> bool {
        ["# SLUICE LINT DISABLE", "# BENTO LINT DISABLE", "# BENTHOS LINT DISABLE"]
            .iter()
            .any(|mark| self.text.starts_with(mark))
    }

    /// Everything that is wrong by these fields. What cannot be understood is told once and left
    /// out of the rest.
    pub fn examine(&self, registry: &Registry, fields: &[Field], options: LintOptions) -> Findings {
        let shape = check_shape(registry, fields, &self.root);
        let mut lints = self.lints.clone();
        if !self.is_lint_disabled() {
            let left_out = shape.iter().map(|found| found.path.clone()).collect();
            let mut linter = Linter::new(registry, options).leaving_out(left_out);
            linter.object(fields, &self.root);
            lints.extend(linter.finish());
        }
        // What the tables do not know is the linter's business alone.
        let known = Normal::default().document(registry, fields, &self.root);
        let mut misfits = Misfits::new(registry).find(fields, &known);
        misfits.retain(|misfit| {
            let path = misfit.problem.path.as_str();
            let is_at = |other: &str| {
                path.strip_prefix(other).is_some_and(|it| it.is_empty() || it.starts_with('.'))
            };
            let errors = lints.iter().filter(|lint| !lint.is_warning && !lint.path.is_empty());
            !errors.map(|lint| lint.path.as_str()).any(|it| it == path)
                && !shape.iter().any(|found| is_at(&found.path))
        });
        Findings { shape, lints, misfits }
    }
}
