//! What should come of a case, and whether it did.
//!
//! Brand names are alike. Where an error quotes a library of the reference (its JSON, YAML or
//! regular-expression parser), only what comes before the library's own words has to agree.

use std::path::Path;

use anyhow::{Context, Result};
use sluice_config::Node;

use super::case::texts;
use super::process::Ran;

/// Words with which libraries of the reference begin.
const LIBRARY_WORDS: [&str; 8] = [
    "invalid character ",
    "unexpected end of JSON input",
    "yaml: ",
    "error parsing regexp: ",
    "XML syntax error",
    "unexpected EOF",
    "cannot decode ",
    "json: ",
];

#[derive(Clone, Debug, Default)]
pub(super) struct Expectation {
    stdout: Option<String>,
    stdout_sorted: Option<String>,
    stdout_contains: Vec<String>,
    stderr_contains: Vec<String>,
    stderr_lines: Option<Vec<String>>,
    exit_code: Option<i32>,
    /// Content, or nothing where the file must not exist.
    files: Vec<(String, Option<String>)>,
}

/// What was recorded and what came out, where they differ.
#[derive(Clone, Debug)]
pub(super) struct Differences {
    pub(super) expected: String,
    pub(super) actual: String,
}

impl Expectation {
    pub(super) fn read(node: &Node) -> Result<Self> {
        let text = |key: &str| node.get(key).and_then(Node::as_text).map(str::to_owned);
        let files = node.get("files").and_then(Node::as_map).unwrap_or_default().iter();
        Ok(Self {
            stdout: text("stdout"),
            stdout_sorted: text("stdout_sorted"),
            stdout_contains: texts(node.get("stdout_contains")),
            stderr_contains: texts(node.get("stderr_contains")),
            stderr_lines: node.get("stderr_lines").map(|lines| texts(Some(lines))),
            exit_code: text("exit_code")
                .map(|code| code.parse().context("exit_code"))
                .transpose()?,
            files: files
                .map(|(key, content)| (key.name.clone(), content.as_text().map(str::to_owned)))
                .collect(),
        })
    }

    pub(super) fn map_texts(self, map: &dyn Fn(&str) -> String) -> Self {
        let all = |texts: Vec<String>| texts.iter().map(|text| map(text)).collect::<Vec<_>>();
        Self {
            stdout: self.stdout.as_deref().map(map),
            stdout_sorted: self.stdout_sorted.as_deref().map(map),
            stdout_contains: all(self.stdout_contains),
            stderr_contains: all(self.stderr_contains),
            stderr_lines: self.stderr_lines.map(all),
            files: self
                .files
                .into_iter()
                .map(|(name, text)| (name, text.as_deref().map(map)))
                .collect(),
            exit_code: self.exit_code,
        }
    }

    /// # Errors
    /// Everything that differs.
    pub(super) fn check(&self, ran: &Ran, directory: &Path) -> Result<(), Differences> {
        let mut found = Found::default();
        if let Some(code) = self.exit_code {
            let actual = ran.exit_code.map_or("killed after 20 s".into(), |code| code.to_string());
            found.compare("exit code", &code.to_string(), &actual, code.to_string() == actual);
        } else if ran.exit_code.is_none() {
            found.compare("exit code", "any", "killed after 20 s", false);
        }
        if let Some(expected) = &self.stdout {
            found.compare("stdout", expected, &ran.stdout, same_text(expected, &ran.stdout));
        }
        if let Some(expected) = &self.stdout_sorted {
            let actual = sorted(&ran.stdout);
            found.compare("stdout", expected, &actual, same_text(&sorted(expected), &actual));
        }
        for expected in &self.stdout_contains {
            found.compare("in stdout", expected, &ran.stdout, contains(&ran.stdout, expected));
        }
        for expected in &self.stderr_contains {
            found.compare("in stderr", expected, &ran.stderr, contains(&ran.stderr, expected));
        }
        if let Some(expected) = &self.stderr_lines {
            let actual: Vec<&str> = ran.stderr.lines().filter(|line| !line.is_empty()).collect();
            let same = expected.len() == actual.len()
                && expected
                    .iter()
                    .zip(&actual)
                    .all(|(expected, actual)| same_line(expected, actual));
            found.compare("stderr", &expected.join("\n"), &actual.join("\n"), same);
        }
        for (name, expected) in &self.files {
            let actual = std::fs::read_to_string(directory.join(name)).ok();
            let same = match (expected, &actual) {
                (Some(expected), Some(actual)) => same_text(expected, actual),
                (expected, actual) => expected.is_none() && actual.is_none(),
            };
            let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "no file".into());
            found.compare(name, &shown(expected), &shown(&actual), same);
        }
        found.finish(ran)
    }
}

#[derive(Default)]
struct Found {
    expected: Vec<String>,
    actual: Vec<String>,
}

impl Found {
    fn compare(&mut self, what: &str, expected: &str, actual: &str, same: bool) {
        if !same {
            self.expected.push(format!("{what}: {expected}"));
            self.actual.push(format!("{what}: {actual}"));
        }
    }

    fn finish(mut self, ran: &Ran) -> Result<(), Differences> {
        if self.expected.is_empty() {
            return Ok(());
        }
        if !self.actual.iter().any(|it| it.contains("stderr")) && !ran.stderr.is_empty() {
            self.actual.push(format!("(stderr: {})", ran.stderr.trim_end()));
        }
        Err(Differences { expected: self.expected.join("\n"), actual: self.actual.join("\n") })
    }
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn same_text(expected: &str, actual: &str) -> bool {
    let (expected, actual) = (unbranded(expected), unbranded(actual));
    expected == actual || {
        let (expected, actual): (Vec<_>, Vec<_>) =
            (expected.split('\n').collect(), actual.split('\n').collect());
        expected.len() == actual.len()
            && expected.iter().zip(&actual).all(|(expected, actual)| same_line(expected, actual))
    }
}

fn same_line(expected: &str, actual: &str) -> bool {
    let (expected, actual) = (unbranded(expected), unbranded(actual));
    match before_library(&expected) {
        Some(own) => expected == actual || actual.starts_with(own),
        None => expected == actual,
    }
}

/// Whether the text is there. Log lines quote what they say, so a quote inside may be escaped.
fn contains(text: &str, expected: &str) -> bool {
    let (text, expected) = (unbranded(text), unbranded(expected));
    let own = before_library(&expected).unwrap_or(&expected);
    text.contains(own)
        || text.replace("\\\"", "\"").contains(own)
        || text.contains(&own.replace('"', "\\\""))
}

/// What comes before the words of a library, where there are some.
fn before_library(text: &str) -> Option<&str> {
    LIBRARY_WORDS.iter().filter_map(|words| text.find(words)).min().map(|at| &text[..at])
}

/// The text with the reference's brand as ours, where it stands as a word of its own.
fn unbranded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("ento") {
        let start = at.checked_sub(1).filter(|start| rest.is_char_boundary(*start));
        let name = start.map(|start| &rest[start..at + 4]);
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let alone = start.is_some_and(|start| {
            let before = if start == 0 { &out } else { &rest[..start] };
            !before.ends_with(is_word) && !rest[at + 4..].starts_with(is_word)
        });
        match (name, start) {
            (Some("bento"), Some(start)) if alone => {
                out.push_str(&rest[..start]);
                out.push_str("sluice");
            }
            (Some("Bento"), Some(start)) if alone => {
                out.push_str(&rest[..start]);
                out.push_str("Sluice");
            }
            _ => out.push_str(&rest[..at + 4]),
        }
        rest = &rest[at + 4..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brands_are_alike_only_as_words() {
        assert_eq!(unbranded("@service=bento Bento /bento"), "@service=sluice Sluice /sluice");
        assert_eq!(
            unbranded("bento_read_until bentos xbento ento"),
            "bento_read_until bentos xbento ento"
        );
    }

    #[test]
    fn words_of_libraries_need_not_agree() {
        let recorded = "x: failed: invalid character 'b' looking for beginning of value";
        assert!(same_line(recorded, "x: failed: expected a value"));
        assert!(!same_line(recorded, "y: failed: expected a value"));
        assert!(!same_line("plain", "plain "));
        assert!(contains("level=error msg=\"a \\\"b\\\" c\"", "a \"b\""));
    }
}
