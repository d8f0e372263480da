//! The reference pages in `docs/bloblang`, written from the declarations.

use std::fmt::Write as _;

use super::{Entry, KEYWORDS, Kind, first_sentence, functions, methods};
use crate::{Environment, builtin::Category};

/// A file of the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub file: String,
    pub text: String,
}

const NOTICE: &str = "<!-- Written by `cargo run -p xtask -- docs` from the declarations in \
                      core/bloblang/src/builtin. Do not edit. -->\n";

/// All pages: an index, one page of functions, and one of methods for each category.
pub fn all(environment: &Environment) -> Vec<Page> {
    let functions = functions(environment);
    let methods = methods(environment);
    let mut pages = vec![index(&functions, &methods), function_page(&functions)];
    for category in categories(&methods) {
        pages.push(method_page(category, &methods));
    }
    pages
}

/// Categories in the order they first appear in the source, each once.
fn categories(entries: &[Entry]) -> Vec<Category> {
    const ORDER: [Category; 15] = [
        Category::General,
        Category::MessageInfo,
        Category::Environment,
        Category::FakeData,
        Category::Coercion,
        Category::String,
        Category::Regexp,
        Category::Number,
        Category::Timestamp,
        Category::ObjectAndArray,
        Category::Parsing,
        Category::Encoding,
        Category::Jwt,
        Category::GeoIp,
        Category::Deprecated,
    ];
    let is_used = |category: &Category| entries.iter().any(|entry| entry.category == *category);
    ORDER.into_iter().filter(is_used).collect()
}

fn index(functions: &[Entry], methods: &[Entry]) -> Page {
    let mut text = format!("{NOTICE}\n# Bloblang reference\n\n");
    let _ = writeln!(
        text,
        "Start with [the language](language.md). Then there are {} functions and {} methods; \
         `sluice blobl doc NAME` shows the same in a terminal.",
        functions.len(),
        methods.len()
    );
    text.push_str("\n## Words\n\n");
    for word in KEYWORDS {
        let _ = writeln!(text, "- `{}`: {}", word.name, first_sentence(word.summary));
    }
    text.push_str("\n## Functions\n");
    for category in categories(functions) {
        let _ = write!(text, "\n### {}\n\n", category.name());
        list(&mut text, functions, category);
    }
    text.push_str("\n## Methods\n");
    for category in categories(methods) {
        let title = category.name();
        let _ = write!(text, "\n### [{title}]({})\n\n", file_of(Kind::Method, category));
        list(&mut text, methods, category);
    }
    Page { file: "README.md".into(), text }
}

fn list(text: &mut String, entries: &[Entry], category: Category) {
    for entry in entries.iter().filter(|entry| entry.category == category) {
        let summary = first_sentence(entry.summary);
        let _ = writeln!(text, "- [`{}`]({}): {summary}", entry.name, link(entry));
    }
}

fn link(entry: &Entry) -> String {
    format!("{}#{}", file_of(entry.kind, entry.category), entry.name)
}

fn file_of(kind: Kind, category: Category) -> String {
    if kind == Kind::Function {
        return "functions.md".into();
    }
    let words: Vec<String> = category
        .name()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    format!("methods-{}.md", words.join("-"))
}

fn function_page(functions: &[Entry]) -> Page {
    let mut text = format!(
        "{NOTICE}\n# Functions\n\nA function stands on its own: `uuid_v4()`. Arguments go by \
         position or by name (`range(start: 0, stop: 10)`), never both in one call.\n"
    );
    for category in categories(functions) {
        let _ = write!(text, "\n## {}\n", category.name());
        sections(&mut text, functions, category);
    }
    Page { file: "functions.md".into(), text }
}

fn method_page(category: Category, methods: &[Entry]) -> Page {
    let mut text = format!(
        "{NOTICE}\n# Methods: {}\n\nA method works on the value in front of it: \
         `this.name.uppercase()`.\n",
        category.name()
    );
    sections(&mut text, methods, category);
    let listed_here = |entry: &&Entry| entry.more_categories.contains(&category);
    let elsewhere: Vec<String> = methods
        .iter()
        .filter(listed_here)
        .map(|entry| format!("[`{}`]({})", entry.name, link(entry)))
        .collect();
    if !elsewhere.is_empty() {
        let _ = write!(text, "\nSee also {}.\n", elsewhere.join(", "));
    }
    Page { file: file_of(Kind::Method, category), text }
}

fn sections(text: &mut String, entries: &[Entry], category: Category) {
    for entry in entries.iter().filter(|entry| entry.category == category) {
        let _ = write!(text, "\n### {}\n\n{}", entry.name, entry.markdown());
    }
}
