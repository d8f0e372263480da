//! Entries as Markdown.

use std::fmt::Write as _;

use super::{Entry, default_text, kind_text};
use crate::builtin::{Default, Example, Params, Status};

pub(super) fn entry(entry: &Entry) -> String {
    let mut out = format!("```coffee\n{}\n```\n\n", entry.signature());
    if let Some(note) = status_note(entry.status) {
        let _ = write!(out, "> {note}\n\n");
    }
    out.push_str(entry.summary.trim());
    out.push('\n');
    if entry.impure {
        out.push_str("\nIt reads or changes something besides the message.\n");
    }
    out.push_str(&params(entry.params));
    for example in entry.examples {
        out.push_str(&self::example(example));
    }
    out
}

fn status_note(status: Status) -> Option<&'static str> {
    match status {
        Status::Stable | Status::Hidden => None,
        Status::Beta => Some("Beta: may still change in details."),
        Status::Experimental => Some("Experimental: may change or go away."),
        Status::Deprecated => {
            Some("Deprecated: works, but new mappings should use something else.")
        }
    }
}

fn params(params: Params) -> String {
    let params = match params {
        Params::Named([]) => return String::new(),
        Params::Variadic => return "\nTakes any number of arguments, by position.\n".into(),
        Params::Named(params) => params,
    };
    let mut out = "\n| Parameter | Type | Default | Meaning |\n|---|---|---|---|\n".to_owned();
    for param in params {
        let default = match (default_text(param.default), param.default) {
            (Some(text), _) => format!("`{text}`"),
            (None, Default::Optional) => "none".into(),
            (None, _) => "required".into(),
        };
        let constant = if param.literal_only { " Must be a constant." } else { "" };
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {}{constant} |",
            param.name,
            kind_text(param.kind),
            cell(&default),
            cell(param.summary)
        );
    }
    out
}

/// A table's cell: bars would end it, and so would line breaks.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn example(example: &Example) -> String {
    let mut out = "\n".to_owned();
    if !example.summary.is_empty() {
        let _ = write!(out, "{}\n\n", example.summary.trim());
    }
    let _ = write!(out, "```coffee\n{}\n", example.mapping.trim_end());
    for (input, output) in example.runs {
        let _ = write!(out, "\n# In:  {}\n# Out: {}\n", commented(input), commented(output));
    }
    out.push_str("```\n");
    out
}

/// Further lines of a comment, aligned behind its `# In:  `.
fn commented(text: &str) -> String {
    text.replace('\n', "\n#      ")
}

/// The beginning of a description, for lists.
pub fn first_sentence(text: &str) -> String {
    let text = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let mut from = 0;
    while let Some(at) = text[from..].find(". ").map(|at| at + from) {
        // Behind `e.g.` and inside code the sentence goes on.
        let in_code = text[..at].matches('`').count() % 2 == 1;
        let is_short = text[..at].rsplit(' ').next().is_some_and(|word| word.contains('.'));
        if !in_code && !is_short {
            return text[..=at].to_owned();
        }
        from = at + 2;
    }
    text
}
