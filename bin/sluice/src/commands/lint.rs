//! `sluice lint`: everything that is wrong with configuration files.

use std::process::ExitCode;

use sluice_config::lint::{Lint, LintKind, LintOptions};
use sluice_config::{Position, parse};

use super::{Setting, excerpt};
use crate::cli::LintArgs;
use crate::config::document::{Document, ReadError};
use crate::config::{files, root};
use crate::console::{self, Colour};

/// A finding, the file it is about, and the text it is to be seen in.
struct Finding {
    path: String,
    lint: Lint,
    text: String,
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
    report(&findings.collect::<Vec<_>>())
}

/// Deprecations alone are only mentioned; anything else makes all findings errors.
fn report(findings: &[Finding]) -> ExitCode {
    let is_mention = |it: &&Finding| it.lint.kind == LintKind::Deprecated && it.lint.is_warning;
    for finding in findings.iter().filter(is_mention) {
        let colours = console::stdout_has_colours();
        let line = format!("{}{}", finding.path, finding.lint);
        console::line(Colour::Yellow.paint(line, colours));
    }
    if findings.iter().all(|finding| is_mention(&finding)) {
        return ExitCode::SUCCESS;
    }
    let colours = console::stderr_has_colours();
    for Finding { path, lint, text } in findings {
        let colour = match lint.kind {
            LintKind::Read | LintKind::UnknownComponent => Colour::Red,
            _ => Colour::Yellow,
        };
        console::complain_line(colour.paint(format_args!("{path}{lint}"), colours));
        if let Some(excerpt) = excerpt(text, lint).filter(|_| colours) {
            console::complain(&excerpt);
        }
    }
    ExitCode::FAILURE
}

fn file(setting: &Setting, path: &str, options: LintOptions, skip_variables: bool) -> Vec<Finding> {
    let catalogue = &*setting.registry;
    let document = match Document::read(path, &setting.variables) {
        Ok(document) => document,
        Err(error) => return vec![unreadable(path, error)],
    };
    if let Err(error) = document.check_shape(catalogue, root::full()) {
        return vec![unreadable(path, error)];
    }
    let lints = document.lint(catalogue, root::full(), options).into_iter();
    lints
        .filter(|lint| !(skip_variables && lint.kind == LintKind::MissingVariable))
        .map(|lint| Finding { path: path.to_owned(), lint, text: document.text.clone() })
        .collect()
}

/// Such errors are reported at the beginning, unless the text itself says where.
fn unreadable(path: &str, error: ReadError) -> Finding {
    let (place, text) = error.place.unwrap_or_default();
    let (at, message) = split_position(&error.message);
    let mut lint = Lint::error(LintKind::Read, at.unwrap_or(1), message);
    if place != Position::default() {
        lint.place = place;
    }
    Finding { path: path.to_owned(), lint, text }
}

/// `(5,1) message` as line and message.
fn split_position(text: &str) -> (Option<u32>, &str) {
    let split = || {
        let (line, message) = text.strip_prefix('(')?.split_once(",1) ")?;
        Some((line.parse().ok()?, message))
    };
    split().map_or((None, text), |(line, message)| (Some(line), message))
}

/// The YAML blocks of a Markdown file. Variables in them are not replaced: they are examples.
fn markdown(setting: &Setting, path: &str, options: LintOptions) -> Vec<Finding> {
    let text = match files::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return vec![unreadable(path, ReadError::new(error))],
    };
    let catalogue = &*setting.registry;
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
        match document.check_shape(catalogue, root::full()) {
            Err(error) => findings.push(add(unreadable(path, error).lint)),
            Ok(()) => {
                let lints = document.lint(catalogue, root::full(), options);
                findings.extend(lints.into_iter().map(add));
            }
        }
    }
    findings
}
