//! One configuration file: its text, its tree, and what is wrong with it.

use sluice_config::lint::{
    Catalogue, Lint, LintKind, LintOptions, Linter, Unreadable, check_shape,
};
use sluice_config::{Field, Node, Position, env, parse};

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

    /// Everything that is questionable by these fields, findings about the text first.
    pub fn lint(
        &self,
        catalogue: &dyn Catalogue,
        fields: &[Field],
        options: LintOptions,
    ) -> Vec<Lint> {
        let mut lints = self.lints.clone();
        if !self.is_lint_disabled() {
            let mut linter = Linter::new(catalogue, options);
            linter.object(fields, &self.root);
            lints.extend(linter.finish());
        }
        lints
    }

    /// Whether it can be read by these fields at all.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn check_shape(
        &self,
        catalogue: &dyn Catalogue,
        fields: &[Field],
    ) -> Result<(), ReadError> {
        check_shape(catalogue, fields, &self.root).map_err(|error: Unreadable| ReadError {
            message: error.to_string(),
            place: Some((error.place, self.text.clone())),
        })
    }
}
