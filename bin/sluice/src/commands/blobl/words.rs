//! `sluice blobl list` and `doc`: what mappings can use, from the declarations.

use std::fmt::Write as _;

use std::process::ExitCode;

use sluice_bloblang::Environment;
use sluice_bloblang::builtin::{Default, Example, Params, Status};
use sluice_bloblang::docs::{self, Entry};
use sluice_value::{Object, Value};

use super::complain;
use crate::cli::{BloblListArgs, WordFormat, WordKind};
use crate::commands::schema;
use crate::console;

pub(super) fn list(language: &Environment, args: &BloblListArgs) -> ExitCode {
    let functions = args.kind != Some(WordKind::Methods);
    let methods = args.kind != Some(WordKind::Functions);
    if args.format == WordFormat::Json {
        let mut all = Object::new();
        if functions {
            let specs = language.functions();
            let shown = specs.iter().filter(|spec| spec.status != Status::Hidden);
            all.insert("functions", shown.map(schema::function).collect::<Vec<_>>().into());
        }
        if methods {
            let specs = language.methods();
            let shown = specs.iter().filter(|spec| spec.status != Status::Hidden);
            all.insert("methods", shown.map(schema::method).collect::<Vec<_>>().into());
        }
        console::line(schema::pretty(&Value::Object(all)));
        return ExitCode::SUCCESS;
    }
    let mut out = String::new();
    if functions {
        table(&mut out, "Functions", &docs::functions(language));
    }
    if methods {
        table(&mut out, "Methods", &docs::methods(language));
    }
    console::out(out.trim_start_matches('\n'));
    ExitCode::SUCCESS
}

fn table(out: &mut String, title: &str, entries: &[Entry]) {
    let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or_default();
    let _ = write!(out, "\n{title}:\n");
    for entry in entries.iter().filter(|entry| entry.status != Status::Deprecated) {
        let summary = docs::first_sentence(entry.summary);
        let _ = writeln!(out, "  {:width$}  {summary}", entry.name);
    }
}

pub(super) fn doc(language: &Environment, name: &str, format: WordFormat) -> ExitCode {
    let entries = match docs::find(name, language) {
        Ok(entries) => entries,
        Err(similar) => return keyword(name, similar, format),
    };
    if format == WordFormat::Json {
        let functions = language.functions();
        let methods = language.methods();
        let name = entries[0].name;
        let found = functions.iter().filter(|spec| spec.name == name).map(schema::function);
        let found = found
            .chain(methods.iter().filter(|spec| spec.name == name).map(schema::method))
            .collect::<Vec<_>>();
        console::line(schema::pretty(&found.into()));
        return ExitCode::SUCCESS;
    }
    let texts: Vec<String> = entries.iter().map(entry).collect();
    console::out(&texts.join("\n"));
    ExitCode::SUCCESS
}

fn keyword(name: &str, similar: Option<&str>, format: WordFormat) -> ExitCode {
    match (docs::keyword(name), similar) {
        (Some(word), _) if format == WordFormat::Json => {
            let mut all = Object::new();
            all.insert("name", word.name.into());
            all.insert("description", word.summary.into());
            all.insert("example", word.example.into());
            console::line(schema::pretty(&vec![Value::Object(all)].into()));
            ExitCode::SUCCESS
        }
        (Some(word), _) => {
            let example = indented(word.example);
            let summary = wrapped(word.summary);
            console::out(&format!("{}\n  keyword\n\n{summary}\nExample\n{example}", word.name));
            ExitCode::SUCCESS
        }
        (None, similar) => {
            let hint = similar.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            complain(format_args!("there is no function or method `{name}`{hint}"));
            ExitCode::FAILURE
        }
    }
}

/// A function or method as text for a terminal.
fn entry(entry: &Entry) -> String {
    let status = match entry.status {
        Status::Stable | Status::Hidden => String::new(),
        status => format!(", {}", status.name()),
    };
    let mut out = format!(
        "{}\n  {}, {}{status}\n\n{}",
        entry.signature(),
        entry.kind.name(),
        entry.category.name(),
        wrapped(entry.summary)
    );
    out.push_str(&params(entry.params));
    if !entry.examples.is_empty() {
        out.push_str(if entry.examples.len() == 1 { "\nExample\n" } else { "\nExamples\n" });
    }
    for (at, example) in entry.examples.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        out.push_str(&self::example(example));
    }
    out
}

fn params(params: Params) -> String {
    let Params::Named(params) = params else { return String::new() };
    if params.is_empty() {
        return String::new();
    }
    let width = params.iter().map(|param| param.name.len()).max().unwrap_or_default();
    let mut out = "\nParameters\n".to_owned();
    for param in params {
        let default = match docs::default_text(param.default) {
            Some(default) => format!(", default {default}"),
            None if param.default == Default::Optional => ", optional".into(),
            None => String::new(),
        };
        let constant = if param.literal_only { ", constant" } else { "" };
        let kind = docs::kind_text(param.kind);
        let _ =
            writeln!(out, "  {:width$}  {} ({kind}{default}{constant})", param.name, param.summary);
    }
    out
}

fn example(example: &Example) -> String {
    let mut out = String::new();
    if !example.summary.is_empty() {
        out.push_str(&wrapped(example.summary));
        out.push('\n');
    }
    out.push_str(&indented(example.mapping));
    for (input, output) in example.runs {
        let _ = write!(out, "    # In:  {input}\n    # Out: {output}\n");
    }
    out
}

fn indented(text: &str) -> String {
    let mut out = String::new();
    for line in text.trim_end().lines() {
        let _ = writeln!(out, "    {line}");
    }
    out
}

/// Paragraphs in lines of at most 80 characters.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let text = without_links(text.trim());
    for (at, paragraph) in text.split("\n\n").enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let mut width = 0;
        for word in paragraph.split_whitespace() {
            let length = word.chars().count();
            if width > 0 && width + 1 + length > 80 {
                out.push('\n');
                width = 0;
            }
            if width > 0 {
                out.push(' ');
                width += 1;
            }
            out.push_str(word);
            width += length;
        }
        out.push('\n');
    }
    out
}

/// `[name](place)` as `name`: there is nothing to follow in a terminal.
fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        out.push_str(before);
        let target = link.split_once("](").and_then(|(name, tail)| {
            let (_, behind) = tail.split_once(')')?;
            (!name.contains(['[', ']', '\n'])).then_some((name, behind))
        });
        match target {
            Some((name, behind)) => {
                out.push_str(name);
                rest = behind;
            }
            None => {
                out.push('[');
                rest = link;
            }
        }
    }
    out + rest
}
