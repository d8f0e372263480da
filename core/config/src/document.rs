//! YAML (and with it JSON) text to nodes.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use crate::node::{Form, Key, Node, NodeValue, Position, Scalar, ScalarKind, Style};

/// Most nodes a document may have once its aliases are expanded.
const MAX_NODES: usize = 1_000_000;

/// Deepest nesting of a document.
const MAX_DEPTH: usize = 200;

/// A text that is not YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    pub at: Position,
    pub message: String,
}

impl std::fmt::Display for DocumentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "yaml: line {}: {}", self.at.line, self.message)
    }
}

impl std::error::Error for DocumentError {}

/// Parses the first document of `text`. An empty text is a null node.
///
/// Anchors, aliases and merge keys (`<<`) are resolved; an alias keeps the positions of what it
/// refers to.
///
/// # Errors
/// The first place that is not YAML, nesting deeper than 200, or more than a million nodes.
pub fn parse(text: &str) -> Result<Node, DocumentError> {
    let mut padded: BTreeSet<u32> = BTreeSet::new();
    let mut shown = Cow::Borrowed(text);
    loop {
        match parse_strictly(&shown) {
            Ok(mut node) => {
                unpad(&mut node, &padded);
                return Ok(node);
            }
            Err(error)
                if error.message == UNINDENTED
                    && padded.len() < MAX_UNINDENTED
                    && padded.insert(error.at.line) =>
            {
                shown = Cow::Owned(pad(text, &padded));
            }
            Err(error) => return Err(error),
        }
    }
}

/// What the parser says of a line between brackets that is not indented. Elsewhere a line may
/// stand at any column.
const UNINDENTED: &str = "invalid indentation";

/// Most lines between brackets that need not be indented as the standard wants it. Each costs
/// another attempt.
const MAX_UNINDENTED: usize = 1000;

/// How far such lines are moved for the parser.
const PADDING: u32 = 1024;

/// The text with some lines moved to the right.
fn pad(text: &str, padded: &BTreeSet<u32>) -> String {
    let mut out = String::with_capacity(text.len() + padded.len() * PADDING as usize);
    for (at, line) in text.split_inclusive('\n').enumerate() {
        if padded.contains(&(at as u32 + 1)) {
            out.extend(std::iter::repeat_n(' ', PADDING as usize));
        }
        out.push_str(line);
    }
    out
}

/// Moves the positions on such lines back.
fn unpad(node: &mut Node, padded: &BTreeSet<u32>) {
    if padded.is_empty() {
        return;
    }
    let move_back = |at: &mut Position| {
        if padded.contains(&at.line) {
            at.column = at.column.saturating_sub(PADDING).max(1);
        }
    };
    move_back(&mut node.at);
    match &mut node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::List(items) => items.iter_mut().for_each(|item| unpad(item, padded)),
        NodeValue::Map(fields) => {
            for (key, field) in fields {
                move_back(&mut key.at);
                unpad(field, padded);
            }
        }
    }
}

fn parse_strictly(text: &str) -> Result<Node, DocumentError> {
    let mut builder = Builder {
        parser: Parser::new_from_str(text),
        lines: text.lines().collect(),
        anchors: HashMap::new(),
        nodes: 0,
        depth: 0,
    };
    loop {
        let (event, span) = builder.next()?;
        match event {
            Event::StreamEnd | Event::DocumentEnd => return Ok(Node::default()),
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            other => {
                let node = builder.node(other, span)?;
                builder.next()?; // what follows the root must at least be well-formed
                return Ok(node);
            }
        }
    }
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    lines: Vec<&'a str>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    depth: usize,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), DocumentError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(DocumentError {
                at: Position {
                    line: error.marker().line() as u32,
                    column: error.marker().col() as u32 + 1,
                },
                message: error.info().to_owned(),
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, DocumentError> {
        let at = position(span);
        self.count(1, at)?;
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = scalar(&text, style, tag.as_deref());
                let (at, form) = self.form_of(style, span);
                (Node { at, value: NodeValue::Scalar(scalar), form }, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                self.enter(at)?;
                let form = self.form_at(at, '[');
                let items = self.items()?;
                (Node { at, value: NodeValue::List(items), form }, anchor)
            }
            Event::MappingStart(anchor, _) => {
                self.enter(at)?;
                let form = self.form_at(at, '{');
                let fields = self.fields()?;
                (Node { at, value: NodeValue::Map(fields), form }, anchor)
            }
            Event::Alias(anchor) => {
                let Some(mut node) = self.anchors.get(&anchor).cloned() else {
                    return Err(DocumentError { at, message: "unknown anchor".into() });
                };
                self.count(size(&node), at)?;
                node.form.is_alias = true;
                return Ok(node);
            }
            _ => return Err(DocumentError { at, message: "unexpected end of document".into() }),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn items(&mut self) -> Result<Vec<Node>, DocumentError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => break,
                (event, span) => items.push(self.node(event, span)?),
            }
        }
        self.depth -= 1;
        Ok(items)
    }

    fn fields(&mut self) -> Result<Vec<(Key, Node)>, DocumentError> {
        let mut fields = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.node(event, span)?;
            let (event, span) = self.next()?;
            let node = self.node(event, span)?;
            let NodeValue::Scalar(name) = key.value else {
                let message = "a key must be a scalar".into();
                return Err(DocumentError { at: key.at, message });
            };
            if name.text == "<<" && name.kind == ScalarKind::String {
                merged.extend(merge_sources(node));
            } else {
                fields.push((Key { at: key.at, name: name.text }, node));
            }
        }
        for (key, node) in merged {
            if !fields.iter().any(|(own, _)| own.name == key.name) {
                fields.push((key, node));
            }
        }
        self.depth -= 1;
        Ok(fields)
    }

    /// The style of a list or map that begins at `at`.
    fn form_at(&self, at: Position, bracket: char) -> Form {
        let line = self.lines.get((at.line as usize).saturating_sub(1)).copied().unwrap_or("");
        let is_flow = line.chars().nth(at.column as usize - 1) == Some(bracket);
        let style = if is_flow { Style::Flow } else { Style::Plain };
        Form { style, ..Form::default() }
    }

    /// Place and style of a scalar. The parser places a block scalar at its first line that is
    /// not empty; what counts is the line after its header, where its text begins.
    fn form_of(&self, style: ScalarStyle, span: Span) -> (Position, Form) {
        let mut at = position(span);
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let mut form = Form { style, ..Form::default() };
        if matches!(style, Style::Literal | Style::Folded) {
            let header = self.block_header(at);
            if let Some((line, column)) = header {
                at = Position { line: line + 1, column: at.column };
                form.header_column = column;
            }
        }
        (at, form)
    }

    /// Line and column of the header of the block scalar that the parser found at `at`.
    fn block_header(&self, at: Position) -> Option<(u32, u32)> {
        let line = at.line as usize;
        let own = self.lines.get(line.saturating_sub(1)).and_then(|line| header_column(line));
        if own == Some(at.column) {
            return Some((at.line, at.column)); // at the end of the text, without content
        }
        let above = self.lines.get(..line.saturating_sub(1))?;
        let is_skipped = |line: &str| line.trim().is_empty() || line.trim().starts_with('#');
        let (index, line) = above.iter().enumerate().rev().find(|(_, line)| !is_skipped(line))?;
        header_column(line).map(|column| (index as u32 + 1, column))
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<(), DocumentError> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(DocumentError {
                at,
                message: "document contains excessive aliasing".into(),
            });
        }
        Ok(())
    }

    fn enter(&mut self, at: Position) -> Result<(), DocumentError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(DocumentError { at, message: "document is nested too deeply".into() });
        }
        Ok(())
    }
}

/// The column of the `|` or `>` when `line` ends with the header of a block scalar.
fn header_column(line: &str) -> Option<u32> {
    let is_header = |rest: &str| {
        let rest = rest.trim_start_matches(['+', '-', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
        let comment = rest.trim_start();
        comment.is_empty() || (comment.starts_with('#') && comment.len() < rest.len())
    };
    let mut before = ' ';
    for (column, (at, c)) in line.char_indices().enumerate() {
        if matches!(c, '|' | '>') && before.is_whitespace() && is_header(&line[at + 1..]) {
            return Some(column as u32 + 1);
        }
        before = c;
    }
    None
}

fn merge_sources(node: Node) -> Vec<(Key, Node)> {
    match node.value {
        NodeValue::Map(fields) => fields,
        NodeValue::List(items) => items.into_iter().flat_map(merge_sources).collect(),
        NodeValue::Scalar(_) => Vec::new(),
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        NodeValue::Scalar(_) => 1,
        NodeValue::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        NodeValue::Map(fields) => 1 + fields.iter().map(|(_, node)| size(node)).sum::<usize>(),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Scalar {
    let mut scalar = match style {
        ScalarStyle::Plain => Scalar::plain(text),
        _ => Scalar::string(text),
    };
    scalar.is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
    if let Some(tag) = tag.filter(|tag| tag.is_yaml_core_schema()) {
        scalar.kind = match tag.suffix.as_str() {
            "str" | "binary" => ScalarKind::String,
            "int" => ScalarKind::Int,
            "float" => ScalarKind::Float,
            "bool" => ScalarKind::Bool,
            "null" => ScalarKind::Null,
            _ => scalar.kind,
        };
    }
    scalar
}

fn position(span: Span) -> Position {
    Position { line: span.start.line() as u32, column: span.start.col() as u32 + 1 }
}
