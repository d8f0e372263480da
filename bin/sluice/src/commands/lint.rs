//! `sluice lint`: everything that is wrong with configuration files.

use std::process::ExitCode;
use std::sync::Arc;

use sluice_config::lint::{Lint, LintKind, LintOptions};
use sluice_config::{Position, parse};

use super::{Setting, excerpt};
use crate::cli::{LintArgs, LintFormat};
use crate::config::document::{Document, ReadError};
use crate::config::{files, root};
use crate::console::{self, Colour};

/// A finding, the file it is about, and the text it is to be seen in.
struct Finding {
    path: String,
    lint: Lint,
    text: Arc<str>,
}

pub fn run(setting: &Setting, args: &LintArgs) -> ExitCode {
    let mut targets = match files::expand(&args.paths) {
        Ok(targets) => targets,
        Err(error) => {
            console::complain_line(format_args!("Lint paths error: {error}"));
            return ExitCode::FAILURE;
        }
    };
    targets.extend(setting.globals.config.clone());
    match files::expand_patterns(&setting.globals.resources) {
        Ok(paths) => targets.extend(paths),
        Err(error) => {
            console::complain_line(format_args!("Lint paths error: {error}"));
            return ExitCode::FAILURE;
        }
    }
    let options = LintOptions {
        reject_deprecated: args.deprecated,
        warn_deprecated: !args.deprecated,
        require_labels: args.labels,
    };
    let findings = targets.iter().flat_map(|path| {
        if path.to_ascii_lowercase().ends_with(".md") {
            markdown(setting, path, options)
        } else {
            file(setting, path, options, args.skip_env_var_check)
        }
    });
    let findings: Vec<Finding> = findings.collect();
    let fails = findings.iter().any(|finding| is_error(&finding.lint, args.types));
    match args.format {
        LintFormat::Json => console::line(json(&findings, args.types)),
        LintFormat::Text => report(&findings, fails),
    }
    if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Deprecations alone are only mentioned. What a component cannot read is the business of `run`
/// unless asked for, as the reference has it.
fn is_error(lint: &Lint, types: bool) -> bool {
    match lint.kind {
        LintKind::Deprecated => !lint.is_warning,
        LintKind::Unfit => types,
        _ => true,
    }
}

/// Once there is an error, everything is told.
fn report(findings: &[Finding], fails: bool) {
    let is_mention = |it: &&Finding| it.lint.kind == LintKind::Deprecated && it.lint.is_warning;
    for finding in findings.iter().filter(is_mention) {
        let colours = console::stdout_has_colours();
        let line = format!("{}{}", finding.path, finding.lint);
        console::line(Colour::Yellow.paint(line, colours));
    }
    let colours = console::stderr_has_colours();
    for finding @ Finding { path, lint, text } in findings {
        let is_unfit = lint.kind == LintKind::Unfit;
        // Scripts that read what the linter says know nothing of these.
        if !fails && (is_mention(&finding) || !(is_unfit && console::stderr_is_terminal())) {
            continue;
        }
        let colour = match lint.kind {
            LintKind::Read | LintKind::UnknownComponent => Colour::Red,
            _ => Colour::Yellow,
        };
        let note = if fails { "" } else { " (refused by `run`)" };
        console::complain_line(colour.paint(format_args!("{path}{lint}{note}"), colours));
        if let Some(excerpt) = excerpt(text, lint).filter(|_| console::stderr_is_terminal()) {
            console::complain(&excerpt);
        }
    }
}

/// All findings as a list of objects, each with its true place.
fn json(findings: &[Finding], types: bool) -> String {
    let objects = findings.iter().map(|Finding { path, lint, .. }| {
        let level = if is_error(lint, types) { "error" } else { "warning" };
        serde_json::json!({
            "file": path,
            "line": lint.place.line,
            "column": lint.place.column,
            "path": lint.path,
            "level": level,
            "message": lint.message,
            "hint": lint.hint,
        })
    });
    serde_json::Value::Array(objects.collect()).to_string()
}

fn file(setting: &Setting, path: &str, options: LintOptions, skip_variables: bool) -> Vec<Finding> {
    let document = match Document::read(path, &setting.variables) {
        Ok(document) => document,
        Err(error) => return vec![unreadable(path, error)],
    };
    let text: Arc<str> = document.text.as_str().into();
    let found = document.examine(&setting.registry, root::full(), options);
    found
        .into_lints()
        .into_iter()
        .filter(|lint| !(skip_variables && lint.kind == LintKind::MissingVariable))
        .map(|lint| Finding { path: path.to_owned(), lint, text: text.clone() })
        .collect()
}

/// Such errors are reported at the beginning.
fn unreadable(path: &str, error: ReadError) -> Finding {
    let (place, text) = error.place.unwrap_or_default();
    let mut lint = Lint::error(LintKind::Read, 1, error.message);
    if place != Position::default() {
        lint.place = place;
    }
    Finding { path: path.to_owned(), lint, text: text.into() }
}

/// The YAML blocks of a Markdown file. Variables in them are not replaced: they are examples.
fn markdown(setting: &Setting, path: &str, options: LintOptions) -> Vec<Finding> {
    let text: Arc<str> = match files::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into(),
        Err(error) => return vec![unreadable(path, ReadError::new(error))],
    };
    let mut findings = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find("```yaml") {
        let begin = from + start + "```yaml".len();
        let first_line = text[..begin].matches('\n').count() as u32 + 1;
        let add = |mut lint: Lint| {
            lint.at.line += first_line - 1;
            lint.place.line += first_line - 1;
            Finding { path: path.to_owned(), lint, text: text.clone() }
        };
        let Some(length) = text[begin..].find("```") else {
            findings.push(add(Lint::error(LintKind::Read, 1, "markdown snippet not terminated")));
            break;
        };
        let block = &text[begin..begin + length];
        from = begin + length + "```".len();
        let root = match parse(block) {
            Ok(root) => root,
            Err(error) => {
                findings.push(add(Lint::error(LintKind::Read, 1, error.to_string())));
                continue;
            }
        };
        let document =
            Document { path: path.to_owned(), text: block.to_owned(), root, lints: Vec::new() };
        let found = document.examine(&setting.registry, root::full(), options);
        findings.extend(found.into_lints().into_iter().map(add));
    }
    findings
}
