//! The grammars in `editors`: they know every built-in and word, and colour a sample right.
//!
//! With `SLUICE_WRITE_DOCS=1` the names of built-ins are written to the TextMate grammar:
//! `cargo run -p xtask -- docs` does so.

use std::{cell::RefCell, collections::HashMap, path::PathBuf};

use regex::Regex;
use sluice_bloblang::{
    Environment,
    docs::{self, Entry, KEYWORDS},
};
use sluice_value::{Object, Value, json};

fn editors() -> PathBuf {
    PathBuf::from("../../editors")
}

fn grammar_file() -> PathBuf {
    editors().join("vscode/syntaxes/bloblang.tmLanguage.json")
}

fn grammar() -> Value {
    let text = std::fs::read(grammar_file()).expect("there is a grammar");
    json::parse(&text).expect("it is JSON")
}

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_object().and_then(|object: &Object| object.get(name))
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    field(value, name).and_then(Value::as_str)
}

fn alternatives(entries: &[Entry]) -> String {
    entries.iter().map(|entry| entry.name).collect::<Vec<_>>().join("|")
}

#[test]
fn the_textmate_grammar_knows_all_built_ins() {
    let environment = Environment::default();
    for (place, entries, before) in [
        ("method", docs::methods(&environment), r"(\.)\s*("),
        ("function", docs::functions(&environment), r"\b("),
    ] {
        let expected = format!("{before}{})(\\()", alternatives(&entries));
        let grammar = grammar();
        let patterns = field(&grammar, "repository").and_then(|all| field(all, place));
        let patterns = patterns.and_then(|it| field(it, "patterns")).and_then(Value::as_array);
        let actual = text(&patterns.expect("it has patterns")[0], "match").expect("a pattern");
        if actual != expected && std::env::var_os("SLUICE_WRITE_DOCS").is_some() {
            let quoted = |text: &str| Value::from(text).to_string();
            let file = std::fs::read_to_string(grammar_file()).expect("it is there");
            let written = file.replacen(&quoted(actual), &quoted(&expected), 1);
            std::fs::write(grammar_file(), written).expect("it can be written");
            continue;
        }
        assert_eq!(actual, expected, "run `cargo run -p xtask -- docs`");
    }
}

/// Enough of a TextMate tokeniser for this grammar: patterns in order, the leftmost match wins,
/// a `begin` holds until its `end`.
struct Tokeniser {
    grammar: Value,
    /// Patterns, compiled when first needed.
    patterns: RefCell<HashMap<String, Regex>>,
}

struct Found<'g> {
    start: usize,
    end: usize,
    rule: Option<&'g Value>,
    pieces: Vec<(usize, usize, String)>,
}

impl Tokeniser {
    fn rules<'g>(&'g self, patterns: &'g Value, all: &mut Vec<&'g Value>) {
        for pattern in patterns.as_array().expect("patterns are a list") {
            let Some(include) = text(pattern, "include") else {
                all.push(pattern);
                continue;
            };
            let repository = field(&self.grammar, "repository").expect("there is a repository");
            let rule = field(repository, &include[1..]).expect("what is included exists");
            match field(rule, "patterns") {
                Some(patterns) if text(rule, "begin").is_none() => self.rules(patterns, all),
                _ => all.push(rule),
            }
        }
    }

    fn new() -> Self {
        Self { grammar: grammar(), patterns: RefCell::default() }
    }

    fn pattern(&self, text: &str) -> Regex {
        let mut patterns = self.patterns.borrow_mut();
        let compile = || Regex::new(text).expect("it is a pattern");
        patterns.entry(text.to_owned()).or_insert_with(compile).clone()
    }

    fn find<'g>(&self, rule: &'g Value, line: &str, at: usize) -> Option<Found<'g>> {
        let is_begin = text(rule, "begin").is_some();
        let pattern = text(rule, "match").or(text(rule, "begin")).expect("a rule matches");
        let captures = self.pattern(pattern).captures_at(line, at)?;
        let whole = captures.get(0).expect("there is a match");
        let mut pieces = Vec::new();
        if let Some(name) = text(rule, "name") {
            pieces.push((whole.start(), whole.end(), name.to_owned()));
        }
        for (number, scope) in
            field(rule, "captures").and_then(Value::as_object).into_iter().flat_map(Object::iter)
        {
            let number: usize = number.parse().expect("a number");
            if let Some(part) = captures.get(number) {
                let name = text(scope, "name").expect("a capture is named");
                pieces.push((part.start(), part.end(), name.to_owned()));
            }
        }
        Some(Found {
            start: whole.start(),
            end: whole.end(),
            rule: is_begin.then_some(rule),
            pieces,
        })
    }

    /// Each piece of the text with its innermost scope.
    fn tokens(&self, source: &str) -> Vec<(String, String)> {
        let mut tokens = Vec::new();
        let mut stack: Vec<&Value> = Vec::new();
        for line in source.lines() {
            let mut at = 0;
            loop {
                let patterns = match stack.last() {
                    Some(rule) => field(rule, "patterns"),
                    None => field(&self.grammar, "patterns"),
                };
                let mut rules = Vec::new();
                if let Some(patterns) = patterns {
                    self.rules(patterns, &mut rules);
                }
                let end = stack.last().and_then(|rule| {
                    self.pattern(text(rule, "end")?)
                        .find_at(line, at)
                        .map(|it| (it.start(), it.end()))
                });
                let mut best: Option<Found<'_>> = None;
                for rule in rules {
                    if let Some(found) = self.find(rule, line, at)
                        && best.as_ref().is_none_or(|best| found.start < best.start)
                    {
                        best = Some(found);
                    }
                }
                let scope = stack.last().and_then(|rule| text(rule, "name")).map(str::to_owned);
                let mut plain = |from: usize, to: usize| {
                    if from < to
                        && let Some(scope) = &scope
                    {
                        tokens.push((line[from..to].to_owned(), scope.clone()));
                    }
                };
                match (best, end) {
                    (best, Some((start, stop)))
                        if best.as_ref().is_none_or(|best| start <= best.start) =>
                    {
                        plain(at, stop);
                        stack.pop();
                        if stop == at && stop == line.len() {
                            break;
                        }
                        at = stop;
                    }
                    (Some(found), _) => {
                        plain(at, found.start);
                        // Captures name parts of what the rule as a whole has a name for.
                        for (start, end, name) in found.pieces {
                            tokens.push((line[start..end].to_owned(), name));
                        }
                        stack.extend(found.rule);
                        assert!(found.end > at || found.rule.is_some(), "no rule stands still");
                        at = found.end;
                    }
                    (None, _) => {
                        plain(at, line.len());
                        break;
                    }
                }
                if at >= line.len() && stack.is_empty() {
                    break;
                }
            }
        }
        tokens
    }
}

const SAMPLE: &str = r#"# a comment "x"
map person { # another
  root.name = this.first.uppercase()
}
let total = this.items.map_each(i -> i.price * 1.5).sum()
meta topic = "a\n\q"
root.if.match = if $total >= 10 && !this.ok { uuid_v4() } else { @topic | null }
root.raw = """no # "escapes"
  here"""
root.found = match this.x { 1 => true, _ => nope() }
root.x = @"odd key" + this."quoted name".y.frobnicate(1)
import "./maps.blobl"
"#;

/// Pieces of the sample and the beginning of the scope they must have.
const EXPECTED: [(&str, &str); 32] = [
    ("# a comment \"x\"", "comment.line"),
    ("# another", "comment.line"),
    ("map", "keyword.declaration"),
    ("person", "entity.name.function.map"),
    ("root", "variable.language"),
    ("name", "variable.other.member"),
    ("uppercase", "support.function.method"),
    ("let", "keyword.declaration"),
    ("total", "variable.other.definition"),
    ("map_each", "support.function.method"),
    ("->", "storage.type.function.arrow"),
    ("*", "keyword.operator.arithmetic"),
    ("1.5", "constant.numeric"),
    ("topic", "variable.other.metadata"),
    ("\\n", "constant.character.escape"),
    ("\\q", "invalid.illegal.escape"),
    ("if", "variable.other.member"),
    ("match", "variable.other.member"),
    ("if", "keyword.control"),
    ("$total", "variable.other.local"),
    (">=", "keyword.operator.comparison"),
    ("&&", "keyword.operator.logical"),
    ("uuid_v4", "support.function"),
    ("else", "keyword.control"),
    ("@topic", "variable.other.metadata"),
    ("|", "keyword.operator.coalesce"),
    ("null", "constant.language"),
    ("  here\"\"\"", "string.quoted.triple"),
    ("nope", "entity.name.function.bloblang"),
    ("@\"odd key\"", "variable.other.metadata"),
    ("frobnicate", "entity.name.function.method"),
    ("import", "keyword.control.import"),
];

#[test]
fn the_textmate_grammar_colours_a_sample_right() {
    let tokens = Tokeniser::new().tokens(SAMPLE);
    for (piece, scope) in EXPECTED {
        assert!(
            tokens.iter().any(|(text, actual)| text == piece && actual.starts_with(scope)),
            "{piece} is no {scope}: {tokens:#?}"
        );
    }
    // Nothing behind the strings was swallowed by them.
    assert!(
        !tokens.iter().any(|(text, scope)| text.contains("root") && scope.starts_with("string"))
    );
}

#[test]
fn every_word_and_operator_of_the_grammar_has_a_colour() {
    let tokeniser = Tokeniser::new();
    for word in KEYWORDS {
        let tokens = tokeniser.tokens(&format!("x = {} ", word.name));
        let scope = tokens.iter().find(|(text, _)| text == word.name).map(|(_, scope)| scope);
        let scope = scope.unwrap_or_else(|| panic!("{} has no colour", word.name));
        assert!(!scope.starts_with("variable.other"), "{} is a name to it: {scope}", word.name);
    }
    let operators = [
        "+", "-", "*", "/", "%", "|", "||", "&&", "==", "!=", ">", "<", ">=", "<=", "!", "->",
        "=>", "=",
    ];
    for operator in operators {
        let tokens = tokeniser.tokens(&format!("a {operator} b"));
        let found = tokens.iter().any(|(text, scope)| {
            text == operator && (scope.contains("operator") || scope.contains("arrow"))
        });
        assert!(found, "{operator}: {tokens:?}");
    }
}

#[test]
fn the_extension_names_files_that_are_there_and_can_be_read() {
    let folder = editors().join("vscode");
    let read = |name: &str| {
        let text = std::fs::read(folder.join(name)).unwrap_or_else(|_| panic!("{name} is missing"));
        json::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let package = read("package.json");
    let contributes = field(&package, "contributes").expect("it contributes something");
    for list in ["languages", "grammars"] {
        let items = field(contributes, list).and_then(Value::as_array).expect("a list");
        for item in items {
            let file = text(item, "path").or(text(item, "configuration")).expect("a file");
            read(file);
        }
    }
    let main = text(&package, "main").expect("it has code");
    assert!(folder.join(main).exists());
    // The pattern of YAML blocks names the fields that the language server knows.
    let injection = read("syntaxes/yaml-injection.tmLanguage.json").to_string();
    for name in ["mapping", "mutation", "bloblang", "check", "request_map", "result_map"] {
        assert!(injection.contains(name), "{name}");
    }
}

/// The CodeMirror mode runs in Node.js, where that is installed; every word is in its text anyway.
#[test]
fn the_codemirror_mode_colours_a_sample_right() {
    let path = editors().join("codemirror/bloblang.js");
    let mode = std::fs::read_to_string(&path).expect("it is there");
    for word in KEYWORDS {
        assert!(mode.contains(&format!("\"{}\"", word.name)), "{}", word.name);
    }
    let directory = std::env::temp_dir().join(format!("sluice-mode-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("it can be made");
    std::fs::write(directory.join("bloblang.mjs"), &mode).expect("it can be written");
    std::fs::write(directory.join("run.mjs"), RUNNER).expect("it can be written");
    let environment = Environment::default();
    let names = |entries: Vec<Entry>| alternatives(&entries).replace('|', " ");
    let output = std::process::Command::new("node")
        .arg(directory.join("run.mjs"))
        .arg(SAMPLE)
        .arg(names(docs::functions(&environment)))
        .arg(names(docs::methods(&environment)))
        .output();
    let _ = std::fs::remove_dir_all(&directory);
    let Ok(output) = output else {
        println!("not run: Node.js is not installed");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    for (piece, token) in [
        ("# a comment \"x\"", "comment"),
        ("map", "keyword"),
        ("root", "variableName.special"),
        ("name", "propertyName"),
        ("uppercase", "propertyName.function"),
        ("1.5", "number"),
        ("->", "operator"),
        ("if", "propertyName"),
        ("if", "keyword"),
        ("$total", "variableName.local"),
        ("uuid_v4", "variableName.function"),
        ("@topic", "meta"),
        ("null", "atom"),
        ("_", "atom"),
        ("nope", "invalid"),
        ("frobnicate", "invalid"),
        ("\"quoted name\"", "string"),
        ("  here", "string"),
        ("import", "keyword"),
    ] {
        let line = format!("{piece}\t{token}");
        assert!(printed.lines().any(|it| it == line), "{line}\n{printed}");
    }
}

const RUNNER: &str = r#"
import { bloblang } from "./bloblang.mjs";
const [sample, functions, methods] = process.argv.slice(2);
class Line {
  constructor(text) { this.text = text; this.at = 0; }
  peek() { return this.text[this.at]; }
  next() { return this.text[this.at++]; }
  skipToEnd() { this.at = this.text.length; }
  eatSpace() { const at = this.at; while (/\s/.test(this.text[this.at] ?? "x")) this.at++; return this.at > at; }
  match(pattern) {
    const rest = this.text.slice(this.at);
    const found = typeof pattern === "string" ? (rest.startsWith(pattern) ? [pattern] : null) : rest.match(pattern);
    if (found) this.at += found[0].length;
    return found;
  }
}
const mode = bloblang({ functions: functions.split(" "), methods: methods.split(" ") });
const state = mode.startState();
for (const text of sample.split("\n")) {
  const line = new Line(text);
  while (line.at < text.length) {
    const from = line.at;
    const token = mode.token(line, state);
    if (line.at === from) throw new Error(`stands still at ${from} of ${text}`);
    console.log(`${text.slice(from, line.at)}\t${token}`);
  }
}
"#;
