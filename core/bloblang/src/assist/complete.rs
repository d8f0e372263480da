//! What could stand at a place.

use super::scope::{Callee, Scope, defined, is_name, unquoted};
use crate::{
    Environment, Span,
    builtin::Params,
    docs::{self, Entry, KEYWORDS},
    format::tokens::{self, Kind, Token},
};

/// What could be written, and what it would replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub replace: Span,
    /// Everything that could stand here, whether or not it begins like what was typed.
    pub items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub label: String,
    pub kind: ItemKind,
    /// What it is, in a few words: a signature for functions and methods.
    pub detail: String,
    /// Markdown.
    pub documentation: String,
    /// What to write; `$0` is where writing goes on.
    pub insert: String,
    pub is_deprecated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    Function,
    Method,
    Parameter,
    Keyword,
    Variable,
    /// A context named by a lambda.
    Context,
    Map,
    /// A metadata key.
    Metadata,
}

impl ItemKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Method => "method",
            Self::Parameter => "parameter",
            Self::Keyword => "keyword",
            Self::Variable => "variable",
            Self::Context => "context",
            Self::Map => "map",
            Self::Metadata => "metadata",
        }
    }
}

/// What could stand at `offset`, which is moved to the start of a character if it is in one.
pub fn complete(text: &str, offset: usize, environment: &Environment) -> Completion {
    let offset = text.floor_char_boundary(offset);
    let mut scope = Scope::at(text, offset, environment);
    if in_comment(text, &scope.tokens, offset) {
        return Completion { replace: Span { start: offset, end: offset }, items: Vec::new() };
    }
    scope.tokens.retain(|token| token.kind != Kind::Comment);
    let (word, before) = word_at(&scope.tokens, offset);
    let start = word.map_or(offset, |word| word.start);
    let end = word.map_or(offset, |word| (word.start + word.text.len()).max(offset));
    let all = || tokens::read(text, environment);
    let items = match (word, before.last()) {
        (Some(word), _) if word.text.starts_with('"') => {
            let is_open = offset < word.start + word.text.len() || !is_closed(word.text);
            let inside = Span { start: start + 1, end: end - usize::from(is_closed(word.text)) };
            let items = match scope.call() {
                Some(Callee { name: "apply", .. }) if is_open => maps(&all()),
                _ => Vec::new(),
            };
            return Completion { replace: inside, items };
        }
        (Some(word), _) if word.text.starts_with('$') => variables(&all()),
        (Some(word), _) if word.text.starts_with('@') => metadata(&all()),
        // Numbers, and targets of assignments, which are names of the author's own.
        (Some(word), _) if !is_name(word.text) || word.text.as_bytes()[0].is_ascii_digit() => {
            Vec::new()
        }
        _ if !starts_line(text, start) && is_target(before) => Vec::new(),
        (_, Some(dot)) if dot.kind == Kind::Dot => methods(environment),
        (None, Some(operand)) if is_complete(operand) && !starts_line(text, offset) => Vec::new(),
        _ if starts_statement(text, start, &scope) => statement_words(),
        _ => expressions(&scope, &all(), environment),
    };
    Completion { replace: Span { start, end }, items }
}

/// The token that is being written at `offset`, and those before it.
fn word_at<'s, 't>(tokens: &'s [Token<'t>], offset: usize) -> (Option<Token<'t>>, &'s [Token<'t>]) {
    match tokens.split_last() {
        Some((last, before))
            if last.kind == Kind::Operand && last.start + last.text.len() >= offset =>
        {
            (Some(*last), before)
        }
        // A lone sign is an operator to the tokens, but a name that begins to the author.
        Some((last, before)) if matches!(last.text, "$" | "@") => (Some(*last), before),
        _ => (None, tokens),
    }
}

fn is_closed(string: &str) -> bool {
    string.len() >= 2 && string.ends_with('"') && !string.ends_with("\\\"")
}

fn in_comment(text: &str, tokens: &[Token<'_>], offset: usize) -> bool {
    tokens
        .last()
        .is_some_and(|last| last.kind == Kind::Comment && !text[last.start..offset].contains('\n'))
}

/// A token behind which only operators and dots can follow.
fn is_complete(token: &Token<'_>) -> bool {
    let is_word = matches!(token.text, "if" | "else" | "match") && !token.after_dot;
    matches!(token.kind, Kind::Operand | Kind::Close) && !is_word
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |end| end + 1)
}

fn starts_line(text: &str, offset: usize) -> bool {
    text[line_start(text, offset)..offset].trim().is_empty()
}

/// Whether a statement begins at `start`: first on its line, among statements.
fn starts_statement(text: &str, start: usize, scope: &Scope<'_>) -> bool {
    let before = scope.tokens.iter().rfind(|token| token.start < start);
    let goes_on = before.is_some_and(|token| {
        matches!(token.kind, Kind::Operator | Kind::Dot | Kind::Comma | Kind::Colon)
    });
    let in_block = scope.open.iter().skip(1).all(|bracket| bracket.text == "{");
    starts_line(text, start) && in_block && !goes_on
}

/// Whether a path is being written that a statement assigns to: its line has nothing else yet.
fn is_target(before: &[Token<'_>]) -> bool {
    let first = before.iter().rposition(|token| token.breaks > 0).unwrap_or_default();
    let line = &before[first..];
    let path = match line {
        [word, rest @ ..] if matches!(word.text, "let" | "meta" | "map" | "import") => rest,
        [word, ..] if matches!(word.text, "if" | "match" | "this") => return false,
        [] => return false,
        line => line,
    };
    path.iter().all(|token| matches!(token.kind, Kind::Operand | Kind::Dot))
}

fn statement_words() -> Vec<Item> {
    KEYWORDS
        .iter()
        .filter(|word| word.is_statement)
        .map(|word| {
            let insert = match word.name {
                "root" => "root",
                "let" => "let $0 = ",
                "meta" => "meta $0 = ",
                "map" => "map $0 {\n  root = this\n}",
                "import" => "import \"$0\"",
                "from" => "from \"$0\"",
                _ => "if $0 {\n  \n}",
            };
            keyword(word, insert)
        })
        .chain(
            KEYWORDS
                .iter()
                .filter(|word| word.name == "else")
                .map(|word| keyword(word, "else {\n  $0\n}")),
        )
        .collect()
}

fn keyword(word: &docs::Keyword, insert: &str) -> Item {
    Item {
        label: word.name.to_owned(),
        kind: ItemKind::Keyword,
        detail: docs::first_sentence(word.summary),
        documentation: word.markdown(),
        insert: insert.to_owned(),
        is_deprecated: false,
    }
}

fn expressions(scope: &Scope<'_>, all: &[Token<'_>], environment: &Environment) -> Vec<Item> {
    let mut items = Vec::new();
    if let Some(call) = scope.call() {
        items.extend(parameters(call, environment));
    }
    for name in scope.lambda_names() {
        items.push(plain(name, ItemKind::Context, "context of a lambda"));
    }
    items.extend(variables(all));
    for (name, insert) in [
        ("this", "this"),
        ("root", "root"),
        ("if", "if $0 {  } else {  }"),
        ("match", "match $0 {\n  _ => \n}"),
        ("true", "true"),
        ("false", "false"),
        ("null", "null"),
    ] {
        items.extend(docs::keyword(name).map(|word| keyword(word, insert)));
    }
    items.extend(
        docs::functions(environment).iter().map(|entry| callable(entry, ItemKind::Function)),
    );
    items
}

fn methods(environment: &Environment) -> Vec<Item> {
    docs::methods(environment).iter().map(|entry| callable(entry, ItemKind::Method)).collect()
}

fn callable(entry: &Entry, kind: ItemKind) -> Item {
    let takes_none = matches!(entry.params, Params::Named([]));
    Item {
        label: entry.name.to_owned(),
        kind,
        detail: entry.signature(),
        documentation: entry.markdown(),
        insert: format!("{}({})", entry.name, if takes_none { "" } else { "$0" }),
        is_deprecated: entry.status == crate::builtin::Status::Deprecated,
    }
}

fn parameters(call: Callee<'_>, environment: &Environment) -> Vec<Item> {
    let kind = if call.is_method { docs::Kind::Method } else { docs::Kind::Function };
    let entries = docs::find(call.name, environment).unwrap_or_default();
    let Some(entry) = entries.iter().find(|entry| entry.kind == kind) else { return Vec::new() };
    let Params::Named(params) = entry.params else { return Vec::new() };
    params
        .iter()
        .map(|param| Item {
            label: format!("{}:", param.name),
            kind: ItemKind::Parameter,
            detail: docs::param(param),
            documentation: param.summary.to_owned(),
            insert: format!("{}: $0", param.name),
            is_deprecated: false,
        })
        .collect()
}

fn variables(tokens: &[Token<'_>]) -> Vec<Item> {
    let names = defined(tokens, "let").map(|name| unquoted(name.text)).filter(|name| is_name(name));
    unique(names.map(|name| format!("${name}")), ItemKind::Variable, "variable of this mapping")
}

fn maps(tokens: &[Token<'_>]) -> Vec<Item> {
    let names = defined(tokens, "map").map(|name| unquoted(name.text).to_owned());
    unique(names, ItemKind::Map, "map of this mapping")
}

fn metadata(tokens: &[Token<'_>]) -> Vec<Item> {
    let names = defined(tokens, "meta").map(|name| unquoted(name.text));
    let names = names.filter(|name| is_name(name)).map(|name| format!("@{name}"));
    unique(names, ItemKind::Metadata, "metadata key set here")
}

fn unique(names: impl Iterator<Item = String>, kind: ItemKind, detail: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for name in names {
        if !items.iter().any(|item| item.label == name) {
            items.push(plain(&name, kind, detail));
        }
    }
    items
}

fn plain(name: &str, kind: ItemKind, detail: &str) -> Item {
    Item {
        label: name.to_owned(),
        kind,
        detail: detail.to_owned(),
        documentation: String::new(),
        // A dollar sign is no placeholder here.
        insert: name.replace('$', "\\$"),
        is_deprecated: false,
    }
}
